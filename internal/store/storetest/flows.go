package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

var flowTests = map[string]func(*Fixture){
	"an execution lives": func(f *Fixture) {
		c := f.Start(nil)
		c.Owned = false
		f.Begin(c)
		x := f.claimOne()
		if x.Execution.ID != c.Execution.ID || x.Definition != "text" || string(x.Execution.Input) != `{"webhook":{"body":1}}` || len(x.Steps) != 0 {
			f.Fatalf("claimed %+v", x)
		}
		if again, err := f.F.Claim(f.Ctx, f.Org, f.Now(), 10, Nothing); err != nil || len(again) != 0 {
			f.Fatalf("claimed twice: %v, %v", again, err)
		}
		f.Check(f.Progress(x, func(r *workflow.Record) {
			r.Execution.Status, r.Execution.StartedAt = peal.ExecutionRunning, f.Now()
			r.Steps = []workflow.Step{f.step("a", peal.ExecutionRunning)}
			r.Raised = []peal.Raised{{Org: f.Org, Type: "workflow.started", Data: []byte("{}")}}
		}))
		done := f.step("a", peal.ExecutionSucceeded)
		done.Output, done.FinishedAt, done.Attempts = json.RawMessage(`{"n":1.50}`), f.Pass(time.Second), 1
		f.Check(f.Progress(x, func(r *workflow.Record) {
			r.Execution.Status, r.Execution.FinishedAt = peal.ExecutionSucceeded, f.Now()
			r.Steps = []workflow.Step{done}
			r.Raised = []peal.Raised{{Org: f.Org, Type: "workflow.completed", Data: []byte("{}")}}
		}))
		got := f.Execution(c.Execution.ID)
		if got.Status != peal.ExecutionSucceeded || !got.FinishedAt.Equal(f.Now()) || len(got.Steps) != 1 || string(got.Steps[0].Output) != `{"n":1.50}` ||
			got.WorkflowName != "Flow" || got.Version != 3 || got.Steps[0].Attempts != 1 {
			f.Fatalf("read %+v", got)
		}
		if raised, err := f.Q.Raised(f.Ctx, 10); err != nil || len(raised) != 2 {
			f.Fatalf("raised %v, %v", raised, err)
		}
		if owned := f.F.Owned(); len(owned) != 0 {
			f.Fatalf("owned %v", owned)
		}
		if err := f.Progress(x, func(*workflow.Record) {}); !errors.Is(err, workflow.ErrFenced) {
			f.Fatalf("a record after the end: %v", err)
		}
	},
	"a crash releases": func(f *Fixture) {
		c := f.Start(nil)
		f.Begin(c)
		x := &workflow.Claimed{Execution: c.Execution}
		f.Check(f.Progress(x, func(r *workflow.Record) {
			r.Execution.Status = peal.ExecutionRunning
			r.Steps = []workflow.Step{f.step("a", peal.ExecutionRunning)}
		}))
		f.Reopen()
		again := f.claimOne()
		if again.Execution.ID != c.Execution.ID || len(again.Steps) != 1 || again.Steps[0].Status != peal.ExecutionRunning {
			f.Fatalf("claimed %+v", again)
		}
		f.Check(f.F.Release(f.Ctx, nil))
		if err := f.Progress(again, func(*workflow.Record) {}); !errors.Is(err, workflow.ErrFenced) {
			f.Fatalf("a record of what was released: %v", err)
		}
		f.claimOne()
	},
	"a delivery begins once": func(f *Fixture) {
		hook := peal.NewHookID(f.Now())
		first := f.named(hook, "d1")
		f.Begin(first)
		repeat, other, elsewhere := f.named(hook, "d1"), f.named(hook, "d2"), f.named(peal.NewHookID(f.Now()), "d1")
		twin := f.named(hook, "d2")
		f.Together(func() { f.submitFlows(repeat, other, elsewhere, twin) })
		f.awaitFlows()
		if !repeat.Duplicate || repeat.First != first.Execution.ID {
			f.Fatalf("repeat: %v %v", repeat.Duplicate, repeat.First)
		}
		if other.Duplicate == twin.Duplicate || other.First != twin.First || elsewhere.Duplicate {
			f.Fatalf("in one group: %v %v, elsewhere %v", other.Duplicate, twin.Duplicate, elsewhere.Duplicate)
		}
		f.Pass(2 * time.Hour)
		late := f.named(hook, "d1")
		f.Begin(late)
		if late.Duplicate || late.First != late.Execution.ID {
			f.Fatal("an expired name is taken")
		}
		rows, _, err := f.F.Executions(f.Ctx, peal.ExecutionFilter{Org: f.Org, Hook: hook}, peal.Page{})
		if f.Check(err); len(rows) != 3 {
			f.Fatalf("%d executions", len(rows))
		}
	},
	"a wait parks until it is due": func(f *Fixture) {
		f.Begin(f.Start(nil))
		x := &workflow.Claimed{Execution: f.started[0].Execution}
		due := f.Now().Add(time.Hour)
		f.park(x, due)
		if backlog, err := f.F.Backlog(f.Ctx, "", 10); err != nil || len(backlog) != 1 || backlog[0].Org != f.Org || !backlog[0].FirstDue.Equal(due) {
			f.Fatalf("backlog %v, %v", backlog, err)
		}
		if got := f.Execution(x.Execution.ID); got.Status != peal.ExecutionWaiting || !got.DueAt.Equal(due) {
			f.Fatalf("parked %+v", got)
		}
		if early, err := f.F.Claim(f.Ctx, f.Org, f.Now(), 10, Nothing); err != nil || len(early) != 0 {
			f.Fatalf("claimed early: %v, %v", early, err)
		}
		f.Pass(time.Hour)
		f.claimOne()
	},
	"a signal wakes": func(f *Fixture) {
		f.Begin(f.Start(nil))
		x := &workflow.Claimed{Execution: f.started[0].Execution}
		f.park(x, time.Time{})
		if early, err := f.F.Claim(f.Ctx, f.Org, f.Now().Add(time.Hour), 10, Nothing); err != nil || len(early) != 0 {
			f.Fatalf("claimed without a signal: %v, %v", early, err)
		}
		f.Check(f.F.Signal(f.Ctx, workflow.Signal{Org: f.Org, Execution: x.Execution.ID, Step: "a", Payload: []byte(`{"x":1}`)}, f.Now()))
		f.Check(f.F.Signal(f.Ctx, workflow.Signal{Org: f.Org, Execution: x.Execution.ID, Step: "a", Payload: []byte(`{"x":2}`)}, f.Now()))
		woken := f.claimOne()
		if woken.Signals != 2 || string(woken.Heard["a"]) != `{"x":1}` {
			f.Fatalf("heard %v of %d", woken.Heard, woken.Signals)
		}
	},
	"a signal before the park wakes": func(f *Fixture) {
		f.Begin(f.Start(nil))
		x := &workflow.Claimed{Execution: f.started[0].Execution}
		f.Check(f.F.Signal(f.Ctx, workflow.Signal{Org: f.Org, Execution: x.Execution.ID, Step: "a"}, f.Now()))
		f.park(x, time.Time{})
		if woken := f.claimOne(); string(woken.Heard["a"]) != "null" {
			f.Fatalf("heard %v", woken.Heard)
		}
		f.Check(f.F.Signal(f.Ctx, workflow.Signal{Org: "other", Execution: x.Execution.ID, Step: "b"}, f.Now()))
	},
	"event waits are listed until they are heard": func(f *Fixture) {
		f.Begin(f.Start(nil))
		x := &workflow.Claimed{Execution: f.started[0].Execution}
		wait := workflow.EventWait{Step: "a", Pattern: "order.*", Filter: "true", Since: f.Now()}
		f.Check(f.Progress(x, func(r *workflow.Record) { r.Waits = []workflow.EventWait{wait} }))
		waits, err := f.F.EventWaits(f.Ctx, 10)
		if f.Check(err); len(waits) != 1 || waits[0].Execution != x.Execution.ID || waits[0].Pattern != "order.*" || !waits[0].Since.Equal(f.Now()) {
			f.Fatalf("waits %+v", waits)
		}
		f.Check(f.Progress(x, func(r *workflow.Record) { r.Heard = []string{"a"} }))
		if waits, err = f.F.EventWaits(f.Ctx, 10); err != nil || len(waits) != 0 {
			f.Fatalf("waits %+v, %v", waits, err)
		}
	},
	"many event waits of an org leave room for those of others": func(f *Fixture) {
		for _, org := range []string{"a", "a", "a", "a", "b"} {
			c := f.Start(func(c *workflow.Commit) { c.Execution.Org = org })
			f.Begin(c)
			f.Check(f.Progress(&workflow.Claimed{Execution: c.Execution}, func(r *workflow.Record) {
				r.Waits = []workflow.EventWait{{Step: "wait", Pattern: "*", Since: f.Now()}}
			}))
			f.Pass(time.Millisecond)
		}
		waits, err := f.F.EventWaits(f.Ctx, 4)
		if f.Check(err); len(waits) != 3 || waits[0].Execution != f.started[0].Execution.ID || waits[1].Org != "a" || waits[2].Org != "b" {
			f.Fatalf("waits %+v", waits)
		}
	},
	"cancel and rerun": func(f *Fixture) {
		f.Begin(f.Start(nil))
		x := &workflow.Claimed{Execution: f.started[0].Execution}
		good, bad, passed := f.step("a", peal.ExecutionSucceeded), f.step("b", peal.ExecutionFailed), f.step("c", peal.ExecutionFailed)
		passed.Continued = true
		for _, s := range []*workflow.Step{&good, &bad, &passed} {
			s.FinishedAt = f.Now()
		}
		f.Check(f.Progress(x, func(r *workflow.Record) {
			r.Execution.Status, r.Execution.FinishedAt, r.Execution.Error, r.Execution.FailedStep = peal.ExecutionFailed, f.Now(), "no", "b"
			r.Steps = []workflow.Step{good, bad, passed}
		}))
		id := x.Execution.ID
		f.WantCode(f.F.Cancel(f.Ctx, f.Org, id, f.Now()), peal.CodeConflict)
		f.WantCode(f.F.Rerun(f.Ctx, "other", id, f.Now()), peal.CodeNotFound)
		f.Check(f.F.Rerun(f.Ctx, f.Org, id, f.Now()))
		again := f.claimOne()
		var kept []string
		for _, s := range again.Steps {
			kept = append(kept, s.Step)
		}
		if slices.Sort(kept); !slices.Equal(kept, []string{"a", "c"}) || again.Execution.Error != "" {
			f.Fatalf("kept %v", kept)
		}
		f.Check(f.F.Cancel(f.Ctx, f.Org, id, f.Now()))
		if err := f.Progress(again, func(*workflow.Record) {}); !errors.Is(err, workflow.ErrFenced) {
			f.Fatalf("a record of what was cancelled: %v", err)
		}
		if got := f.Execution(id); got.Status != peal.ExecutionCancelled || got.FinishedAt.IsZero() {
			f.Fatalf("cancelled %+v", got)
		}
		f.WantCode(f.F.Cancel(f.Ctx, "other", id, f.Now()), peal.CodeNotFound)
	},
	"a group has the last of each step": func(f *Fixture) {
		f.Begin(f.Start(nil))
		x := &workflow.Claimed{Execution: f.started[0].Execution}
		var written sync.WaitGroup
		f.Together(func() {
			for _, status := range []peal.ExecutionStatus{peal.ExecutionRunning, peal.ExecutionSucceeded} {
				written.Add(1)
				e := *x.Execution
				e.Status = peal.ExecutionRunning
				f.F.Record(&workflow.Record{Execution: &e, Now: f.Now(), Steps: []workflow.Step{f.step("a", status)}, Done: func(err error) {
					if err != nil {
						f.Error(err)
					}
					written.Done()
				}})
			}
		})
		written.Wait()
		if got := f.Execution(x.Execution.ID); len(got.Steps) != 1 || got.Steps[0].Status != peal.ExecutionSucceeded {
			f.Fatalf("steps %+v", got.Steps)
		}
	},
	"lists page and filter": func(f *Fixture) {
		var ids []peal.ExecutionID
		for range 5 {
			c := f.Start(nil)
			f.Begin(c)
			ids = append(ids, c.Execution.ID)
			f.Pass(time.Millisecond)
		}
		f.Begin(f.Start(func(c *workflow.Commit) { c.Execution.Org = "other" }))
		var got []peal.ExecutionID
		for page := (peal.Page{Limit: 2}); ; {
			rows, next, err := f.F.Executions(f.Ctx, peal.ExecutionFilter{Org: f.Org}, page)
			f.Check(err)
			for _, x := range rows {
				got = append(got, x.ID)
			}
			if page.Cursor = next; next == "" {
				break
			}
		}
		slices.Reverse(got)
		if !slices.Equal(got, ids) {
			f.Fatalf("listed %v, want %v", got, ids)
		}
		for status, want := range map[peal.ExecutionStatus]int{peal.ExecutionQueued: 5, peal.ExecutionFailed: 0, peal.ExecutionSucceeded: 0} {
			rows, _, err := f.F.Executions(f.Ctx, peal.ExecutionFilter{Org: f.Org, Status: status, Workflow: f.started[0].Execution.Workflow}, peal.Page{})
			if f.Check(err); len(rows) != want && status != peal.ExecutionQueued || len(rows) > want {
				f.Fatalf("%s: %d", status, len(rows))
			}
		}
		_, _, err := f.F.Executions(f.Ctx, peal.ExecutionFilter{Org: f.Org}, peal.Page{Cursor: "no"})
		f.WantCode(err, peal.CodeInvalidCursor)
	},
	"what was received is listed and purged": func(f *Fixture) {
		hook := peal.NewHookID(f.Now())
		c := f.named(hook, "")
		f.Begin(c)
		f.Pass(time.Second)
		f.F.Refused(f.Org, peal.Received{
			ID: peal.NewExecutionID(f.Now()), Hook: hook, At: f.Now(), Verdict: "no", StatusCode: 401, Request: []byte(`{"webhook":{"body":2}}`),
		})
		f.Check(f.DB.Write(f.Ctx, func(*store.Tx) error { return nil })) // the lane is written before
		rows, _, err := f.F.Received(f.Ctx, f.Org, hook, peal.Page{})
		if f.Check(err); len(rows) != 2 || rows[0].Verdict != "no" || rows[0].StatusCode != 401 || string(rows[0].Request) != `{"body":2}` ||
			rows[1].Verdict != "accepted" || rows[1].Execution != c.Execution.ID || string(rows[1].Request) != `{"body":1}` {
			f.Fatalf("received %+v", rows)
		}
		if rows, _, err := f.F.Received(f.Ctx, "other", hook, peal.Page{}); err != nil || len(rows) != 0 {
			f.Fatalf("another org sees %v, %v", rows, err)
		}
		keep := janitor.Retention{Deliveries: time.Hour}
		f.Pass(2 * time.Hour)
		if n, err := f.F.Purge(f.Ctx, keep, f.Now()); err != nil || n != 1 {
			f.Fatalf("purged %d, %v", n, err) // what is not finished stays
		}
		f.Check(f.F.Cancel(f.Ctx, f.Org, c.Execution.ID, f.Now()))
		f.Pass(2 * time.Hour)
		if n, err := f.F.Purge(f.Ctx, keep, f.Now()); err != nil || n != 1 {
			f.Fatalf("purged %d, %v", n, err)
		}
		_, err = f.F.Execution(f.Ctx, f.Org, c.Execution.ID)
		f.WantCode(err, peal.CodeNotFound)
	},
}

// Start makes an execution of one workflow that is owned from the start.
func (f *Fixture) Start(change func(*workflow.Commit)) *workflow.Commit {
	c := &workflow.Commit{
		Execution: &peal.Execution{
			ID: peal.NewExecutionID(f.Now()), Org: f.Org, Workflow: peal.WorkflowID{1}, WorkflowName: "Flow", Version: 3, Input: []byte(`{"webhook":{"body":1}}`),
		},
		Definition: "text", Now: f.Now(), Owned: true,
	}
	if change != nil {
		change(c)
	}
	return c
}

func (f *Fixture) named(hook peal.HookID, delivery string) *workflow.Commit {
	return f.Start(func(c *workflow.Commit) {
		c.Execution.Hook, c.Delivery, c.Expires = hook, delivery, f.Now().Add(time.Hour)
	})
}

func (f *Fixture) submitFlows(commits ...*workflow.Commit) {
	for _, c := range commits {
		f.starting.Add(1)
		c.Done = func(err error) {
			if err != nil {
				f.Error(err)
			}
			f.starting.Done()
		}
		f.Check(f.F.Submit(c))
		f.started = append(f.started, c)
	}
}

func (f *Fixture) awaitFlows() { f.starting.Wait() }

// Begin submits executions and waits until they are committed.
func (f *Fixture) Begin(commits ...*workflow.Commit) {
	f.Helper()
	f.submitFlows(commits...)
	f.awaitFlows()
}

func (f *Fixture) claimOne() *workflow.Claimed {
	f.Helper()
	claimed, err := f.F.Claim(f.Ctx, f.Org, f.Now(), 10, Nothing)
	f.Check(err)
	if len(claimed) != 1 {
		f.Fatalf("claimed %d", len(claimed))
	}
	return claimed[0]
}

// Progress records a change of an execution.
func (f *Fixture) Progress(c *workflow.Claimed, change func(*workflow.Record)) error {
	e := *c.Execution
	r := &workflow.Record{Execution: &e, Now: f.Now()}
	change(r)
	written := make(chan error, 1)
	r.Done = func(err error) { written <- err }
	f.F.Record(r)
	return <-written
}

func (f *Fixture) park(c *workflow.Claimed, due time.Time) {
	f.Helper()
	f.Check(f.Progress(c, func(r *workflow.Record) {
		r.Execution.Status, r.Execution.DueAt, r.Parked, r.Signals = peal.ExecutionWaiting, due, true, c.Signals
	}))
}

func (f *Fixture) step(id string, status peal.ExecutionStatus) workflow.Step {
	return workflow.Step{StepRun: peal.StepRun{Step: id, Uses: "http", Status: status, StartedAt: f.Now(), Input: json.RawMessage("{}")}}
}

// Execution reads an execution that must be there.
func (f *Fixture) Execution(id peal.ExecutionID) *peal.Execution {
	f.Helper()
	x, err := f.F.Execution(f.Ctx, f.Org, id)
	f.Check(err)
	return x
}
