package governance

import (
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Group is what one transaction decides. The store calls Need for every work, reads
// and locks Meters and Memories, calls Apply for every work in order and then Finish,
// and writes what changed.
type Group struct {
	// Meters and Memories have an entry for each that is needed, which the store fills.
	Meters   map[MeterID]*Meter
	Memories map[MemoryID]*Memory

	// Alerts and Raised are told, in their order; the others are written.
	Alerts       []Alert
	Raised       []peal.Raised
	Rollups      map[RollupID]*Rollup
	Reservations []*Reservation
	Credits      []*CreditEntry

	now      time.Time
	alerted  map[AlertID]bool
	quarters map[quarterOf]periods
	// touched are the meters that changed, in that order.
	touched []touch
}

type touch struct {
	plan *Plan
	id   MeterID
}

// NewGroup makes an empty group.
func NewGroup() *Group {
	return &Group{
		Meters: map[MeterID]*Meter{}, Memories: map[MemoryID]*Memory{}, Rollups: map[RollupID]*Rollup{},
		alerted: map[AlertID]bool{}, quarters: map[quarterOf]periods{},
	}
}

// MemoryID names what a detector remembers of a subject.
type MemoryID struct{ Org, Rule, Subject string }

// Memory is a JSON document, empty at first.
type Memory struct {
	Doc     []byte
	Changed bool
	// value is what the document says; Finish writes the document anew.
	value any
}

// recall reads a memory as a T, zero at first, once for the group. What is changed of it is
// kept where Changed is set.
func recall[T any](g *Group, id MemoryID) (*Memory, *T, error) {
	m := g.Memories[id]
	if v, ok := m.value.(*T); ok {
		return m, v, nil
	}
	v := new(T)
	if len(m.Doc) > 0 {
		if err := json.Unmarshal(m.Doc, v); err != nil {
			return m, nil, err
		}
	}
	m.value = v
	return m, v, nil
}

// RollupID is what usage is summed up by; Hour is its beginning.
type RollupID struct {
	Org                                  string
	Hour                                 int64
	Team, Key, Agent, User, Route, Model string
}

// Rollup are sums.
type Rollup struct {
	Requests, Failed, Tokens int64
	Cost                     peal.Decimal
	// FailedCost is that of the requests that failed.
	FailedCost peal.Decimal
}

// Need notes what a work's decision reads or changes.
func (g *Group) Need(w *Work) {
	switch {
	case w.Usage != nil:
		for i := range w.Usage.Records {
			if r := &w.Usage.Records[i]; !r.Duplicate {
				g.needRecord(w, r)
			}
		}
	case w.Reserve != nil:
		g.needReservation(w)
	case w.Close != nil:
		if r := w.Close.Reservation; r != nil {
			standing(r.Org, r.who(), r.Day, r.Month, g.needMeter)
			g.needMeter(creditMeter(r.Org))
		}
	case w.Credit != nil:
		g.needMeter(creditMeter(w.Credit.Org))
	}
}

func (g *Group) needMeter(id MeterID) {
	if g.Meters[id] == nil {
		g.Meters[id] = &Meter{}
	}
}

func (g *Group) needMemory(id MemoryID) {
	if g.Memories[id] == nil {
		g.Memories[id] = &Memory{}
	}
}

// Apply decides a work.
func (g *Group) Apply(w *Work) error {
	if g.now.Before(w.Now) {
		g.now = w.Now
	}
	switch {
	case w.Usage != nil:
		return g.count(w)
	case w.Reserve != nil:
		return g.reserve(w)
	case w.Close != nil:
		return g.close(w)
	case w.Credit != nil:
		g.credit(w)
	}
	return nil
}

// change gives a meter to be changed.
func (g *Group) change(p *Plan, id MeterID) *Meter {
	m := g.Meters[id]
	if !m.Changed {
		m.Changed = true
		g.touched = append(g.touched, touch{p, id})
	}
	return m
}

// Finish holds the meters that changed against the rules, and writes what detectors
// remember.
func (g *Group) Finish() error {
	for _, t := range g.touched {
		t.plan.watchers(t.id, func(w watcher) { w.counted(g, t.plan, w.rule, t.id, g.Meters[t.id]) })
	}
	for _, m := range g.Memories {
		if !m.Changed {
			continue
		}
		doc, err := json.Marshal(m.value)
		if err != nil {
			return err
		}
		m.Doc = doc
	}
	return nil
}

// Now is the latest of the group's works.
func (g *Group) Now() time.Time { return g.now }
