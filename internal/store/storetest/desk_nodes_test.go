package storetest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/desk"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// twoDesks are two nodes with requests and tasks on one database.
func twoDesks(t *testing.T) [2]*storetest.Desk {
	a, b := twoNodes(t)
	return [2]*storetest.Desk{storetest.NewDesk(a), storetest.NewDesk(b)}
}

// onBothDesks runs f on each node at once.
func onBothDesks(nodes [2]*storetest.Desk, f func(d *storetest.Desk)) {
	var running sync.WaitGroup
	for _, d := range nodes {
		running.Go(func() { f(d) })
	}
	running.Wait()
}

// Whatever two nodes do at once to one request happens once, and is told once.
func TestNodesDealWithARequestOnce(t *testing.T) {
	nodes := twoDesks(t)
	var mu sync.Mutex
	count := func(n *int, by int) {
		mu.Lock()
		defer mu.Unlock()
		*n += by
	}
	want := map[string]int{}
	for range 20 {
		o := nodes[0].Opening()
		o.Request.Origin, o.Request.OriginStep = peal.NewExecutionID(nodes[0].Now()), "open"
		ids := map[peal.RequestID]int{}
		onBothDesks(nodes, func(d *storetest.Desk) {
			own := *o
			r := *o.Request
			r.ID = peal.NewRequestID(d.Now())
			own.Request = &r
			opened, err := d.F.OpenRequest(d.Ctx, &own)
			if err != nil {
				d.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[opened.ID]++
		})
		if len(ids) != 1 {
			t.Fatalf("a step opened %d requests", len(ids))
		}
		var accepted, ended int
		onBothDesks(nodes, func(d *storetest.Desk) {
			for id := range ids {
				if d.Move(id, peal.RequestAccepted) == nil {
					count(&accepted, 1)
				}
				if d.Move(id, peal.RequestCancelled) == nil {
					count(&ended, 1)
				}
			}
		})
		if accepted > 1 || ended != 1 {
			t.Fatalf("accepted %d times, ended %d times", accepted, ended)
		}
		want["opened"]++
		want["ACCEPTED"] += accepted
		want["CANCELLED"]++
	}
	wantCounts(t, nodes[0], want)
}

// Targets that are due on two nodes at once are told of once.
func TestNodesFireOnce(t *testing.T) {
	nodes := twoDesks(t)
	for range 25 {
		nodes[0].Open(nodes[0].Opening())
	}
	var mu sync.Mutex
	fired := 0
	onBothDesks(nodes, func(d *storetest.Desk) {
		now := d.Now().Add(3 * time.Hour)
		for {
			n, err := d.F.Fire(d.Ctx, now, 4)
			if err != nil {
				d.Error(err)
				return
			}
			mu.Lock()
			fired += n
			mu.Unlock()
			if next, err := d.F.Next(d.Ctx); err != nil || next.IsZero() {
				return
			}
		}
	})
	if fired != 100 {
		t.Errorf("fired %d timers of 100", fired)
	}
	wantCounts(t, nodes[0], map[string]int{
		"opened": 25, "sla.warning RESPONSE": 25, "sla.breached RESPONSE": 25, "sla.warning RESOLUTION": 25, "sla.breached RESOLUTION": 25,
	})
}

// A step that begins to wait while the task is completed elsewhere misses nothing: it is
// answered at once, or woken.
func TestNodesLoseNoWakeUp(t *testing.T) {
	nodes := twoDesks(t)
	a, b := nodes[0], nodes[1]
	woken := 0
	for range 100 {
		x := a.Waiting()
		task := a.Task(func(*peal.Task) {})
		answered := false
		var running sync.WaitGroup
		running.Go(func() {
			doc, err := a.F.Await(a.Ctx, desk.Wait{Org: a.Org, Execution: x, Step: "wait", Task: task.ID})
			if err != nil {
				a.Error(err)
			}
			answered = doc != nil
		})
		running.Go(func() {
			if err := b.Complete(task.ID); err != nil {
				b.Error(err)
			}
		})
		running.Wait()
		if answered {
			continue
		}
		woken++
		claimed, err := a.F.Claim(a.Ctx, a.Org, a.Now(), 500, storetest.Nothing)
		a.Check(err)
		heard := false
		for _, c := range claimed {
			heard = heard || c.Execution.ID == x && c.Heard["wait"] != nil
		}
		if !heard {
			t.Fatalf("the execution %s was neither answered nor woken", x)
		}
	}
	t.Logf("%d of 100 were woken, the others answered", woken)
}

// wantCounts compares how often each event was raised.
func wantCounts(t *testing.T, d *storetest.Desk, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, what := range d.Raised() {
		got[what]++
	}
	for what, n := range got {
		if n != want[what] {
			t.Errorf("%s was raised %d times, want %d", what, n, want[what])
		}
	}
	for what, n := range want {
		if got[what] != n {
			t.Errorf("%s was raised %d times, want %d", what, got[what], n)
		}
	}
}
