package idptest

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// Front is the public address of servers that are started after it is known. It gives each
// request to the next of them.
type Front struct {
	URL string

	mu      sync.Mutex
	servers []*url.URL
	next    int
}

// NewFront listens until the test ends.
func NewFront(t testing.TB) *Front {
	f := &Front{}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(f.turn())
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

// Add puts a server behind the address.
func (f *Front) Add(t testing.TB, server string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.servers = append(f.servers, u)
}

func (f *Front) turn() *url.URL {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	return f.servers[f.next%len(f.servers)]
}
