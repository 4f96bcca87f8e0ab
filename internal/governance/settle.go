package governance

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// lateness is by how much what goes by the order of records may be late, or ahead of the
// clock, and still be decided as it comes. What is more than that is kept, and decided when its
// hour is closed.
const lateness = 5 * time.Minute

// inOrder tells whether something of a time is not too late, by the time of the latest, nor
// ahead of now.
func (g *Group) inOrder(at, latest int64) bool {
	return at >= latest-lateness.Microseconds() && at <= g.now.Add(lateness).UnixMicro()
}

// span is from when until when something that was told lasted; To is zero while it does.
type span struct {
	From int64 `json:"from"`
	To   int64 `json:"to,omitempty"`
}

// spans are the latest that were told.
type spans []span

const maxSpans = 64

func (s *spans) add(from int64) {
	if *s = append(*s, span{From: from}); len(*s) > maxSpans {
		*s = slices.Delete(*s, 0, 1)
	}
}

// meet tells whether something between two moments was told, which may have looked otherwise
// before all records were known.
func (s spans) meet(from, to, lasts int64) bool {
	return slices.ContainsFunc(s, func(told span) bool { return told.meets(from, to, lasts) })
}

// meets tells whether it was between two moments. What lasts is known to last for a while.
func (s span) meets(from, to, lasts int64) bool {
	return s.From == from || s.From < to && from < cmp.Or(s.To, s.From+lasts)
}

// settleHours decides what is remembered of hours that are closed.
func (g *Group) settleHours(p *Plan, from, to int64) {
	ids := slices.SortedFunc(maps.Keys(g.Memories), func(a, b MemoryID) int { return strings.Compare(a.Subject, b.Subject) })
	for i := range detectors {
		d := &detectors[i]
		if d.settled == nil {
			continue
		}
		for _, r := range p.rules[d.kind] {
			for _, id := range ids {
				if id.Rule == r.id {
					d.settled(g, p, r, id, from, to)
				}
			}
		}
	}
}
