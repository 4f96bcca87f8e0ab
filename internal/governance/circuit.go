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
	return record.Route != "" && record.Requests > 0 && (r.Route == "" || r.Route == record.Route)
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
	was := m.Opened
	did := m.see(c, at, r.Failed, r.Requests)
	memory.Changed = memory.Changed || did != nothing
	switch did {
	case opens:
		g.circuitTold(p, c, r.Route, m, outage{span{From: m.Opened}, m.count}, m.Probe)
	case closes:
		g.circuitTold(p, c, r.Route, m, outage{span: span{was, at}}, at)
	}
}

// outage is from when until when a circuit was open, and how many failures opened it.
type outage struct {
	span
	failures int
}

// circuitTold tells that a circuit opened, and that it closed, unless that was told. The
// outage is known to last until a moment.
func (g *Group) circuitTold(p *Plan, c *rule, name string, m *route, o outage, until int64) {
	told := m.Told.find(o.From, until, time.Duration(c.Cooldown).Microseconds())
	if told == nil {
		told = m.Told.add(o.From)
		g.fire(AlertID{p.Org, c.id, name, "open", o.From}, "circuit.open", p.Org, "routeId", name, "failureCount", o.failures)
	}
	if o.To != 0 && told.To == 0 {
		told.To = o.To
		g.fire(AlertID{p.Org, c.id, name, "closed", told.From}, "circuit.closed", p.Org, "routeId", name, "recoveryTime", (o.To-o.From)/1000)
	}
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
		m.Settled, m.Through = m.clone(), m.Newest
		m.forget(to)
		return
	}
	var outages []outage
	if m.Settled.Opened != 0 {
		outages = append(outages, outage{span{From: m.Settled.Opened}, m.Settled.count})
	}
	m.marks(from, to, func(at int64, failed bool, times int64) {
		switch m.Settled.see(c, at, failed, times) {
		case opens:
			outages = append(outages, outage{span{From: m.Settled.Opened}, m.Settled.count})
		case closes:
			outages[len(outages)-1].To = at
		}
	})
	for _, o := range outages {
		until := o.To
		if until == 0 {
			until = max(to, m.Settled.Probe)
		}
		g.circuitTold(p, c, id.Subject, m, o, until)
	}
	m.forget(to)
	// What is known of later hours is told when they are closed.
	m.breaker = m.Settled.clone()
	m.marks(to, m.Newest+1, func(at int64, failed bool, times int64) { m.see(c, at, failed, times) })
}
