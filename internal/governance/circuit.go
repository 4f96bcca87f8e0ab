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
	settled: (*Group).circuitSettled,
}

func (r *rule) watches(record *Record) bool {
	return record.Route != "" && (r.Route == "" || r.Route == record.Route)
}

// breaker is a route's circuit: when it last failed, the latest last, and while it is open
// since when, and from when on a record decides.
type breaker struct {
	Failures []int64 `json:"failures,omitempty"`
	Opened   int64   `json:"opened,omitempty"`
	Probe    int64   `json:"probe,omitempty"`
	// Closed is when the circuit last closed: failures before it are history.
	Closed int64 `json:"closed,omitempty"`

	count int // of the failures that opened it
}

// turn is what a record does to a circuit.
type turn int

const (
	nothing turn = iota
	noted
	opens
	closes
)

// see moves the circuit on by records of one time.
func (b *breaker) see(c *rule, at int64, failed bool, times int64) turn {
	cooldown := time.Duration(c.Cooldown).Microseconds()
	switch {
	case b.Opened != 0 && at < b.Probe: // it was under way when the circuit opened
	case b.Opened != 0 && failed:
		b.Probe = at + cooldown
		return noted
	case b.Opened != 0:
		*b = breaker{Closed: at}
		return closes
	case failed && at > b.Closed:
		b.fail(c, at, times)
		if len(b.Failures) < c.Failures {
			return noted
		}
		b.count, b.Opened = len(b.Failures), b.Failures[len(b.Failures)-1]
		b.Probe, b.Failures = b.Opened+cooldown, nil
		return opens
	}
	return nothing
}

// fail adds failures, and drops those from before the window of the newest.
func (b *breaker) fail(c *rule, at, times int64) {
	for range min(times, int64(c.Failures)) {
		i, _ := slices.BinarySearch(b.Failures, at)
		b.Failures = slices.Insert(b.Failures, i, at)
	}
	newest := b.Failures[len(b.Failures)-1]
	b.Failures = slices.DeleteFunc(b.Failures, func(f int64) bool { return newest-f > time.Duration(c.Window).Microseconds() })
}

// circuitSaw moves a route's circuit on, which goes by the records' own time. A record that
// comes late by more than others may is kept until its hour is closed.
func (g *Group) circuitSaw(p *Plan, c *rule, r *Record) {
	memory, m, err := recall[route](g, MemoryID{p.Org, c.id, r.Route})
	if err != nil {
		return // a memory that cannot be read is another version's
	}
	at := r.Time.UnixMicro()
	if m.keep(c, at, r.Failed, r.Requests) {
		memory.Changed = true
	}
	if !inOrder(at, m.Newest) {
		m.Late = max(m.Late, at)
		return
	}
	m.Newest = max(m.Newest, min(at, g.now.UnixMicro()))
	if g.circuitTurned(p, c, r.Route, m, &m.breaker, at, r.Failed, r.Requests) != nothing {
		memory.Changed = true
	}
}

// circuitTurned moves a circuit on, and tells that it opened or closed unless that was told.
func (g *Group) circuitTurned(p *Plan, c *rule, name string, m *route, b *breaker, at int64, failed bool, times int64) turn {
	was := b.Opened
	did := b.see(c, at, failed, times)
	cooldown := time.Duration(c.Cooldown).Microseconds()
	switch did {
	case opens:
		if m.Told.find(b.Opened, b.Probe, cooldown) == nil {
			m.Told.add(b.Opened)
			g.fire(AlertID{p.Org, c.id, name, "open", b.Opened}, "circuit.open", p.Org, "routeId", name, "failureCount", b.count)
		}
	case closes:
		if told := m.Told.find(was, at, cooldown); told != nil && told.To == 0 {
			told.To = at
			g.fire(AlertID{p.Org, c.id, name, "closed", told.From}, "circuit.closed", p.Org, "routeId", name, "recoveryTime", (at-was)/1000)
		}
	}
	return did
}

// circuitSettled tells what records that came late say of an hour that is closed, in the
// order of their time.
func (g *Group) circuitSettled(p *Plan, c *rule, id MemoryID, from, to int64) {
	memory, m, err := recall[route](g, id)
	if err != nil || len(m.Slots) == 0 {
		return
	}
	memory.Changed = true
	if m.Late < from { // all came in order, and was told
		m.Settled, m.Through = m.breaker.clone(), m.Newest
		m.forget(to)
		return
	}
	m.marks(from, to, func(at int64, failed bool, times int64) {
		g.circuitTurned(p, c, id.Subject, m, &m.Settled, at, failed, times)
	})
	m.forget(to)
	// What is known of later hours is told when they are closed.
	m.breaker = m.Settled.clone()
	m.marks(to, m.Newest+1, func(at int64, failed bool, times int64) { m.see(c, at, failed, times) })
}
