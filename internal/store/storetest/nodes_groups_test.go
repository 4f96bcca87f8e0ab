package storetest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// While both nodes add to the same groups, each message is taken by one claim of one
// node, with all that goes with it.
func TestNodesShareGroups(t *testing.T) {
	a, b := twoNodes(t)
	ep := a.Endpoint()
	groups := []peal.GroupID{{1}, {2}, {3}}
	type message struct {
		group peal.GroupID
		due   int64
	}
	var mu sync.Mutex
	claims := map[message]map[string]int{}
	want := map[peal.DeliveryID]bool{}

	// The clock of one is behind, so that a message is due by the one and collects by the
	// other, round after round.
	const rounds = 12
	a.Pass(2 * time.Second)
	for round := range rounds {
		var working sync.WaitGroup
		for i, f := range []*storetest.Fixture{a, b} {
			working.Go(func() {
				for n := range 15 {
					e := f.Event(ep)
					f.Collect(e, groups[n%len(groups)])
					f.Accept(e)
					mu.Lock()
					want[e.Deliveries[0].ID] = true
					mu.Unlock()
				}
			})
			working.Go(func() {
				for n := range 8 {
					c := f.ClaimGroups(ep, 1000)
					mu.Lock()
					for _, j := range c.Jobs {
						m := message{j.Group, j.DueAt.UnixMicro()}
						if claims[m] == nil {
							claims[m] = map[string]int{}
						}
						claims[m][fmt.Sprint(i, n, f.Now())]++
					}
					mu.Unlock()
				}
			})
		}
		working.Wait()
		step := 5 * time.Minute
		if round == 0 {
			step = 31 * time.Second
		}
		a.Pass(step)
		b.Pass(step)
	}
	a.Pass(time.Hour)
	b.Pass(time.Hour)
	for _, f := range []*storetest.Fixture{a, b} {
		for _, j := range f.ClaimGroups(ep, 1000).Jobs {
			m := message{j.Group, j.DueAt.UnixMicro()}
			if claims[m] == nil {
				claims[m] = map[string]int{}
			}
			claims[m]["the last"]++
		}
	}
	total := 0
	for m, by := range claims {
		if len(by) != 1 {
			t.Errorf("the message of group %v due at %d was taken in parts: %v", m.group[0], m.due, by)
		}
		for _, n := range by {
			total += n
		}
	}
	if total != len(want) || total != rounds*2*15 {
		t.Errorf("%d of %d deliveries claimed", total, len(want))
	}
}
