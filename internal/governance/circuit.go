package governance

import (
	"cmp"
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
	// Count is of the failures that opened it.
	Count int `json:"count,omitempty"`
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
		b.Count, b.Opened = len(b.Failures), b.Failures[len(b.Failures)-1]
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
// comes late by more than others may, or ahead of its time, is kept until its hour is closed.
func (g *Group) circuitSaw(p *Plan, c *rule, r *Record) {
	memory, m, err := recall[route](g, MemoryID{p.Org, c.id, r.Route})
	if err != nil {
		return // a memory that cannot be read is another version's
	}
	at := r.Time.UnixMicro()
	if m.keep(c, at, r.Failed, r.Requests) {
		memory.Changed = true
	}
	if !g.inOrder(at, m.Newest) {
		m.Late = max(m.Late, at)
		return
	}
	m.Newest = max(m.Newest, min(at, g.now.UnixMicro()))
	was := m.breaker
	did := m.see(c, at, r.Failed, r.Requests)
	memory.Changed = memory.Changed || did != nothing
	switch did {
	case opens:
		g.circuitTold(p, c, r.Route, m, outage{span{From: m.Opened}, m.Probe, m.Count})
	case closes:
		g.circuitTold(p, c, r.Route, m, outage{span{was.Opened, at}, at, was.Count})
	}
}

// outage is from when until when a circuit was open, until when it was for certain where it
// still is, and how many failures opened it.
type outage struct {
	span
	until    int64
	failures int
}

// circuitTold tells that a circuit opened, and that it closed, unless that was told.
func (g *Group) circuitTold(p *Plan, c *rule, name string, m *route, o outage) {
	if !m.Told.meet(o.From, o.until, time.Duration(c.Cooldown).Microseconds()) {
		m.Told.add(o.From)
		g.fire(AlertID{p.Org, c.id, name, "open", o.From}, "circuit.open", p.Org, "routeId", name, "failureCount", o.failures)
	}
	for i := range m.Told {
		if t := &m.Told[i]; t.To == 0 && t.From < o.To {
			g.circuitClosed(p, c, name, t, o.span)
		}
	}
}

// circuitClosed tells of an outage that was told that it is over.
func (g *Group) circuitClosed(p *Plan, c *rule, name string, told *span, s span) {
	told.To = s.To
	g.fire(AlertID{p.Org, c.id, name, "closed", told.From}, "circuit.closed", p.Org, "routeId", name, "recoveryTime", (s.To-s.From)/1000)
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
		outages = append(outages, outage{span: span{From: m.Settled.Opened}, failures: m.Settled.Count})
	}
	m.marks(from, to, func(at int64, failed bool, times int64) {
		switch m.Settled.see(c, at, failed, times) {
		case opens:
			outages = append(outages, outage{span: span{From: m.Settled.Opened}, failures: m.Settled.Count})
		case closes:
			outages[len(outages)-1].To = at
		}
	})
	m.forget(to)
	recovers := m.resume(c, to)
	for i := range outages {
		o := &outages[i]
		o.until = cmp.Or(o.To, recovers, max(to, m.Probe))
		g.circuitTold(p, c, id.Subject, m, *o)
	}
	// What was told and turns out not to have been an outage is over, too.
	for i := range m.Told {
		t := &m.Told[i]
		if t.To == 0 && t.From < to && !slices.ContainsFunc(outages, func(o outage) bool { return t.meets(o.From, o.until, time.Duration(c.Cooldown).Microseconds()) }) {
			g.circuitClosed(p, c, id.Subject, t, span{t.From, t.From})
		}
	}
}

// resume sets the circuit to what is known of it since an hour was closed, and gives when what
// was open then closes, where it does. That is told when the hour is closed in which it is, as
// is all that now looks otherwise than it did.
func (m *route) resume(c *rule, from int64) (recovers int64) {
	was, turned := m.Opened, false
	m.breaker = m.Settled.clone()
	m.marks(from, m.Newest+1, func(at int64, failed bool, times int64) {
		did := m.see(c, at, failed, times)
		turned = turned || did == opens || did == closes
		if did == closes && m.Settled.Opened != 0 && recovers == 0 {
			recovers = at
		}
	})
	if turned || m.Opened != was {
		m.Late = max(m.Late, from)
	}
	return recovers
}
