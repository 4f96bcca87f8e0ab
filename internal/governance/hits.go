package governance

import (
	"cmp"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// hits is what is remembered of a limit's hits where it is told that they repeat: those that
// are counted now, as they came in order, and those of hours that are not closed yet.
type hits struct {
	window
	// Newest is the latest time of a hit that came in order, Late of one that did not.
	Newest int64 `json:"newest,omitempty"`
	Late   int64 `json:"late,omitempty"`
	// Settled is what was counted as of Done, the end of the hours that are closed; it
	// has seen what there is until Through.
	Settled window `json:"settled,omitzero"`
	Done    int64  `json:"done,omitempty"`
	Through int64  `json:"through,omitempty"`
	Marks   []mark `json:"marks,omitempty"`
	Told    spans  `json:"told,omitempty"`
}

// window counts hits from the first one on, for a while.
type window struct {
	Since int64 `json:"since"`
	Hits  int   `json:"hits"`
}

// see counts hits and tells whether there are now as many as are told.
func (w *window) see(repeated peal.Repeated, at int64, n int) bool {
	if at-w.Since >= within(repeated) {
		*w = window{Since: at}
	}
	before := w.Hits
	w.Hits += n
	return before < repeated.Hits && w.Hits >= repeated.Hits
}

func within(r peal.Repeated) int64 { return time.Duration(r.Within).Microseconds() }

// mark is a minute in which usage alone was a hit, or what was denied in one.
type mark struct {
	At     int64  `json:"at"`
	Kind   string `json:"kind"`
	Denied int    `json:"denied,omitempty"`
}

// maxMarks is how many are remembered: more than there are minutes until an hour is closed,
// twice, where hours do not wait for long.
const maxMarks = 256

// minuteHit counts a minute in which more was used than is allowed, once.
func (g *Group) minuteHit(p *Plan, r *rule, id MeterID, h hit, repeated peal.Repeated) {
	memory, m, err := recall[hits](g, MemoryID{p.Org, r.id, id.Ref})
	if err != nil || id.Start < m.Done {
		return // a memory that cannot be read is another version's
	}
	i, found := m.search(id.Start)
	for ; found && i < len(m.Marks) && m.Marks[i].At == id.Start; i++ {
		if k := &m.Marks[i]; k.Denied == 0 {
			memory.Changed = memory.Changed || k.Kind != h.kind
			k.Kind = h.kind
			return
		}
	}
	memory.Changed = true
	m.insert(mark{At: id.Start, Kind: h.kind})
	g.hit(p, r, id, m, mark{At: id.Start, Kind: h.kind}, h.model, repeated)
}

// deniedHit counts a reservation that was denied.
func (g *Group) deniedHit(p *Plan, r *rule, id MeterID, h hit, repeated peal.Repeated) {
	memory, m, err := recall[hits](g, MemoryID{p.Org, r.id, id.Ref})
	if err != nil {
		return
	}
	memory.Changed = true
	k := mark{At: g.now.UnixMicro(), Kind: h.kind, Denied: 1}
	if i := slices.IndexFunc(m.Marks, func(k mark) bool { return k.Denied > 0 && k.At >= id.Start && k.At-id.Start < minute }); i < 0 {
		m.insert(k)
	} else if m.Marks[i].Denied < repeated.Hits {
		m.Marks[i].Denied++
	}
	g.hit(p, r, id, m, k, h.model, repeated)
}

const minute = int64(time.Minute / time.Microsecond)

// hit counts a hit that is not late by the clock, and tells that there are too many: hits are
// too few to tell from each other which of them are late.
func (g *Group) hit(p *Plan, r *rule, id MeterID, m *hits, k mark, model string, repeated peal.Repeated) {
	if !g.inOrder(k.At+minute, g.now.UnixMicro()) {
		m.Late = max(m.Late, k.At)
		return
	}
	m.Newest = max(m.Newest, min(k.At, g.now.UnixMicro()))
	if m.see(repeated, k.At, 1) {
		g.hitsRepeat(p, r, id.Ref, m, m.window, k.Kind, model, repeated)
	}
}

// hitsRepeat tells that hits repeat, unless that was told.
func (g *Group) hitsRepeat(p *Plan, r *rule, ref string, m *hits, w window, kind, model string, repeated peal.Repeated) {
	if m.Told.meet(w.Since, w.Since+within(repeated), within(repeated)) {
		return
	}
	m.Told.add(w.Since)
	limit := r.RPM
	if kind == "tpm" {
		limit = r.TPM
	}
	id := MeterID{Org: p.Org, Scope: r.Scope, Ref: ref}
	g.fire(AlertID{p.Org, r.id, ref, "repeated", w.Since}, "rate_limit.repeated", subjectOf(id), "org_id", p.Org,
		"key_alias", nodeOf(id, peal.ScopeKey), "limit_type", kind, "limit", limit, "hits", repeated.Hits,
		"window_seconds", within(repeated)/time.Second.Microseconds(), "model", optional(model))
}

// hitsSettled tells what hits that came late say of an hour that is closed, in the order of
// their time.
func (g *Group) hitsSettled(p *Plan, r *rule, id MemoryID, from, to int64) {
	memory, m, err := recall[hits](g, id)
	repeated := r.repeated(p)
	if err != nil || repeated == nil || len(m.Marks) == 0 {
		return
	}
	memory.Changed = true
	m.Done = to
	rest, _ := m.search(to)
	closed := m.Marks[:rest]
	m.Marks = slices.Clone(m.Marks[rest:])
	if m.Late < from { // all came in order, and was told
		m.Settled, m.Through = m.window, m.Newest
		return
	}
	for _, k := range closed {
		if k.At >= from && k.At > m.Through && m.Settled.see(*repeated, k.At, max(k.Denied, 1)) {
			g.hitsRepeat(p, r, id.Subject, m, m.Settled, k.Kind, "", *repeated)
		}
	}
	// What is known of later hours is told when they are closed.
	m.window = m.Settled
	for _, k := range m.Marks {
		if k.At > m.Through && k.At <= m.Newest {
			m.see(*repeated, k.At, max(k.Denied, 1))
		}
	}
}

func (m *hits) search(at int64) (int, bool) {
	return slices.BinarySearchFunc(m.Marks, at, func(k mark, at int64) int { return cmp.Compare(k.At, at) })
}

func (m *hits) insert(k mark) {
	i, _ := m.search(k.At)
	m.Marks = slices.Insert(m.Marks, i, k)
	if len(m.Marks) > maxMarks {
		m.Marks = slices.Delete(m.Marks, 0, 1)
	}
}
