//go:build unix

package egress

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// sink answers every request at once and at little cost of its own.
func sink(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveSink(c)
		}
	}()
	return "http://" + l.Addr().String() + "/hook"
}

func serveSink(c net.Conn) {
	defer c.Close()
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nDate: Mon, 05 Jan 2026 10:00:00 GMT\r\n\r\nok")
	in := bufio.NewReader(c)
	for {
		length := 0
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) == 2 {
				break
			}
			if v, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
				length, _ = strconv.Atoi(strings.TrimSpace(v))
			}
		}
		if _, err := in.Discard(length); err != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

var benchHeaders = []peal.Header{
	{Name: "Content-Type", Value: "application/json"},
	{Name: "webhook-id", Value: "evt_01h455vb4pex5vsknk084sn02q"},
	{Name: "webhook-timestamp", Value: "1767607200"},
	{Name: "webhook-signature", Value: "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
}

// BenchmarkExchange compares the client with net/http's, 16 callers at once, the sink
// in the same process. cpu-µs/op holds both sides.
func BenchmarkExchange(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 1024)
	b.Run("egress", func(b *testing.B) {
		c, err := New(Options{AllowHTTP: true, AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		url := sink(b)
		measure(b, func(ctx context.Context) error {
			_, err := c.Do(ctx, Request{URL: url, Header: benchHeaders, Body: body, MaxResponse: 1024})
			return err
		})
	})
	request := func(ctx context.Context, url string) *http.Request {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			panic(err)
		}
		for _, h := range benchHeaders {
			r.Header.Set(h.Name, h.Value)
		}
		return r
	}
	finish := func(r *http.Response, err error) error {
		if err != nil {
			return err
		}
		defer r.Body.Close()
		_, err = io.ReadAll(io.LimitReader(r.Body, 1024))
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	b.Run("http.Transport", func(b *testing.B) {
		url := sink(b)
		measure(b, func(ctx context.Context) error { return finish(transport.RoundTrip(request(ctx, url))) })
	})
	b.Run("http.Client", func(b *testing.B) {
		url := sink(b)
		client := &http.Client{Transport: transport}
		measure(b, func(ctx context.Context) error { return finish(client.Do(request(ctx, url))) })
	})
}

func measure(b *testing.B, send func(context.Context) error) {
	b.SetParallelism(8)
	b.ReportAllocs()
	before := cpu(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
			if err := send(ctx); err != nil {
				b.Error(err)
			}
			cancel()
		}
	})
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
