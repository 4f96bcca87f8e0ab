package egress

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

func TestRequestOnTheWire(t *testing.T) {
	wire := make(chan string, 1)
	url, _ := raw(t, func(_ int, c *net.TCPConn) {
		buf := make([]byte, 4096)
		n, _ := c.Read(buf) // one read: the request is one write
		wire <- string(buf[:n])
		_, _ = io.WriteString(c, okAnswer)
	})
	c := local(t, func(o *Options) { o.UserAgent = "Peal/1.2.3" })
	res, err := c.Do(t.Context(), Request{
		URL:         url + "hook path?a=b c",
		Header:      []peal.Header{{Name: "webhook-id", Value: "evt_1"}, {Name: "X-Custom-Header", Value: "optional"}},
		Body:        []byte(`{"a":1}`),
		MaxResponse: 1024,
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || string(res.Body) != "ok" || res.Header.Get("Content-Length") != "2" {
		t.Errorf("response %+v", res)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	want := "POST /hook%20path?a=b%20c HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: Peal/1.2.3\r\n" +
		"webhook-id: evt_1\r\nX-Custom-Header: optional\r\nContent-Length: 7\r\n\r\n" + `{"a":1}`
	if diff := cmp.Diff(want, <-wire); diff != "" {
		t.Error(diff)
	}
}

func TestMethods(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %d %s", r.Method, r.ContentLength, r.Header.Get("Accept-Encoding"))
	}))
	t.Cleanup(s.Close)
	c := local(t, nil)
	for method, want := range map[string]string{"": "POST 0 ", "GET": "GET 0 ", "HEAD": "", "PUT": "PUT 0 ", "PATCH": "PATCH 0 ", "DELETE": "DELETE 0 "} {
		res, err := c.Do(t.Context(), Request{Method: method, URL: s.URL, MaxResponse: 1024})
		if err != nil || string(res.Body) != want {
			t.Errorf("%s: %q, %v", method, res.Body, err)
		}
	}
	for _, method := range []string{"CONNECT", "TRACE", "post", "GET / HTTP/1.1\r\nX: y\r\n\r\nPOST"} {
		_, err := c.Do(t.Context(), Request{Method: method, URL: s.URL})
		wantKind(t, err, KindRequest, "not supported")
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := local(t, nil)
	const callers, each = 4, 250
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range each {
				body := fmt.Sprintf("%d/%d", caller, i)
				res, err := c.Do(t.Context(), Request{URL: s.URL, Body: []byte(body), MaxResponse: 1024})
				if err != nil || string(res.Body) != body {
					t.Errorf("sent %q, got %q, %v", body, res.Body, err)
				}
			}
		})
	}
	wg.Wait()
	if n := opened.Load(); n > callers {
		t.Errorf("%d requests of %d callers opened %d connections", callers*each, callers, n)
	}
}

func TestBodies(t *testing.T) {
	long := strings.Repeat("a", 5000)
	for name, tc := range map[string]struct {
		answer string
		body   string
		conns  int64 // for two requests
	}{
		"length":            {okAnswer, "ok", 1},
		"none":              {"HTTP/1.1 204 No Content\r\n\r\n", "", 1},
		"zero":              {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 1},
		"chunked":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok", 1},
		"trailer":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", "ok", 1},
		"kept in part":      {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(long), long), long[:1024], 1},
		"chunks in part":    {fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(long), long), long[:1024], 1},
		"exactly what fits": {fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n%s\r\n0\r\n\r\n", long[:1024]), long[:1024], 1},
		"close":             {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", "ok", 2},
		"1.0":               {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 2},
		"1.0 kept alive":    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", "ok", 1},
		"interim":           {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + okAnswer, "ok", 1},
		"no reason":         {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "ok", 1},
		"more than it said": {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n", "ok", 2},
		"body of a 204":     {"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			url, conns := raw(t, answers(tc.answer))
			c := local(t, nil)
			for range 2 {
				res, err := post(t, c, url)
				if err != nil || string(res.Body) != tc.body || res.StatusCode/100 != 2 {
					t.Fatalf("%d %q, %v", res.StatusCode, res.Body, err)
				}
			}
			if n := conns.Load(); n != tc.conns {
				t.Errorf("two requests took %d connections, want %d", n, tc.conns)
			}
		})
	}
	t.Run("to the end of the connection", func(t *testing.T) {
		url, _ := raw(t, once("HTTP/1.1 200 OK\r\n\r\nok"))
		if res, err := post(t, local(t, nil), url); err != nil || string(res.Body) != "ok" {
			t.Errorf("%q, %v", res.Body, err)
		}
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var elsewhere atomic.Int64
	other, _ := raw(t, func(int, *net.TCPConn) { elsewhere.Add(1) })
	url, _ := raw(t, answers("HTTP/1.1 307 Temporary Redirect\r\nLocation: "+other+"\r\nContent-Length: 0\r\n\r\n"))
	res, err := post(t, local(t, nil), url)
	if err != nil || res.StatusCode != 307 || elsewhere.Load() != 0 {
		t.Errorf("%d, %v, %d requests elsewhere", res.StatusCode, err, elsewhere.Load())
	}
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	proxy, asked := raw(t, answers(okAnswer))
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy)
	}
	var n names
	n.set("127.0.0.1")
	resolver := n.resolver(t)
	url, direct := raw(t, answers(okAnswer))
	url = strings.Replace(url, "127.0.0.1", "hooks.example.com", 1)
	if _, err := post(t, local(t, func(o *Options) { o.Resolver = resolver }), url); err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 0 || direct.Load() != 1 {
		t.Errorf("%d connections to the proxy, %d to the target", asked.Load(), direct.Load())
	}
}

// A receiver that closes kept connections without saying so costs a second
// connection, not the delivery.
func TestDeadConnectionIsReplaced(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"closed": func(c *net.TCPConn) { _ = c.Close() },
		"reset":  func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			url, conns := raw(t, func(_ int, c *net.TCPConn) {
				in := bufio.NewReader(c)
				if readRequest(in) {
					_, _ = io.WriteString(c, okAnswer)
				}
				// The next request is read, so that it is the answer that fails to come.
				_ = readRequest(in)
				end(c)
			})
			c := local(t, nil)
			for i := range 3 {
				if res, err := post(t, c, url); err != nil || res.StatusCode != 200 {
					t.Fatalf("request %d: %d, %v", i, res.StatusCode, err)
				}
			}
			if n := conns.Load(); n != 3 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func TestFreshConnectionIsNotRepeated(t *testing.T) {
	url, conns := raw(t, once(""))
	_, err := post(t, local(t, nil), url)
	wantKind(t, err, KindReset, "closed without an answer")
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestTimeoutIsNotRepeated(t *testing.T) {
	var requests atomic.Int64
	url, _ := raw(t, func(_ int, c *net.TCPConn) {
		in := bufio.NewReader(c)
		for readRequest(in) {
			if requests.Add(1) == 1 {
				_, _ = io.WriteString(c, okAnswer)
			}
		}
	})
	c := local(t, nil)
	if _, err := post(t, c, url); err != nil {
		t.Fatal(err)
	}
	_, err := hurried(t, c, url)
	wantKind(t, err, KindTimeout, "no answer")
	if n := requests.Load(); n != 2 {
		t.Errorf("the receiver saw %d requests", n)
	}
}

func TestCancel(t *testing.T) {
	reached := make(chan struct{})
	url, _ := raw(t, func(_ int, c *net.TCPConn) {
		close(reached)
		_, _ = io.Copy(io.Discard, c)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	_, err := local(t, nil).Do(ctx, Request{URL: url})
	wantKind(t, err, KindCanceled, "cancelled")
}

// An answer that comes before the request was read counts, as with 413.
func TestEarlyAnswer(t *testing.T) {
	url, _ := raw(t, func(_ int, c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 16))
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	res, err := local(t, nil).Do(ctx, Request{URL: url, Body: bytes.Repeat([]byte("x"), 4<<20)})
	if err != nil || res.StatusCode != 413 {
		t.Errorf("%d, %v", res.StatusCode, err)
	}
}

func TestHeaderInjectionIsRefused(t *testing.T) {
	url, conns := raw(t, answers(okAnswer))
	c := local(t, nil)
	for _, h := range []peal.Header{
		{Name: "X", Value: "a\r\nHost: evil"},
		{Name: "X\r\nY", Value: "b"},
		{Name: "X", Value: "a\x00"},
		{Name: "Host", Value: "evil"},
		{Name: "transfer-encoding", Value: "chunked"},
		{Name: "", Value: "a"},
	} {
		_, err := c.Do(t.Context(), Request{URL: url, Header: []peal.Header{h}})
		wantKind(t, err, KindRequest, "header")
	}
	if n := conns.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
	if _, err := New(Options{UserAgent: "Peal\r\nX: y"}); err == nil {
		t.Error("the user agent may break the line")
	}
}
