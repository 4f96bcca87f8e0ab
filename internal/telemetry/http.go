package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// httpMetrics are the requests that a server answers, by the pattern of their route
// and the status. Both are few: patterns are the mux's, not the clients'.
type httpMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	mu    sync.RWMutex
	known map[routeCode]routeMetrics
}

type routeCode struct {
	route string
	code  int
}

type routeMetrics struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

func (h *httpMetrics) init(m *Metrics) {
	h.requests = m.counters("peal_http_requests_total", "Requests answered, by route and status.", "route", "code")
	h.duration = m.histograms("peal_http_request_duration_seconds", "How long requests take, by route.",
		[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "route")
	h.known = map[routeCode]routeMetrics{}
}

func (h *httpMetrics) of(key routeCode) routeMetrics {
	h.mu.RLock()
	r, ok := h.known[key]
	h.mu.RUnlock()
	if ok {
		return r
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r = routeMetrics{h.requests.WithLabelValues(key.route, strconv.Itoa(key.code)), h.duration.WithLabelValues(key.route)}
	h.known[key] = r
	return r
}

// Instrument counts the requests that a handler answers. The route is the pattern
// that an http.ServeMux inside of it matched.
func (m *Metrics) Instrument(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(sw, r)
		route := r.Pattern
		if route == "" {
			route = "none"
		}
		of := m.http.of(routeCode{route, sw.status()})
		of.requests.Inc()
		of.duration.Observe(time.Since(start).Seconds())
	})
}

// statusWriter remembers the status that is sent.
type statusWriter struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(code int) {
	if w.code == 0 && code >= 200 { // 1xx are not the answer
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) status() int {
	if w.code == 0 {
		return http.StatusOK // a handler that wrote no header
	}
	return w.code
}
