package egress

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// local is a client that may reach the test's own listeners.
func local(t testing.TB, change func(*Options)) *Client {
	t.Helper()
	o := Options{AllowHTTP: true, AllowCIDRs: loopback}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// raw listens on loopback and hands each connection to serve with its number, from 1.
// It gives the URL and the count of connections.
func raw(t testing.TB, serve func(n int, c *net.TCPConn)) (string, *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var count atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(count.Add(1))
			go func() {
				defer func() { _ = c.Close() }()
				serve(n, c.(*net.TCPConn))
			}()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String() + "/", &count
}

// answers reads requests and writes the same bytes for each.
func answers(s string) func(int, *net.TCPConn) {
	return func(_ int, c *net.TCPConn) {
		in := bufio.NewReader(c)
		for readRequest(in) {
			if _, err := io.WriteString(c, s); err != nil {
				return
			}
		}
	}
}

// once reads a request, writes the bytes and closes.
func once(s string) func(int, *net.TCPConn) {
	return func(_ int, c *net.TCPConn) {
		if readRequest(bufio.NewReader(c)) {
			_, _ = io.WriteString(c, s)
		}
	}
}

func readRequest(in *bufio.Reader) bool {
	r, err := http.ReadRequest(in)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// post sends a small request with time enough for any answer that comes.
func post(t testing.TB, c *Client, url string) (Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return c.Do(ctx, Request{URL: url, Body: []byte("{}"), MaxResponse: 1024})
}

// hurried is post with a deadline that is meant to pass.
func hurried(t testing.TB, c *Client, url string) (Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	return c.Do(ctx, Request{URL: url, Body: []byte("{}"), MaxResponse: 1024})
}

func wantKind(t testing.TB, err error, kind Kind, words string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is no *Error", err, err)
	}
	if e.Kind != kind || !strings.Contains(e.Message, words) {
		t.Fatalf("error is %s %q (cause %v), want %s with %q", e.Kind, e.Message, e.Err, kind, words)
	}
}

// names is a DNS server on loopback that answers every name with one address, which
// the test may change; the zero address is "no such name".
type names struct {
	answer atomic.Pointer[netip.Addr]
	asked  atomic.Int64
}

func (n *names) set(s string) {
	addr := netip.Addr{}
	if s != "" {
		addr = netip.MustParseAddr(s)
	}
	n.answer.Store(&addr)
}

// resolver makes a resolver that asks n.
func (n *names) resolver(t testing.TB) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			size, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			n.asked.Add(1)
			_, _ = pc.WriteTo(n.reply(buf[:size]), from)
		}
	}()
	t.Cleanup(func() { _ = pc.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// reply answers the one question of a query (RFC 1035, 4.1).
func (n *names) reply(query []byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	question := query[12 : end+5]
	kind := binary.BigEndian.Uint16(query[end+1:])
	addr := *n.answer.Load()
	flags, count := uint16(0x8180), uint16(0)
	if !addr.IsValid() {
		flags |= 3
	} else if addr.Is4() && kind == 1 || addr.Is6() && kind == 28 {
		count = 1
	}
	out := append([]byte{}, query[:2]...)
	for _, v := range []uint16{flags, 1, count, 0, 0} {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	out = append(out, question...)
	if count == 1 {
		for _, v := range []uint16{0xc00c, kind, 1, 0, 0, uint16(addr.BitLen() / 8)} {
			out = binary.BigEndian.AppendUint16(out, v)
		}
		out = append(out, addr.AsSlice()...)
	}
	return out
}
