package blackbox

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rawReceiver answers with bytes that no HTTP library would send.
type rawReceiver struct{ URL string }

// newRawConn serves each connection with a function of its own, until the test ends.
func newRawConn(t *testing.T, serve func(net.Conn)) *rawReceiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		conns []net.Conn
	)
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return &rawReceiver{URL: "http://" + l.Addr().String()}
}

// newRaw answers the n-th request, counted from 1, with the bytes of respond(n).
func newRaw(t *testing.T, respond func(n int) string) *rawReceiver {
	t.Helper()
	var n atomic.Int64
	return newRawConn(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			if !readRequest(in) {
				return
			}
			if _, err := conn.Write([]byte(respond(int(n.Add(1))))); err != nil {
				return
			}
		}
	})
}

// readRequest reads one request to its end.
func readRequest(in *bufio.Reader) bool {
	req, err := http.ReadRequest(in)
	if err != nil {
		return false
	}
	buf := make([]byte, 4096)
	for {
		if _, err := req.Body.Read(buf); err != nil {
			return err.Error() == "EOF"
		}
	}
}

// Receivers misbehave in every way; each attempt ends in time, is recorded with a
// reason, and a healthy endpoint beside them notices nothing.
func TestMisbehavingReceivers(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	tests := []struct {
		name  string
		serve func(net.Conn, *bufio.Reader)
	}{
		{"accepts and says nothing", func(conn net.Conn, in *bufio.Reader) {
			for readRequest(in) {
			}
		}},
		{"never reads", func(net.Conn, *bufio.Reader) { time.Sleep(3 * time.Second) }},
		{"trickles its head", func(conn net.Conn, in *bufio.Reader) {
			readRequest(in)
			trickle(conn, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-A: b\r\n", 1000))
		}},
		{"trickles an endless line", func(conn net.Conn, in *bufio.Reader) {
			readRequest(in)
			trickle(conn, "HTTP/1.1 200 OK\r\nX-A: "+strings.Repeat("a", 10_000))
		}},
		{"resets before the request", func(conn net.Conn, in *bufio.Reader) { reset(conn) }},
		{"resets after the request", func(conn net.Conn, in *bufio.Reader) {
			readRequest(in)
			reset(conn)
		}},
		{"closes after the request", func(conn net.Conn, in *bufio.Reader) { readRequest(in) }},
		{"answers garbage", func(conn net.Conn, in *bufio.Reader) {
			readRequest(in)
			conn.Write([]byte("\x00\x16\x03SSH-2.0-garbage\r\n\r\n"))
		}},
		{"answers in another protocol's version", func(conn net.Conn, in *bufio.Reader) {
			readRequest(in)
			conn.Write([]byte("HTTP/2.0 200 OK\r\n\r\n"))
		}},
		{"answers with an absurd status", func(conn net.Conn, in *bufio.Reader) {
			readRequest(in)
			conn.Write([]byte("HTTP/1.1 99999 OK\r\nContent-Length: 0\r\n\r\n"))
		}},
		{"answers with a head without end", func(conn net.Conn, in *bufio.Reader) {
			readRequest(in)
			conn.Write([]byte("HTTP/1.1 200 OK\r\n"))
			for {
				if _, err := conn.Write([]byte(strings.Repeat("X-Filler: "+strings.Repeat("x", 1000)+"\r\n", 64))); err != nil {
					return
				}
			}
		}},
	}
	healthy := newReceiver(t, nil)
	c.Endpoint(t, healthy.URL, "events", []string{"healthy.event"})
	const pairs = 20
	deliveries := map[string]string{}
	for i, test := range tests {
		r := newRawConn(t, func(conn net.Conn) { test.serve(conn, bufio.NewReader(conn)) })
		kind := "misbehaving." + string(rune('a'+i))
		c.Endpoint(t, r.URL, "events", []string{kind}, "retry", object{"schedule": []string{"50ms"}, "timeout": "500ms"})
		deliveries[test.name] = text(c.Publish(t, kind, object{"pad": strings.Repeat("x", 100<<10)}), "id")
		for n := range pairs {
			c.Publish(t, "healthy.event", object{"i": i, "n": n})
		}
	}
	healthy.Wait(t, pairs*len(tests))
	for name, event := range deliveries {
		d := c.Delivery(t, event, "dead")
		attempts := list(d, "attempts")
		if len(attempts) != 2 || text(d, "last_error") == "" {
			t.Errorf("%s: %v", name, d)
			continue
		}
		for _, a := range attempts {
			ms, err := a["duration_ms"].(interface{ Float64() (float64, error) }).Float64()
			if err != nil || ms > 10_000 || text(a, "error") == "" {
				t.Errorf("%s: attempt %v", name, a)
			}
		}
	}
}

func trickle(conn net.Conn, s string) {
	for i := range len(s) {
		if _, err := conn.Write([]byte{s[i]}); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func reset(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		c.SetLinger(0)
	}
}

// Of a response that has no end, the beginning is kept, and the status counts.
func TestHugeResponse(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	var sent atomic.Int64
	r := newRawConn(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		chunk := []byte(strings.Repeat("0123456789abcdef", 4096))
		for readRequest(in) {
			conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 104857600\r\n\r\n"))
			for range 1600 {
				n, err := conn.Write(chunk)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		}
	})
	c.Endpoint(t, r.URL)
	event := c.Publish(t, "x", object{})
	d := c.Delivery(t, text(event, "id"), "succeeded")
	attempts := list(d, "attempts")
	if len(attempts) != 1 || !strings.HasPrefix(text(attempts[0], "response_body"), "0123456789abcdef") || len(text(attempts[0], "response_body")) != 1024 {
		t.Errorf("attempts: %v", attempts)
	}
	if n := sent.Load(); n > 32<<20 {
		t.Errorf("%d MiB of the response were read", n>>20)
	}
}
