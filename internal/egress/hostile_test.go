package egress

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hold keeps a connection open until the other side closes it.
func hold(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// trickle writes a byte at a time until the other side has had enough.
func trickle(c net.Conn, start, forever string) {
	if _, err := io.WriteString(c, start); err != nil {
		return
	}
	for {
		if _, err := io.WriteString(c, forever); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// Each of these would hang for good if the deadline could be stretched.
func TestDeadlineHolds(t *testing.T) {
	for name, tc := range map[string]struct {
		serve func(int, *net.TCPConn)
		words string
	}{
		"silence":        {func(_ int, c *net.TCPConn) { hold(c) }, "no answer"},
		"status trickle": {func(_ int, c *net.TCPConn) { trickle(c, "HTTP/1.1 200 ", "x") }, "the answer was not complete"},
		"header trickle": {func(_ int, c *net.TCPConn) { trickle(c, "HTTP/1.1 200 OK\r\nX: ", "x") }, "the answer was not complete"},
		"interim":        {func(_ int, c *net.TCPConn) { _, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); hold(c) }, "the answer was not complete"},
		"body": {func(_ int, c *net.TCPConn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab")
			hold(c)
		}, "the answer was not complete"},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := raw(t, tc.serve)
			_, err := hurried(t, local(t, nil), url)
			wantKind(t, err, KindTimeout, tc.words)
		})
	}
	t.Run("a request that is not read", func(t *testing.T) {
		done := make(chan struct{})
		url, _ := raw(t, func(int, *net.TCPConn) { <-done })
		defer close(done)
		body := make([]byte, 32<<20)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := local(t, nil).Do(ctx, Request{URL: url, Body: body})
		wantKind(t, err, KindTimeout, "no answer")
	})
	t.Run("handshake", func(t *testing.T) {
		url, _ := raw(t, func(_ int, c *net.TCPConn) { hold(c) })
		_, err := hurried(t, local(t, nil), strings.Replace(url, "http:", "https:", 1))
		wantKind(t, err, KindTimeout, "no connection")
	})
}

func TestTimeoutNamesItsLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now().Add(time.Millisecond)
		<-ctx.Done()
		wantKind(t, interrupted(ctx, start, ctx.Err(), "no answer"), KindTimeout, "timed out after 10s: no answer")
	})
}

func TestMalformedAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		kind   Kind
		words  string
	}{
		"garbage":          {"\x16\x03\x01garbage\r\n\r\n", KindProtocol, "not valid HTTP"},
		"another protocol": {"SSH-2.0-OpenSSH_9.2\r\n\r\n", KindProtocol, "not valid HTTP"},
		"http/2":           {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", KindProtocol, "not valid HTTP"},
		"status":           {"HTTP/1.1 2000 OK\r\n\r\n", KindProtocol, "not valid HTTP"},
		"small status":     {"HTTP/1.1 042 Odd\r\nContent-Length: 0\r\n\r\n", KindProtocol, "not valid HTTP"},
		"upgrade":          {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", KindProtocol, "not valid HTTP"},
		"header":           {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", KindProtocol, "not valid HTTP"},
		"lengths":          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", KindProtocol, "not valid HTTP"},
		"negative length":  {"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", KindProtocol, "not valid HTTP"},
		"encoding":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", KindProtocol, "not valid HTTP"},
		"chunk":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", KindProtocol, "not valid HTTP"},
		"short body":       {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", KindProtocol, "closed before the answer was complete"},
		"short headers":    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", KindProtocol, "closed before the answer was complete"},
		"short chunk":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", KindProtocol, "closed before the answer was complete"},
		"nothing":          {"", KindReset, "closed without an answer"},
		"interim flood":    {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100) + okAnswer, KindProtocol, "not valid HTTP"},
		"long line":        {"HTTP/1.1 200 " + strings.Repeat("x", 1<<20), KindProtocol, "headers exceed 64 KiB"},
		"many headers":     {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: b\r\n", 1<<17), KindProtocol, "headers exceed 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			url, conns := raw(t, func(_ int, c *net.TCPConn) {
				if readRequest(bufio.NewReader(c)) {
					_, _ = io.WriteString(c, tc.answer)
					_ = c.CloseWrite()
					hold(c)
				}
			})
			c := local(t, nil)
			_, err := post(t, c, url)
			wantKind(t, err, tc.kind, tc.words)
			if n := conns.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
			if len(c.pool.hosts) != 0 {
				t.Error("the pool remembers a host without connections")
			}
		})
	}
}

func TestReset(t *testing.T) {
	url, _ := raw(t, func(_ int, c *net.TCPConn) {
		_ = readRequest(bufio.NewReader(c))
		_ = c.SetLinger(0)
	})
	_, err := post(t, local(t, nil), url)
	wantKind(t, err, KindReset, "connection reset")
}

// A broken body leaves the status code, which is worth recording.
func TestStatusOfABrokenAnswer(t *testing.T) {
	url, _ := raw(t, once("HTTP/1.1 410 Gone\r\nContent-Length: 20\r\n\r\nok"))
	res, err := post(t, local(t, nil), url)
	wantKind(t, err, KindProtocol, "")
	if res.StatusCode != 410 || string(res.Body) != "ok" {
		t.Errorf("%d %q", res.StatusCode, res.Body)
	}
}

// The rest of a huge body is neither read nor waited for.
func TestHugeBodyIsNotRead(t *testing.T) {
	const size = 100 << 20
	for name, head := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6400000\r\n",
		"endless": "HTTP/1.1 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			sent := make(chan int, 1)
			url, _ := raw(t, func(_ int, c *net.TCPConn) {
				n, block := 0, make([]byte, 64<<10)
				defer func() { sent <- n }()
				if !readRequest(bufio.NewReader(c)) {
					return
				}
				_, _ = io.WriteString(c, head)
				for n < size {
					w, err := c.Write(block)
					n += w
					if err != nil {
						return
					}
				}
			})
			res, err := post(t, local(t, nil), url)
			if err != nil || res.StatusCode != 200 || len(res.Body) != 1024 {
				t.Fatalf("%d, %d bytes, %v", res.StatusCode, len(res.Body), err)
			}
			if n := <-sent; n >= size/2 {
				t.Errorf("the receiver could send %d bytes", n)
			}
		})
	}
}

// A body that goes on slowly past what is kept costs its connection, not the time
// until the deadline.
func TestSlowRestIsNotWaitedFor(t *testing.T) {
	url, conns := raw(t, func(_ int, c *net.TCPConn) {
		if readRequest(bufio.NewReader(c)) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"+strings.Repeat("a", 1024))
			hold(c)
		}
	})
	c := local(t, nil)
	for range 2 {
		if res, err := post(t, c, url); err != nil || len(res.Body) != 1024 {
			t.Fatalf("%d bytes, %v", len(res.Body), err)
		}
	}
	if n := conns.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// What a receiver says when nobody asked never becomes the next answer.
func TestLateLeftoversArePoisonToNobody(t *testing.T) {
	said := make(chan struct{})
	url, conns := raw(t, func(n int, c *net.TCPConn) {
		in := bufio.NewReader(c)
		for readRequest(in) {
			_, _ = io.WriteString(c, okAnswer)
			if n == 1 {
				time.Sleep(2 * justUsed)
				_, _ = io.WriteString(c, "HTTP/1.1 500 Late\r\nContent-Length: 0\r\n\r\n")
				close(said)
			}
		}
	})
	c := local(t, nil)
	for range 2 {
		if res, err := post(t, c, url); err != nil || res.StatusCode != 200 {
			t.Fatalf("%d, %v", res.StatusCode, err)
		}
		<-said
	}
	if n := conns.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}
