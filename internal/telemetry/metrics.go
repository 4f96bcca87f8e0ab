package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/peal-dev/peal/internal/peal"
)

// Metrics are what a server counts and measures. Every counter of the hot path is
// looked up when Metrics are made, so that counting is an addition.
type Metrics struct {
	registry *prometheus.Registry

	accepted, duplicates, created prometheus.Counter
	finished                      map[peal.Status]prometheus.Counter
	attempts                      map[string]*attempts // by profile

	http httpMetrics
}

// attempts are the attempts in one profile.
type attempts struct {
	succeeded, rejected, unanswered prometheus.Counter
	duration                        prometheus.Observer
}

// otherProfile counts the attempts in profiles that were not known at the start.
const otherProfile = "other"

// NewMetrics makes the metrics of a server of a version, which renders these profiles.
func NewMetrics(version string, profiles []string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "peal_build_info", Help: "Always 1; the label tells the version.", ConstLabels: prometheus.Labels{"version": version},
		}, func() float64 { return 1 }),
	)
	m.accepted = m.counter("peal_events_accepted_total", "Events accepted, without repeated ones.")
	m.duplicates = m.counter("peal_events_duplicate_total", "Events that were accepted before and are answered from memory.")
	m.created = m.counter("peal_deliveries_created_total", "Deliveries created, without suppressed ones.")

	finished := m.counters("peal_deliveries_finished_total", "Deliveries finished, by how they ended.", "status")
	m.finished = map[peal.Status]prometheus.Counter{}
	for _, s := range peal.Statuses {
		if s.Finished() {
			m.finished[s] = finished.WithLabelValues(string(s))
		}
	}

	outcomes := m.counters("peal_attempts_total", "Attempts, by profile and outcome: succeeded, rejected by the receiver, or unanswered.", "profile", "outcome")
	durations := m.histograms("peal_attempt_duration_seconds", "How long attempts take, from name resolution to the last byte read.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60}, "profile")
	m.attempts = map[string]*attempts{}
	for _, name := range append([]string{otherProfile}, profiles...) {
		m.attempts[name] = &attempts{
			succeeded:  outcomes.WithLabelValues(name, "succeeded"),
			rejected:   outcomes.WithLabelValues(name, "rejected"),
			unanswered: outcomes.WithLabelValues(name, "unanswered"),
			duration:   durations.WithLabelValues(name),
		}
	}

	m.http.init(m)
	return m
}

// Handler serves the metrics to Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Accepted counts one accepted request.
func (m *Metrics) Accepted(events, duplicates, deliveries int) {
	m.accepted.Add(float64(events))
	m.duplicates.Add(float64(duplicates))
	m.created.Add(float64(deliveries))
}

// Outcome counts what became of a delivery in a profile: a, where something was
// sent, and status, where that finished it.
func (m *Metrics) Outcome(profile string, a *peal.Attempt, status peal.Status) {
	if c, ok := m.finished[status]; ok {
		c.Inc()
	}
	if a == nil {
		return
	}
	p, ok := m.attempts[profile]
	if !ok {
		p = m.attempts[otherProfile]
	}
	p.duration.Observe(a.Duration.Seconds())
	switch {
	case a.StatusCode == 0:
		p.unanswered.Inc()
	case a.StatusCode/100 == 2 && a.Error == "":
		p.succeeded.Inc()
	default:
		p.rejected.Inc()
	}
}

// State is what is read when somebody looks. Fields that are nil are not shown.
type State struct {
	Lanes, OpenCircuits, InFlight, HeldBytes func() float64
	// StoreQueue is how many writes wait; rows by transactions is the size of a group.
	StoreQueue, StoreTransactions, StoreRows func() float64
}

// Watch shows the state of a server's parts; it is called once.
func (m *Metrics) Watch(s State) {
	for _, g := range []struct {
		name, help string
		read       func() float64
	}{
		{"peal_lanes", "Endpoints that this node holds deliveries of.", s.Lanes},
		{"peal_lanes_circuit_open", "Lanes whose circuit is open.", s.OpenCircuits},
		{"peal_attempts_in_flight", "Attempts under way.", s.InFlight},
		{"peal_held_bytes", "Bytes of the deliveries that are held in memory.", s.HeldBytes},
		{"peal_store_queue_depth", "Writes that wait for the database.", s.StoreQueue},
	} {
		if g.read != nil {
			m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, g.read))
		}
	}
	for _, c := range []struct {
		name, help string
		read       func() float64
	}{
		{"peal_store_transactions_total", "Transactions committed.", s.StoreTransactions},
		{"peal_store_rows_total", "Writes committed; by transactions, the size of a group.", s.StoreRows},
	} {
		if c.read != nil {
			m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help}, c.read))
		}
	}
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}
