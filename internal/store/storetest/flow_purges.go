package storetest

import (
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/settings"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

// flowKeep is how long things are kept in these tests: executions for a day, requests and
// tasks for three.
var flowKeep = janitor.Retention{Deliveries: day, Events: 3 * day}

// purgeFlow purges until nothing is old any more.
func (f *Fixture) purgeFlow(r janitor.Retention) {
	f.Helper()
	for range 1000 {
		n, err := f.F.Purge(f.Ctx, r, f.Now())
		if f.Check(err); n == 0 {
			return
		}
	}
	f.Fatal("the purge does not come to an end")
}

func (d *Desk) wantRequest(id peal.RequestID, kept bool) {
	d.Helper()
	if _, err := d.F.Request(d.Ctx, d.Org, id); (err == nil) != kept || err != nil && peal.CodeOf(err) != peal.CodeNotFound {
		d.Errorf("the request %s: %v, kept should be %v", id, err, kept)
	}
}

func (d *Desk) wantTask(id peal.TaskID, kept bool) {
	d.Helper()
	if _, err := d.F.Task(d.Ctx, d.Org, id); (err == nil) != kept || err != nil && peal.CodeOf(err) != peal.CodeNotFound {
		d.Errorf("the task %s: %v, kept should be %v", id, err, kept)
	}
}

// ended begins an execution and ends it.
func (f *Fixture) ended(status peal.ExecutionStatus, change func(*workflow.Commit)) *peal.Execution {
	f.Helper()
	c := f.Start(change)
	f.Begin(c)
	f.Check(f.Progress(&workflow.Claimed{Execution: c.Execution}, func(r *workflow.Record) {
		r.Execution.Status, r.Execution.StartedAt, r.Execution.FinishedAt = status, f.Now(), f.Now()
	}))
	return c.Execution
}

// versions is how many texts of versions there are.
func (f *Fixture) versions() (n int64) {
	f.Helper()
	f.Check(f.DB.Write(f.Ctx, func(tx *store.Tx) error {
		return tx.Query(func(r store.Row) error {
			n = r.Int(0)
			return nil
		}, "SELECT count(*) FROM workflow_version")
	}))
	return n
}

// setWorkflow writes the newest version of a workflow, zero to delete it.
func (f *Fixture) setWorkflow(id peal.WorkflowID, version int) {
	f.Helper()
	w := peal.Workflow{ID: id, Org: f.Org, Name: "Flow", Version: version}
	doc, err := json.Marshal(w)
	f.Check(err)
	row := directory.Row{Kind: directory.Workflows.Kind, Org: f.Org, ID: id.String(), Doc: doc, Deleted: version == 0}
	if row.Deleted {
		row.Doc = nil
	}
	changes, _, err := f.S.Changes(f.Ctx, 0)
	f.Check(err)
	expect := settings.MustNotExist
	for _, c := range changes {
		if c.Kind == row.Kind && c.ID == row.ID && !c.Deleted {
			expect = c.Version
		}
	}
	_, err = f.S.Write(f.Ctx, settings.Write{Rows: []settings.Put{{Row: row, Expect: expect}}})
	f.Check(err)
}

var flowPurgeTests = map[string]func(*Fixture){
	"requests and tasks go when they are old": func(f *Fixture) {
		d := NewDesk(f)
		pending, done, cancelled := d.Open(d.Opening()), d.Open(d.Opening()), d.Open(d.Opening())
		task := d.Task(func(t *peal.Task) {})
		open := d.Task(func(t *peal.Task) {})
		f.Check(d.Move(done.ID, peal.RequestCompleted))
		f.Check(d.Move(cancelled.ID, peal.RequestCancelled))
		f.Check(d.Complete(task.ID))
		f.Pass(2 * day)
		young := d.Open(d.Opening())
		f.Check(d.Move(young.ID, peal.RequestCompleted))
		f.purgeFlow(flowKeep)
		d.wantRequest(done.ID, true)
		d.wantTask(task.ID, true)

		f.Pass(2 * day)
		f.purgeFlow(flowKeep)
		for id, kept := range map[peal.RequestID]bool{pending.ID: true, young.ID: true, done.ID: false, cancelled.ID: false} {
			d.wantRequest(id, kept)
		}
		d.wantTask(task.ID, false)
		d.wantTask(open.ID, true)
		d.Fire() // nothing is left that a timer would look for
	},

	"what is needed stays": func(f *Fixture) {
		d := NewDesk(f)
		running := f.Start(nil)
		f.Begin(running)
		opened := d.Opening()
		opened.Request.Origin, opened.Request.OriginStep = running.Execution.ID, "open"
		served := d.Opening()
		served.Request.Execution = running.Execution.ID
		busy, over := d.Open(d.Opening()), d.Open(d.Opening())
		open := d.Task(func(t *peal.Task) { t.Request = over.ID })
		finished := d.Task(func(t *peal.Task) { t.Request = busy.ID })
		step := d.Task(func(t *peal.Task) { t.Execution, t.Step = running.Execution.ID, "task" })
		for _, r := range []*peal.Request{d.Open(opened), d.Open(served), over} {
			f.Check(d.Move(r.ID, peal.RequestCompleted))
		}
		f.Check(d.Complete(finished.ID))
		f.Check(d.Complete(step.ID))
		f.Pass(10 * day)
		check := func(kept bool) {
			f.Helper()
			f.purgeFlow(flowKeep)
			d.wantRequest(opened.Request.ID, kept)
			d.wantRequest(served.Request.ID, kept)
			d.wantRequest(over.ID, kept)
			d.wantTask(finished.ID, kept)
			d.wantTask(step.ID, kept)
		}
		check(true)
		d.wantTask(open.ID, true)

		// An execution that ended may run again for as long as it is kept.
		f.Check(f.F.Cancel(f.Ctx, f.Org, running.Execution.ID, f.Now()))
		f.purgeFlow(flowKeep)
		d.wantRequest(opened.Request.ID, true)
		d.wantTask(step.ID, true)
		f.Check(d.Complete(open.ID))
		f.Check(d.Move(busy.ID, peal.RequestCompleted))
		f.Pass(2 * day)
		check(false)
		d.wantTask(open.ID, true)
		f.Pass(2 * day)
		check(false)
		d.wantTask(open.ID, false)
		d.wantRequest(busy.ID, false)
	},

	"many that stay are passed by": func(f *Fixture) {
		d := NewDesk(f)
		running := f.Start(nil)
		f.Begin(running)
		for range 450 { // more than two chunks
			t := d.Task(func(t *peal.Task) { t.Execution = running.Execution.ID })
			f.Check(d.Complete(t.ID))
		}
		f.Pass(time.Second)
		last := d.Task(func(*peal.Task) {})
		f.Check(d.Complete(last.ID))
		f.Pass(10 * day)
		f.purgeFlow(flowKeep)
		d.wantTask(last.ID, false)
		f.Check(f.F.Cancel(f.Ctx, f.Org, running.Execution.ID, f.Now()))
		f.Pass(2 * day)
		f.purgeFlow(flowKeep)
		if tasks, _, err := f.F.Tasks(f.Ctx, peal.TaskFilter{Org: f.Org}, peal.Page{}); err != nil || len(tasks) != 0 {
			f.Errorf("%d tasks are left, %v", len(tasks), err)
		}
	},

	"an org keeps for a shorter time what it says": func(f *Fixture) {
		d := NewDesk(f)
		hook := peal.NewHookID(f.Now())
		keep := flowKeep
		keep.Orgs = []janitor.OrgRetention{{Org: "brief", Deliveries: 2 * time.Hour, Events: 4 * time.Hour}, {Org: "long", Deliveries: 9 * day, Events: 9 * day}}
		type kept struct {
			old, live *peal.Execution
			request   *peal.Request
			task      *peal.Task
		}
		orgs := map[string]*kept{}
		for _, org := range []string{"brief", "long", "other"} {
			f.Org = org
			k := &kept{old: f.ended(peal.ExecutionFailed, nil), request: d.Open(d.Opening()), task: d.Task(func(*peal.Task) {})}
			live := f.Start(nil)
			f.Begin(live)
			k.live = live.Execution
			f.Check(d.Move(k.request.ID, peal.RequestCompleted))
			f.Check(d.Complete(k.task.ID))
			f.F.Refused(org, peal.Received{ID: peal.NewExecutionID(f.Now()), Hook: hook, At: f.Now(), Verdict: "no", Request: []byte(`{}`)})
			orgs[org] = k
		}
		f.Check(f.DB.Write(f.Ctx, func(*store.Tx) error { return nil })) // the lane is written before
		for _, at := range []struct {
			pass            time.Duration
			execution, desk map[string]bool
		}{
			{time.Hour, map[string]bool{"brief": true, "long": true, "other": true}, map[string]bool{"brief": true, "long": true, "other": true}},
			{2 * time.Hour, map[string]bool{"long": true, "other": true}, map[string]bool{"brief": true, "long": true, "other": true}},
			{2 * time.Hour, map[string]bool{"long": true, "other": true}, map[string]bool{"long": true, "other": true}},
			{day, nil, map[string]bool{"long": true, "other": true}},
			{3 * day, nil, nil},
		} {
			f.Pass(at.pass)
			f.purgeFlow(keep)
			for org, k := range orgs {
				f.Org = org
				if _, err := f.F.Execution(f.Ctx, org, k.old.ID); (err == nil) != at.execution[org] {
					f.Errorf("%s: the execution: %v", org, err)
				}
				if rows, _, err := f.F.Received(f.Ctx, org, hook, peal.Page{}); err != nil || (len(rows) == 1) != at.execution[org] {
					f.Errorf("%s: %d received, %v", org, len(rows), err)
				}
				f.Execution(k.live.ID)
				d.wantRequest(k.request.ID, at.desk[org])
				d.wantTask(k.task.ID, at.desk[org])
			}
		}
	},

	"texts of versions go when nothing runs them": func(f *Fixture) {
		id, offering := peal.NewWorkflowID(f.Now()), peal.NewOfferingID(f.Now())
		start := func(version int) func(*workflow.Commit) {
			return func(c *workflow.Commit) { c.Execution.Workflow, c.Execution.Version = id, version }
		}
		f.setWorkflow(id, 1)
		f.ended(peal.ExecutionSucceeded, func(c *workflow.Commit) { c.Execution.Workflow = peal.WorkflowID(offering) })
		waiting := f.Start(start(1))
		f.Begin(waiting)
		f.setWorkflow(id, 2)
		f.ended(peal.ExecutionSucceeded, start(2))
		f.setWorkflow(id, 3)
		failed := f.ended(peal.ExecutionFailed, start(3))
		for _, at := range []struct {
			before func()
			want   int64
		}{
			{func() {}, 4},
			{func() { f.Pass(12 * time.Hour) }, 4}, // the second has been superseded for half a day
			{func() { f.Pass(day) }, 3},
			{func() { f.setWorkflow(id, 0) }, 3}, // the third is the newest no more
			{func() { f.Check(f.F.Cancel(f.Ctx, f.Org, waiting.Execution.ID, f.Now())) }, 3},
			{func() { f.Pass(2 * day) }, 1}, // a hook's with an offering alone never is old
			{func() { f.Pass(90 * day) }, 1},
		} {
			at.before()
			f.purgeFlow(flowKeep)
			if n := f.versions(); n != at.want {
				f.Fatalf("%d versions are left, want %d", n, at.want)
			}
		}
		_, err := f.F.Execution(f.Ctx, f.Org, failed.ID)
		f.WantCode(err, peal.CodeNotFound)
	},
}
