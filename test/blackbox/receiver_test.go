package blackbox

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// arrival is a request that a receiver got.
type arrival struct {
	At     time.Time
	Path   string
	Header http.Header
	Body   []byte
}

// receiver is an HTTP server that keeps what arrives.
type receiver struct {
	URL string

	mu  sync.Mutex
	got []arrival
}

// newReceiver answers the n-th arrival, counted from 1, with status(n); nil means
// 200 to all.
func newReceiver(t *testing.T, status func(n int) int) *receiver {
	t.Helper()
	r := &receiver{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if n := r.keep(req); n > 0 && status != nil {
			w.WriteHeader(status(n))
		}
	}))
	t.Cleanup(srv.Close)
	r.URL = srv.URL
	return r
}

// keep keeps an arrival and counts it; zero where it did not arrive whole.
func (r *receiver) keep(req *http.Request) (n int) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, arrival{At: time.Now(), Path: req.URL.Path, Header: req.Header, Body: body})
	return len(r.got)
}

// Got is what arrived so far.
func (r *receiver) Got() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrival(nil), r.got...)
}

// Wait waits until n requests arrived, and fails if there are more.
func (r *receiver) Wait(t *testing.T, n int) []arrival {
	t.Helper()
	var got []arrival
	eventually(t, func() error {
		if got = r.Got(); len(got) < n {
			return fmt.Errorf("%d of %d requests arrived", len(got), n)
		}
		return nil
	})
	if len(got) > n {
		t.Fatalf("%d requests arrived, want %d", len(got), n)
	}
	return got
}

// always answers every request alike.
func always(status int) func(int) int { return func(int) int { return status } }
