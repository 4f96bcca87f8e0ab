package storetest_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// Two nodes take the same two free lanes at once, in opposite order and in one transaction
// each: neither waits for the other, so that neither is undone as part of a deadlock.
func TestNodesTakeFreeLanesInAnyOrder(t *testing.T) {
	a, b := twoNodes(t)
	first, second := a.Endpoint(), a.Endpoint()
	a.Accept(a.Event(first, second))

	var meeting, waiting sync.WaitGroup
	meeting.Add(2)
	// queue has a node take lanes in one transaction, which meets the other node's after
	// the first lane.
	queue := func(f *storetest.Fixture, eps ...peal.EndpointID) (owner []bool, runs *atomic.Int64) {
		owner, runs = make([]bool, len(eps)), &atomic.Int64{}
		add := func(write func() error) {
			before := f.DB.Stats().Queued
			waiting.Go(func() {
				if err := write(); err != nil {
					t.Error(err)
				}
			})
			eventually(t, "the write waits for its turn", func() bool { return f.DB.Stats().Queued > before })
		}
		for i, ep := range eps {
			add(func() error {
				c, err := f.Q.Claim(f.Ctx, dispatch.ClaimRequest{Endpoint: ep, Now: f.Now(), Limit: 10, Bytes: 1 << 20, Bound: true})
				owner[i] = c.Owner
				return err
			})
			if i > 0 {
				continue
			}
			add(func() error {
				return f.DB.Write(f.Ctx, func(*store.Tx) error {
					if runs.Add(1) == 1 {
						meeting.Done()
						meeting.Wait()
					}
					return nil
				})
			})
		}
		return owner, runs
	}
	var owners [2][]bool
	var runs [2]*atomic.Int64
	a.Together(func() {
		owners[0], runs[0] = queue(a, first, second)
		b.Together(func() { owners[1], runs[1] = queue(b, second, first) })
	})
	waiting.Wait()
	for i := range owners {
		if n := runs[i].Load(); !slices.Equal(owners[i], []bool{true, false}) || n != 1 {
			t.Errorf("node %d owns its first and second lane: %v; its transaction ran %d times", i, owners[i], n)
		}
	}
}
