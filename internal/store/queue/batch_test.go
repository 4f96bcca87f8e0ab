package queue

import (
	"slices"
	"testing"
)

func TestABatchGivesBackWhatALargeGroupNeeded(t *testing.T) {
	b := newBatch()
	b.events = append(b.events, "small")
	b.live = slices.Grow(b.live, 1<<20)
	b.live = append(b.live, "large")
	b.reset()
	if cap(b.events) == 0 || b.events[:1][0] != nil {
		t.Error("a small group's room is not used again")
	}
	if cap(b.live) > maxKept || len(b.live) != 0 {
		t.Errorf("room for %d values is kept", cap(b.live))
	}
}
