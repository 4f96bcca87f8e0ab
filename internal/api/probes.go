package api

import (
	"io"
	"net/http"
)

// The probes need no key. They say nothing about the server but that it is there.
func (a *api) probeRoutes() {
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, "ok") })
	a.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := a.Ready(r.Context()); err != nil {
			a.fail(w, r, err)
			return
		}
		plain(w, "ready")
	})
	a.mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) { a.Metrics.ServeHTTP(w, r) })
}

// plain writes one line of text to a client that may be gone.
func plain(w http.ResponseWriter, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, line+"\n")
}
