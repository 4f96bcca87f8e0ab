package egress

import (
	"bufio"
	"bytes"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

// scripted is a connection that says what it was given and then ends.
type scripted struct {
	net.Conn
	in *bytes.Reader
}

func (s *scripted) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *scripted) SetDeadline(time.Time) error { return nil }

func FuzzReadResponse(f *testing.F) {
	for _, s := range []string{
		okAnswer, okAnswer + okAnswer, "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.0 500 X\r\n\r\nrest",
		"HTTP/1.1 100 Continue\r\n\r\n" + okAnswer,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
	} {
		f.Add([]byte(s), 16, false)
		f.Add([]byte(s), 0, true)
	}
	f.Fuzz(func(t *testing.T, wire []byte, keep int, head bool) {
		if keep < 0 || keep > 1<<16 {
			return
		}
		in := bytes.NewReader(wire)
		c := &conn{net: &scripted{in: in}}
		c.in = bufio.NewReader(c)
		method := "POST"
		if head {
			method = "HEAD"
		}
		res, clean, err := c.readResponse(method, keep, time.Time{})
		if len(res.Body) > keep {
			t.Errorf("%d bytes kept of %d", len(res.Body), keep)
		}
		if err == nil && (res.StatusCode < 200 || res.StatusCode > 999) {
			t.Errorf("status %d", res.StatusCode)
		}
		if err != nil && clean {
			t.Errorf("clean in spite of %v", err)
		}
		if err == nil && !bytes.HasPrefix(wire, []byte("HTTP/1.")) {
			t.Errorf("%q is no answer", wire)
		}
	})
}

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{
		"https://hooks.your-app.com/nemo", "https://8.8.8.8", "https://2130706433/", "https://0x7f.1:443/?q=a b", "https://[::ffff:127.0.0.1]/",
		"https://127。0。0。1/", "https://user@host/", "https://a/#", "https://[fe80::1%25eth0]/", "https://08.1/", "HTTPS://A.B./\x7f",
	} {
		f.Add(s)
	}
	c, err := New(Options{AllowHTTP: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		tg, err := c.parseTarget(raw)
		if err != nil {
			return
		}
		host, port, err := net.SplitHostPort(tg.key.address)
		if err != nil || port == "" || port == "0" || host != tg.host() {
			t.Fatalf("%q leads to %q", raw, tg.key.address)
		}
		// What the dialer takes for an address is what was checked as one.
		if ip := net.ParseIP(host); (ip != nil) != (tg.name == "") || strings.ContainsAny(host, "%[]/@ \r\n") {
			t.Fatalf("%q has the host %q, name %q", raw, host, tg.name)
		}
		// The head is two lines behind the method and cannot be more.
		lines := strings.Split(tg.head, "\r\n")
		if len(lines) != 4 || !strings.HasSuffix(lines[0], " HTTP/1.1") || strings.Count(lines[0], " ") != 1 ||
			lines[1] != strings.TrimSpace(lines[1]) || strings.ContainsAny(tg.head[:len(tg.head)-2], "\x00\x7f\t") ||
			strings.Count(tg.head, "\n") != 3 || strings.Count(tg.head, "\r") != 3 {
			t.Fatalf("%q makes the head %q", raw, tg.head)
		}
		// Its own words parse to the same place.
		scheme := "http"
		if tg.key.tls {
			scheme = "https"
		}
		path := strings.TrimSuffix(lines[0], " HTTP/1.1")
		again, err := c.parseTarget(scheme + "://" + tg.key.address + path)
		if err != nil && len(raw) < 600 {
			t.Fatalf("%q: %q does not parse: %v", raw, tg.key.address+path, err)
		}
		if err == nil && again.key != tg.key {
			t.Fatalf("%q: %v, then %v", raw, tg.key, again.key)
		}
		if _, err := url.ParseRequestURI(path); err != nil && path != "*" {
			t.Fatalf("%q has the path %q: %v", raw, path, err)
		}
	})
}
