package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

func TestGuard(t *testing.T) {
	refused := strings.Fields(`
		0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.0.1
		168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 100.100.100.200 172.16.0.1 172.31.255.255
		192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1
		203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
		:: ::1 ::7f00:1 ::a00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
		64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1:: 2001:10::1 2001:20::1 2001:db8::1
		2002:7f00:1:: 2002:808:808:: 3fff::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fe80::1%eth0
		2606:4700::1111%eth0 fec0::1 ff02::1 ff0e::1 4000::1`)
	permitted := strings.Fields(`1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 198.17.255.255
		198.20.0.1 223.255.255.255 ::ffff:8.8.8.8 2606:4700:4700::1111 2a00:1450:4001::1 2001:4860:4860::8888`)
	strict := mustGuard(t)
	for _, s := range refused {
		if strict.permits(netip.MustParseAddr(s)) {
			t.Errorf("%s is permitted", s)
		}
	}
	for _, s := range permitted {
		if !strict.permits(netip.MustParseAddr(s)) {
			t.Errorf("%s is refused", s)
		}
	}
}

func TestGuardAllows(t *testing.T) {
	g := mustGuard(t, "10.1.0.0/16", "::ffff:192.168.7.0/120", "fd12::/16", "127.0.0.1/8")
	for s, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false,
		"192.168.7.9": true, "::ffff:192.168.7.9": true, "192.168.8.1": false,
		"fd12::1": true, "fd13::1": false, "127.9.9.9": true, "::1": false, "64:ff9b::a01:203": false, "2002:a01:203::": false,
	} {
		if got := g.permits(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s: permitted %v", s, got)
		}
	}
	if _, err := New(Options{AllowCIDRs: []netip.Prefix{{}}}); err == nil {
		t.Error("an empty range is accepted")
	}
}

func mustGuard(t *testing.T, allow ...string) guard {
	t.Helper()
	prefixes := make([]netip.Prefix, len(allow))
	for i, s := range allow {
		prefixes[i] = netip.MustParsePrefix(s)
	}
	g, err := newGuard(prefixes)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestCheckURL(t *testing.T) {
	unknown := &names{}
	unknown.set("")
	c, err := New(Options{Resolver: unknown.resolver(t)})
	if err != nil {
		t.Fatal(err)
	}
	for url, words := range map[string]string{
		"https://hooks.your-app.com/nemo":           "", // does not resolve here, and may later
		"https://hooks.your-app.com:8443/a?b=c d":   "",
		"HTTPS://Hooks.Your-App.COM":                "",
		"https://8.8.8.8/":                          "",
		"https://134744072/":                        "", // 8.8.8.8
		"https://[2606:4700:4700::1111]/":           "",
		"https://xn--bcher-kva.example/":            "",
		"":                                          "required",
		"https://":                                  "absolute",
		"/hook":                                     "absolute",
		"hooks.example.com":                         "absolute",
		"https:hooks.example.com":                   "absolute",
		"ftp://hooks.example.com/":                  "absolute",
		"file:///etc/passwd":                        "absolute",
		"gopher://127.0.0.1:6379/_x":                "absolute",
		"https://hooks.example.com/\r\nX: y":        "absolute",
		"https://hooks.example.com:99999/":          "port",
		"https://hooks.example.com:0/":              "port",
		"https://hooks.example.com:http/":           "absolute",
		"https://hooks.example.com/#top":            "fragment",
		"https://hooks.example.com/#":               "fragment",
		"https://user:pass@hooks.example.com/":      "headers",
		"https://@hooks.example.com/":               "headers",
		"https://hooks.example.com@127.0.0.1/":      "headers",
		"https://127.0.0.1\\@hooks.example.com/":    "absolute",
		"http://hooks.example.com/":                 "https://",
		"https://" + strings.Repeat("a", 2048):      "2048",
		"https://bücher.example/":                   "punycode",
		"https://a..b/":                             "neither",
		"https://a b/":                              "absolute",
		"https://127.0.0.1/":                        "internal",
		"https://127.0.0.1.:443/":                   "internal",
		"https://2130706433/":                       "internal",
		"https://0x7f000001/":                       "internal",
		"https://0x7f.1/":                           "internal",
		"https://0X7F.0.0.1/":                       "internal",
		"https://017700000001/":                     "internal",
		"https://0177.0.0.1/":                       "internal",
		"https://127.1/":                            "internal",
		"https://127.0.1/":                          "internal",
		"https://0/":                                "internal",
		"https://0x/":                               "internal",
		"https://10.1/":                             "internal",
		"https://3232235521/":                       "internal", // 192.168.0.1
		"https://256.1.1.1/":                        "neither",
		"https://1.2.3.4.5/":                        "neither",
		"https://4294967296/":                       "neither",
		"https://08.1.1.1/":                         "neither",
		"https://example.0x7f/":                     "neither",
		"https://１２７.０.０.１/":                        "neither",
		"https://127。0。0。1/":                        "neither",
		"https://①②⑦.0.0.1/":                        "neither",
		"https://%31%32%37.0.0.1/":                  "absolute",
		"https://[::1]/":                            "internal",
		"https://[::]/":                             "internal",
		"https://[0:0:0:0:0:0:0:1]/":                "internal",
		"https://[::ffff:127.0.0.1]/":               "internal",
		"https://[::ffff:7f00:1]/":                  "internal",
		"https://[::127.0.0.1]/":                    "internal",
		"https://[64:ff9b::169.254.169.254]/":       "internal",
		"https://[2002:a9fe:a9fe::]/":               "internal",
		"https://[fd00:ec2::254]/":                  "internal",
		"https://[fe80::1%25eth0]/":                 "neither",
		"https://[::1/":                             "absolute",
		"https://169.254.169.254/latest/meta-data/": "internal",
		"https://localhost/":                        "internal",
		"https://LOCALHOST.:9443/":                  "internal",
		"https://hook.localhost/":                   "internal",
		"https://redis:6379/":                       "internal",
		"https://metadata.google.internal/":         "internal",
		"https://printer.local/":                    "internal",
	} {
		err := c.CheckURL(t.Context(), url)
		var e *peal.Error
		switch {
		case words == "" && err != nil:
			t.Errorf("%q is refused: %v", url, err)
		case words != "" && err == nil:
			t.Errorf("%q is accepted", url)
		case words != "" && (!errors.As(err, &e) || e.Code != peal.CodeInvalid || e.Field != "url" || !strings.Contains(e.Message, words)):
			t.Errorf("%q: %v, want %q", url, err, words)
		}
	}
}

func TestCheckURLResolves(t *testing.T) {
	var n names
	resolver := n.resolver(t)
	strict, open := local(t, func(o *Options) { o.AllowCIDRs, o.Resolver = nil, resolver }), local(t, func(o *Options) { o.Resolver = resolver })
	for _, tc := range []struct {
		answer                string
		strictFails, openFail bool
	}{
		{"8.8.8.8", false, false},
		{"127.0.0.1", true, false},
		{"10.0.0.1", true, true},
		{"169.254.169.254", true, true},
		{"fd00:ec2::254", true, true},
		{"2606:4700:4700::1111", false, false},
		{"", false, false},
	} {
		n.set(tc.answer)
		for c, fails := range map[*Client]bool{strict: tc.strictFails, open: tc.openFail} {
			err := c.CheckURL(t.Context(), "https://hooks.example.com/")
			if (err != nil) != fails {
				t.Errorf("name that resolves to %q: %v", tc.answer, err)
			}
			if err != nil && tc.answer != "" && strings.Contains(err.Error(), tc.answer) {
				t.Errorf("%v tells the address", err)
			}
		}
	}
	for _, url := range []string{"http://localhost:9/", "http://a.localhost/", "http://receiver:9/", "http://127.0.0.1:9/"} {
		n.set("")
		if err := open.CheckURL(t.Context(), url); err != nil {
			t.Errorf("%s is refused although loopback is allowed: %v", url, err)
		}
	}
}

// A lookup that hangs holds up a create for no longer than its bound.
func TestCheckURLDoesNotWaitForNames(t *testing.T) {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	c := local(t, func(o *Options) { o.Resolver = resolver })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.CheckURL(ctx, "https://hooks.example.com/"); err != nil {
		t.Error(err)
	}
}

// The name passes at create and turns internal before the connection.
func TestRebinding(t *testing.T) {
	var n names
	resolver := n.resolver(t)
	url, conns := raw(t, answers(okAnswer))
	url = strings.Replace(url, "127.0.0.1", "hooks.example.com", 1)
	c := local(t, func(o *Options) { o.AllowCIDRs, o.Resolver = nil, resolver })
	n.set("8.8.8.8")
	if err := c.CheckURL(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	n.set("127.0.0.1")
	_, err := post(t, c, url)
	wantKind(t, err, KindRefused, "hooks.example.com leads to an internal")
	if strings.Contains(err.Error(), "127.") {
		t.Errorf("%q tells the address", err)
	}
	if conns.Load() != 0 {
		t.Error("the listener was reached")
	}
}

func TestConnectFailures(t *testing.T) {
	var n names
	n.set("")
	resolver := n.resolver(t)
	c := local(t, func(o *Options) { o.Resolver = resolver })
	_, err := post(t, c, "https://gone.example.com/")
	wantKind(t, err, KindDNS, "the name gone.example.com does not resolve")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	_, err = post(t, c, "http://"+l.Addr().String())
	wantKind(t, err, KindDial, "connection refused")

	_, err = post(t, c, "http://10.0.0.1/")
	wantKind(t, err, KindRefused, "10.0.0.1 leads to an internal")
	_, err = post(t, c, "http://0x0a000001/")
	wantKind(t, err, KindRefused, "internal")
	_, err = post(t, c, "ftp://hooks.example.com/")
	wantKind(t, err, KindRequest, "absolute")
}

func TestCheckHeader(t *testing.T) {
	for _, h := range []peal.Header{
		{Name: "X-Custom-Header", Value: "optional"},
		{Name: "Authorization", Value: "Bearer a.b-c"},
		{Name: "x_y", Value: "tab\there"},
		{Name: "Cookie", Value: "a=b"},
		{Name: "X", Value: ""},
		{Name: "X", Value: "grüße"},
	} {
		if err := CheckHeader(h.Name, h.Value); err != nil {
			t.Errorf("%q: %q is refused: %v", h.Name, h.Value, err)
		}
	}
	for _, h := range []peal.Header{
		{Name: "", Value: "a"},
		{Name: "X Y", Value: "a"},
		{Name: "X:", Value: "a"},
		{Name: "X\n", Value: "a"},
		{Name: "Ü", Value: "a"},
		{Name: strings.Repeat("x", 129), Value: "a"},
		{Name: "X", Value: strings.Repeat("x", 8193)},
		{Name: "X", Value: "a\nb"},
		{Name: "X", Value: "a\rb"},
		{Name: "X", Value: "a\x00b"},
		{Name: "X", Value: "a\x7f"},
		{Name: "HOST", Value: "a"},
		{Name: "Content-Length", Value: "1"},
		{Name: "transfer-encoding", Value: "chunked"},
		{Name: "Connection", Value: "close"},
		{Name: "TE", Value: "trailers"},
		{Name: "Upgrade", Value: "h2c"},
		{Name: "User-Agent", Value: "a"},
		{Name: "Accept-Encoding", Value: "gzip"},
		{Name: "Proxy-Authorization", Value: "a"},
		{Name: "Expect", Value: "100-continue"},
	} {
		err := CheckHeader(h.Name, h.Value)
		if peal.CodeOf(err) != peal.CodeInvalid {
			t.Errorf("%q: %q: %v", h.Name, h.Value, err)
		}
	}
}

// Where http:// is permitted, messages do not ask for https:// alone.
func TestSchemesThatArePermittedAreNamed(t *testing.T) {
	c, err := New(Options{AllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckURL(t.Context(), "ftp://example.com/"); err == nil || !strings.Contains(err.Error(), "http:// or https://") {
		t.Errorf("got %v", err)
	}
}
