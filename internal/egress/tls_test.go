package egress

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

// secure starts a TLS server whose certificate is for example.com and 127.0.0.1.
func secure(t *testing.T, config *tls.Config) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Close") != "" {
			w.Header().Set("Connection", "close")
		}
		_, _ = fmt.Fprintf(w, "%s sni=%q alpn=%q resumed=%v", r.Proto, r.TLS.ServerName, r.TLS.NegotiatedProtocol, r.TLS.DidResume)
	}))
	config.NextProtos = []string{"h2", "http/1.1"}
	s.TLS = config
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots
}

func TestTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			s, roots := secure(t, &tls.Config{MinVersion: version, MaxVersion: version})
			var n names
			n.set("127.0.0.1")
			resolver := n.resolver(t)
			c := local(t, func(o *Options) { o.RootCAs, o.Resolver, o.AllowHTTP = roots, resolver, false })
			url := strings.Replace(s.URL, "127.0.0.1", "example.com", 1)
			// The second request ends the first connection; the third resumes its session.
			for _, tc := range []struct {
				header  []peal.Header
				resumed bool
			}{{}, {header: []peal.Header{{Name: "X-Close", Value: "1"}}}, {resumed: true}} {
				res, err := c.Do(t.Context(), Request{URL: url, Header: tc.header, MaxResponse: 1024})
				want := fmt.Sprintf(`HTTP/1.1 sni="example.com" alpn="http/1.1" resumed=%v`, tc.resumed)
				if err != nil || string(res.Body) != want {
					t.Fatalf("%q, %v, want %q", res.Body, err, want)
				}
			}
			if asked := n.asked.Load(); asked > 4 { // A and AAAA, for two dials
				t.Errorf("the name was looked up %d times", asked)
			}
		})
	}
}

func TestTLSFailures(t *testing.T) {
	s, roots := secure(t, &tls.Config{})
	old, oldRoots := secure(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	client, clientRoots := secure(t, &tls.Config{MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert})
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	hangUp, _ := raw(t, once(""))
	var n names
	n.set("127.0.0.1")
	resolver := n.resolver(t)
	for name, tc := range map[string]struct {
		url   string
		roots *x509.CertPool
		words string
	}{
		"unknown authority":  {s.URL, nil, "unknown authority"},
		"another name":       {strings.Replace(s.URL, "127.0.0.1", "example.net", 1), roots, "not for example.net"},
		"tls 1.1":            {old.URL, oldRoots, "protocol version not supported"},
		"client certificate": {client.URL, clientRoots, "the receiver says"},
		"not tls":            {strings.Replace(plain.URL, "http:", "https:", 1), roots, "does not speak TLS"},
		"hung up":            {strings.Replace(hangUp, "http:", "https:", 1), roots, "closed the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := post(t, local(t, func(o *Options) { o.RootCAs, o.Resolver = tc.roots, resolver }), tc.url)
			wantKind(t, err, KindTLS, tc.words)
		})
	}
}
