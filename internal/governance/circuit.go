package governance

import (
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

var circuit = detector{
	kind: peal.RuleCircuit,
	remembers: func(p *Plan, r *Record, need func(MemoryID)) {
		for _, c := range p.rules[peal.RuleCircuit] {
			if c.watches(r) {
				need(MemoryID{p.Org, c.id, r.Route})
			}
		}
	},
	seen: func(g *Group, p *Plan, _ *Work, r *Record) {
		for _, c := range p.rules[peal.RuleCircuit] {
			if c.watches(r) {
				g.circuitSaw(p, c, r)
			}
		}
	},
}

func (r *rule) watches(record *Record) bool {
	return record.Route != "" && (r.Route == "" || r.Route == record.Route)
}

// breaker is what is remembered of a route: when it last failed, the latest last, and
// while its circuit is open since when, and from when on a record decides.
type breaker struct {
	Failures []int64 `json:"failures,omitempty"`
	Opened   int64   `json:"opened,omitempty"`
	Probe    int64   `json:"probe,omitempty"`
	// Closed is when the circuit last closed: failures before it are history.
	Closed int64 `json:"closed,omitempty"`
}

// circuitSaw moves a route's circuit on. It goes by the records' own time.
func (g *Group) circuitSaw(p *Plan, c *rule, r *Record) {
	id := MemoryID{p.Org, c.id, r.Route}
	var b breaker
	memory, err := g.recall(id, &b)
	if err != nil {
		return // a memory that cannot be read is another version's
	}
	at := r.Time.UnixMicro()
	switch {
	case b.Opened != 0 && at < b.Probe:
		return // it was under way when the circuit opened
	case b.Opened != 0 && r.Failed:
		b.Probe = at + time.Duration(c.Cooldown).Microseconds()
	case b.Opened != 0:
		g.fire(AlertID{p.Org, c.id, r.Route, "closed", b.Opened}, "circuit.closed", p.Org,
			"routeId", r.Route, "recoveryTime", (at-b.Opened)/1000)
		b = breaker{Closed: at}
	case r.Failed && at > b.Closed:
		if !b.fail(c, at, r.Requests) {
			break
		}
		g.fire(AlertID{p.Org, c.id, r.Route, "open", b.Opened}, "circuit.open", p.Org, "routeId", r.Route, "failureCount", len(b.Failures))
		b.Failures = nil
	default:
		return
	}
	// Marshalling a struct of numbers cannot fail.
	_ = memory.keep(&b)
}

// fail adds failures and tells whether they open the circuit.
func (b *breaker) fail(c *rule, at, times int64) bool {
	for range min(times, int64(c.Failures)) {
		i, _ := slices.BinarySearch(b.Failures, at)
		b.Failures = slices.Insert(b.Failures, i, at)
	}
	newest := b.Failures[len(b.Failures)-1]
	b.Failures = slices.DeleteFunc(b.Failures, func(f int64) bool { return newest-f > time.Duration(c.Window).Microseconds() })
	if len(b.Failures) < c.Failures {
		return false
	}
	b.Opened = newest
	b.Probe = newest + time.Duration(c.Cooldown).Microseconds()
	return true
}
