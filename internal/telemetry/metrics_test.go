package telemetry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func contains(t *testing.T, got string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("not among the metrics: %s", line)
		}
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("1.2.3", []string{"standard", "nemo"})
	m.Accepted(3, 1, 6)
	m.Outcome("standard", &peal.Attempt{StatusCode: 204, Duration: 3 * time.Millisecond}, peal.Succeeded)
	m.Outcome("standard", &peal.Attempt{StatusCode: 503, Error: "answered 503"}, peal.Retrying)
	m.Outcome("nemo", &peal.Attempt{Error: "timeout"}, peal.Dropped)
	m.Outcome("gone", &peal.Attempt{StatusCode: 200}, peal.Succeeded)
	m.Outcome("nemo", nil, peal.Cancelled)
	m.Watch(State{InFlight: func() float64 { return 5 }, StoreRows: func() float64 { return 70 }})

	got := scrape(t, m)
	contains(t, got,
		`peal_build_info{version="1.2.3"} 1`,
		"peal_events_accepted_total 3",
		"peal_events_duplicate_total 1",
		"peal_deliveries_created_total 6",
		`peal_deliveries_finished_total{status="succeeded"} 2`,
		`peal_deliveries_finished_total{status="dropped"} 1`,
		`peal_deliveries_finished_total{status="cancelled"} 1`,
		`peal_deliveries_finished_total{status="dead"} 0`,
		`peal_attempts_total{outcome="succeeded",profile="standard"} 1`,
		`peal_attempts_total{outcome="rejected",profile="standard"} 1`,
		`peal_attempts_total{outcome="unanswered",profile="nemo"} 1`,
		`peal_attempts_total{outcome="succeeded",profile="other"} 1`,
		`peal_attempt_duration_seconds_bucket{profile="standard",le="0.0025"} 1`,
		`peal_attempt_duration_seconds_count{profile="standard"} 2`,
		"peal_attempts_in_flight 5",
		"peal_store_rows_total 70",
	)
	for _, absent := range []string{`status="retrying"`, "peal_lanes", "peal_store_queue_depth"} {
		if strings.Contains(got, absent) {
			t.Errorf("%s is shown", absent)
		}
	}
	if !strings.Contains(got, "go_goroutines") || !strings.Contains(got, "process_cpu_seconds_total") {
		t.Error("the process is not measured")
	}
	NewMetrics("1.2.3", nil) // a second server in one process collides with nothing
}

func TestInstrument(t *testing.T) {
	m := NewMetrics("dev", nil)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/events", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("GET /v1/events/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
	})
	h := m.Instrument(mux)
	do := func(method, path string) {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}
	do("POST", "/v1/events")
	do("POST", "/v1/events")
	do("GET", "/v1/events/1")
	do("GET", "/v1/events/2")
	do("GET", "/nowhere")
	contains(t, scrape(t, m),
		`peal_http_requests_total{code="202",route="POST /v1/events"} 2`,
		`peal_http_requests_total{code="200",route="GET /v1/events/{id}"} 2`,
		`peal_http_requests_total{code="404",route="none"} 1`,
		`peal_http_request_duration_seconds_count{route="POST /v1/events"} 2`,
	)
}

func BenchmarkOutcome(b *testing.B) {
	m := NewMetrics("dev", []string{"standard"})
	a := &peal.Attempt{StatusCode: 200, Duration: time.Millisecond}
	b.ReportAllocs()
	for b.Loop() {
		m.Outcome("standard", a, peal.Succeeded)
	}
}

func BenchmarkInstrument(b *testing.B) {
	m := NewMetrics("dev", nil)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/events", func(http.ResponseWriter, *http.Request) {})
	h, w, r := m.Instrument(mux), httptest.NewRecorder(), httptest.NewRequest("POST", "/v1/events", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
