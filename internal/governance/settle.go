package governance

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// lateness is by how much what goes by the order of records may be late and still be decided
// as it comes. What is later is kept, and decided when its hour is closed.
const lateness = 5 * time.Minute

// inOrder tells whether something of a time is not too late, by the time of the latest.
func inOrder(at, latest int64) bool { return at >= latest-lateness.Microseconds() }

// span is from when until when something that was told lasted; To is zero while it does.
type span struct {
	From int64 `json:"from"`
	To   int64 `json:"to,omitempty"`
}

// spans are the latest that were told.
type spans []span

const maxSpans = 64

func (s *spans) add(from int64) *span {
	if *s = append(*s, span{From: from}); len(*s) > maxSpans {
		*s = slices.Delete(*s, 0, 1)
	}
	return &(*s)[len(*s)-1]
}

// find is what was told of something between two moments, which may have looked otherwise
// before all records were known. What lasts is known to last for a while.
func (s spans) find(from, to, lasts int64) *span {
	for i := range s {
		t := &s[i]
		end := t.To
		if end == 0 {
			end = t.From + lasts
		}
		if t.From == from || t.From < to && from < end {
			return t
		}
	}
	return nil
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
