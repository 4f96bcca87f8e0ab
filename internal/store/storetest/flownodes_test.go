package storetest_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store/storetest"
	"github.com/peal-dev/peal/internal/workflow"
	"github.com/peal-dev/peal/test/pgtest"
)

// claimed claims the executions that are due.
func claimed(f *storetest.Fixture) []*workflow.Claimed {
	f.Helper()
	c, err := f.F.Claim(f.Ctx, f.Org, f.Now(), 10, storetest.Nothing)
	f.Check(err)
	return c
}

func TestNodesShareExecutions(t *testing.T) {
	a, b := twoNodes(t)
	hook := peal.NewHookID(a.Now())
	named := func(f *storetest.Fixture) *workflow.Commit {
		return f.Start(func(c *workflow.Commit) {
			c.Execution.Hook, c.Delivery, c.Expires = hook, "d", f.Now().Add(time.Hour)
		})
	}
	// One delivery that comes to both nodes begins one execution.
	first, second := named(a), named(b)
	var beginning sync.WaitGroup
	beginning.Go(func() { a.Begin(first) })
	beginning.Go(func() { b.Begin(second) })
	beginning.Wait()
	if first.Duplicate == second.Duplicate || first.First != second.First {
		t.Fatalf("%v %v, %v %v", first.Duplicate, first.First, second.Duplicate, second.First)
	}
	owner, other, mine := a, b, first
	if first.Duplicate {
		owner, other, mine = b, a, second
	}
	x := &workflow.Claimed{Execution: mine.Execution}
	if err := other.Progress(x, func(*workflow.Record) {}); !errors.Is(err, workflow.ErrFenced) {
		t.Errorf("another node's record: %v", err)
	}
	if c := claimed(other); len(c) != 0 {
		t.Errorf("another node claimed %v", c)
	}
	other.Check(other.F.Cancel(other.Ctx, other.Org, mine.Execution.ID, other.Now()))
	if err := owner.Progress(x, func(*workflow.Record) {}); !errors.Is(err, workflow.ErrFenced) {
		t.Errorf("a record of what another node cancelled: %v", err)
	}
}

// A signal that one node gives while another parks wakes, whichever is first.
func TestNodesSignalWhileParking(t *testing.T) {
	a, b := twoNodes(t)
	for range 30 {
		c := a.Start(nil)
		a.Begin(c)
		var racing sync.WaitGroup
		racing.Go(func() {
			a.Check(a.Progress(&workflow.Claimed{Execution: c.Execution}, func(r *workflow.Record) {
				r.Execution.Status, r.Parked = peal.ExecutionWaiting, true
			}))
		})
		racing.Go(func() {
			b.Check(b.F.Signal(b.Ctx, workflow.Signal{Org: b.Org, Execution: c.Execution.ID, Step: "a"}, b.Now()))
		})
		racing.Wait()
		woken := claimed(b)
		if len(woken) != 1 || woken[0].Execution.ID != c.Execution.ID || string(woken[0].Heard["a"]) != "null" {
			t.Fatalf("woke %v", woken)
		}
		b.Check(b.F.Cancel(b.Ctx, b.Org, c.Execution.ID, b.Now()))
	}
}

// Executions of a node that no longer beats, or that leaves, go to the others.
func TestExecutionsOfADeadNode(t *testing.T) {
	t.Parallel()
	direct := storetest.Postgres(t)
	between, through := pgtest.NewWire(t, direct)
	a, b := storetest.NewNode(t, through, quick), storetest.NewNode(t, direct, quick)
	c := a.Start(nil)
	a.Begin(c)
	between.Freeze()
	eventually(t, "the other takes over", func() bool { return len(claimed(b)) == 1 })
	between.Thaw()
	eventually(t, "it may start again", a.DB.MayStart)
	if err := a.Progress(&workflow.Claimed{Execution: c.Execution}, func(*workflow.Record) {}); !errors.Is(err, workflow.ErrFenced) {
		t.Errorf("it recorded what it lost: %v", err)
	}
	if owned := a.F.Owned(); len(owned) != 0 {
		t.Errorf("it owns %v", owned)
	}
	b.Reopen()
	eventually(t, "what a node that left had", func() bool { return len(claimed(b)) == 1 })
}
