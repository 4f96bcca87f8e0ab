package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestWireReadsWhatServersAnswer(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/accepted", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"id":"evt_1"}`)
	})
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		for range 100 {
			fmt.Fprint(w, strings.Repeat("x", 100))
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3")
		http.Error(w, "busy", http.StatusTooManyRequests)
	})
	mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	server := httptest.NewServer(mux)
	defer server.Close()

	w, err := dialWire(t.Context(), server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer w.conn.Close()
	// One connection serves them all, so each must be read to its end.
	for range 2 {
		for _, tt := range []struct {
			path       string
			status     int
			retryAfter time.Duration
			body       string
		}{
			{"/accepted", 202, 0, ""},
			{"/chunked", 202, 0, strings.Repeat("x", keptBody)},
			{"/busy", 429, 3 * time.Second, "busy\n"},
			{"/empty", 204, 0, ""},
		} {
			a, err := w.roundTrip([]byte("GET " + tt.path + " HTTP/1.1\r\nHost: x\r\n\r\n"))
			if err != nil {
				t.Fatalf("%s: %v", tt.path, err)
			}
			if a.status != tt.status || a.retryAfter != tt.retryAfter || string(a.body) != tt.body {
				t.Errorf("%s: %d, %s, %q", tt.path, a.status, a.retryAfter, a.body)
			}
		}
	}
}
