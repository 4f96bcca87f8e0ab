package storetest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/desk"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// Desk is a Fixture for requests and tasks.
type Desk struct{ *Fixture }

// NewDesk makes the Desk of a node.
func NewDesk(f *Fixture) *Desk { return &Desk{f} }

// Opening makes a request whose targets are an hour and two, with warnings at the half.
func (d *Desk) Opening() *desk.Opening {
	now := d.Now()
	r := &peal.Request{
		ID: peal.NewRequestID(now), Org: d.Org, Offering: peal.NewOfferingID(now), Title: "New laptop", Description: "For Ada", Status: peal.RequestPending,
		Priority: "HIGH", CreatedBy: "user_def456", Data: json.RawMessage(`{"size":14}`), CreatedAt: now,
		SLA: &peal.SLA{Accept: peal.Duration(time.Hour), Complete: peal.Duration(2 * time.Hour), WarnAt: 0.5},
	}
	o := &desk.Opening{Request: r, Raised: []peal.Raised{d.report("opened", r.ID.String())}}
	for _, t := range peal.Targets {
		o.Timers = append(o.Timers,
			desk.Timer{Type: "sla.warning", Target: t, DueAt: r.SLA.Due(t, r.SLA.WarnAt, now)},
			desk.Timer{Type: "sla.breached", Target: t, DueAt: r.SLA.Due(t, 1, now)})
	}
	return o
}

// Open opens a request that must be opened.
func (d *Desk) Open(o *desk.Opening) *peal.Request {
	d.Helper()
	r, err := d.F.OpenRequest(d.Ctx, o)
	d.Check(err)
	return r
}

// Move sets the status of a request, as the desk does.
func (d *Desk) Move(id peal.RequestID, status peal.RequestStatus) error {
	_, err := d.F.ChangeRequest(d.Ctx, d.Org, id, d.Now(), func(r *peal.Request) ([]peal.Raised, error) {
		if r.Finished() || r.Status == status {
			return nil, peal.Errorf(peal.CodeConflict, "it is %s", r.Status)
		}
		if r.Status = status; status == peal.RequestAccepted {
			r.AcceptedAt = d.Now()
		} else {
			r.FinishedAt = d.Now()
		}
		return []peal.Raised{d.report(string(status), id.String())}, nil
	})
	return err
}

// Task opens a task that must be opened.
func (d *Desk) Task(change func(*peal.Task)) *peal.Task {
	d.Helper()
	t := &peal.Task{ID: peal.NewTaskID(d.Now()), Org: d.Org, Title: "Order", Status: peal.TaskOpen, CreatedAt: d.Now()}
	change(t)
	t, err := d.F.OpenTask(d.Ctx, t, []peal.Raised{d.report("task", t.ID.String())})
	d.Check(err)
	return t
}

// Complete completes a task, as the desk does.
func (d *Desk) Complete(id peal.TaskID) error {
	_, err := d.F.ChangeTask(d.Ctx, d.Org, id, d.Now(), func(t *peal.Task) ([]peal.Raised, error) {
		if t.Finished() {
			return nil, peal.Errorf(peal.CodeConflict, "it is %s", t.Status)
		}
		t.Status, t.FinishedAt, t.Output = peal.TaskCompleted, d.Now(), json.RawMessage(`{"order":4711}`)
		return []peal.Raised{d.report("done", id.String())}, nil
	})
	return err
}

func (d *Desk) report(what, subject string) peal.Raised {
	return peal.Raised{Org: d.Org, Type: what, Subject: subject, Data: json.RawMessage(`{}`)}
}

// Raised lists what was raised and not published: types, and of targets which.
func (d *Desk) Raised() []string {
	d.Helper()
	rows, err := d.Q.Raised(d.Ctx, 1000)
	d.Check(err)
	var out []string
	for _, r := range rows {
		var data struct{ Target string }
		d.Check(json.Unmarshal(r.Data, &data))
		out = append(out, strings.TrimSpace(r.Type+" "+data.Target))
	}
	return out
}

func (d *Desk) wantRaised(want ...string) {
	d.Helper()
	if got := d.Raised(); !slices.Equal(got, want) {
		d.Fatalf("raised %q, want %q", got, want)
	}
}

// Fire fires all that is due.
func (d *Desk) Fire() (fired int) {
	d.Helper()
	for {
		n, err := d.F.Fire(d.Ctx, d.Now(), 3)
		d.Check(err)
		if fired += n; n == 0 {
			return fired
		}
	}
}

// Waiting makes an execution that a step of waits, unowned, for a signal alone.
func (d *Desk) Waiting() peal.ExecutionID {
	d.Helper()
	o := d.Opening()
	now := d.Now()
	o.Start = &peal.Execution{ID: peal.NewExecutionID(now), Org: d.Org, Workflow: peal.NewWorkflowID(now), WorkflowName: "W", Version: 1, Status: peal.ExecutionQueued}
	o.Definition, o.Timers, o.Raised = `{"steps":[]}`, nil, nil
	o.Request.Execution = o.Start.ID
	d.Open(o)
	return o.Start.ID
}

var deskTests = map[string]func(*Fixture){
	"a request is read as it was written": func(f *Fixture) {
		d := NewDesk(f)
		o := d.Opening()
		o.Request.Data = json.RawMessage(`{"n":1.10}`)
		d.Open(o)
		got, err := d.F.Request(d.Ctx, d.Org, o.Request.ID)
		d.Check(err)
		if !reflect.DeepEqual(got, o.Request) {
			d.Errorf("read %+v\nof   %+v", got, o.Request)
		}
		_, err = d.F.Request(d.Ctx, "other", o.Request.ID)
		d.WantCode(err, peal.CodeNotFound)
		d.wantRaised("opened")
	},
	"a step opens its request once": func(f *Fixture) {
		d := NewDesk(f)
		first, again, other := d.Opening(), d.Opening(), d.Opening()
		for _, o := range []*desk.Opening{first, again, other} {
			o.Request.Origin, o.Request.OriginStep = peal.ExecutionID{1}, "a"
		}
		other.Request.OriginStep = "b"
		d.Open(first)
		if r := d.Open(again); r.ID != first.Request.ID {
			d.Errorf("opened %s again as %s", first.Request.ID, r.ID)
		}
		if r := d.Open(other); r.ID != other.Request.ID {
			d.Errorf("another step got %s", r.ID)
		}
		d.wantRaised("opened", "opened")
		d.Pass(3 * time.Hour)
		if n := d.Fire(); n != 8 {
			d.Errorf("fired %d timers of two requests", n)
		}
	},
	"a key opens its request once": func(f *Fixture) {
		d := NewDesk(f)
		open := func(org, key string, hash byte) (*peal.Request, error) {
			o := d.Opening()
			o.Request.Org, o.Key, o.Hash[0] = org, key, hash
			return d.F.OpenRequest(d.Ctx, o)
		}
		first, err := open(d.Org, "k", 1)
		d.Check(err)
		again, err := open(d.Org, "k", 1)
		if d.Check(err); again.ID != first.ID {
			d.Errorf("opened %s again as %s", first.ID, again.ID)
		}
		_, err = open(d.Org, "k", 2)
		d.WantCode(err, peal.CodeUnprocessable)
		for org, key := range map[string]string{d.Org: "other", "other": "k"} {
			if r, err := open(org, key, 1); err != nil || r.ID == first.ID {
				d.Errorf("%s of %s: %v, %v", key, org, r, err)
			}
		}
		d.wantRaised("opened", "opened", "opened")
	},
	"a step opens its task once": func(f *Fixture) {
		d := NewDesk(f)
		x := d.Waiting()
		mine := func(t *peal.Task) { t.Execution, t.Step = x, "a" }
		if a, b := d.Task(mine), d.Task(mine); a.ID != b.ID {
			d.Errorf("opened %s and %s", a.ID, b.ID)
		}
		d.Task(func(t *peal.Task) { t.Execution = x })
		d.Task(func(t *peal.Task) { t.Execution = x })
		tasks, _, err := d.F.Tasks(d.Ctx, peal.TaskFilter{Org: d.Org, Execution: x}, peal.Page{})
		d.Check(err)
		if len(tasks) != 3 {
			d.Errorf("%d tasks", len(tasks))
		}
		d.wantRaised("task", "task", "task")
	},
	"what is refused changes nothing": func(f *Fixture) {
		d := NewDesk(f)
		r := d.Open(d.Opening())
		d.Check(d.Move(r.ID, peal.RequestCompleted))
		d.WantCode(d.Move(r.ID, peal.RequestCancelled), peal.CodeConflict)
		d.WantCode(d.Move(peal.RequestID{1}, peal.RequestCancelled), peal.CodeNotFound)
		d.WantCode(d.Complete(peal.TaskID{1}), peal.CodeNotFound)
		_, err := d.F.OpenTask(d.Ctx, &peal.Task{ID: peal.TaskID{1}, Org: d.Org, Title: "T", Request: r.ID, CreatedAt: d.Now()}, []peal.Raised{d.report("task", "")})
		d.WantCode(err, peal.CodeConflict)
		_, err = d.F.OpenTask(d.Ctx, &peal.Task{ID: peal.TaskID{1}, Org: "other", Title: "T", Request: r.ID, CreatedAt: d.Now()}, nil)
		d.WantCode(err, peal.CodeNotFound)
		if _, err = d.F.Task(d.Ctx, d.Org, peal.TaskID{1}); peal.CodeOf(err) != peal.CodeNotFound {
			d.Errorf("the refused task: %v", err)
		}
		d.wantRaised("opened", "COMPLETED")
	},
	"requests that open requests end": func(f *Fixture) {
		d := NewDesk(f)
		var err error
		parent := d.Open(d.Opening())
		for depth := 1; err == nil; depth++ {
			o := d.Opening()
			o.Request.Parent = parent.ID
			var r *peal.Request
			if r, err = d.F.OpenRequest(d.Ctx, o); err == nil {
				parent = r
			}
			if (err != nil) != (depth > 8) {
				d.Fatalf("at depth %d: %v", depth, err)
			}
		}
		d.WantCode(err, peal.CodeInvalid)
	},
	"targets are told of once, in order": func(f *Fixture) {
		d := NewDesk(f)
		d.Open(d.Opening())
		next, err := d.F.Next(d.Ctx)
		d.Check(err)
		if want := d.Now().Add(30 * time.Minute); !next.Equal(want) {
			d.Errorf("the next is due at %s, want %s", next, want)
		}
		d.Pass(30*time.Minute - time.Microsecond)
		if n := d.Fire(); n != 0 {
			d.Errorf("%d fired too soon", n)
		}
		d.Pass(time.Microsecond)
		d.Fire()
		d.Fire()
		d.wantRaised("opened", "sla.warning RESPONSE")
		d.Pass(90 * time.Minute)
		d.Fire()
		// The warning of the one and the breach of the other are due at once.
		got := d.Raised()
		slices.Sort(got[2:4])
		if want := []string{"opened", "sla.warning RESPONSE", "sla.breached RESPONSE", "sla.warning RESOLUTION", "sla.breached RESOLUTION"}; !slices.Equal(got, want) {
			d.Errorf("raised %q, want %q", got, want)
		}
		if next, err = d.F.Next(d.Ctx); err != nil || !next.IsZero() {
			d.Errorf("left: %s, %v", next, err)
		}
	},
	"what is met is not told of": func(f *Fixture) {
		d := NewDesk(f)
		accepted, cancelled := d.Open(d.Opening()), d.Open(d.Opening())
		d.Check(d.Move(accepted.ID, peal.RequestAccepted))
		d.Check(d.Move(cancelled.ID, peal.RequestCancelled))
		d.Pass(3 * time.Hour)
		d.Fire()
		d.wantRaised("opened", "opened", "ACCEPTED", "CANCELLED", "sla.warning RESOLUTION", "sla.breached RESOLUTION")
	},
	"what is met too late is told of": func(f *Fixture) {
		d := NewDesk(f)
		r := d.Open(d.Opening())
		d.Pass(time.Hour)
		d.Check(d.Move(r.ID, peal.RequestAccepted)) // before the clock has fired
		d.Fire()
		d.wantRaised("opened", "sla.warning RESPONSE", "sla.breached RESPONSE", "ACCEPTED", "sla.warning RESOLUTION")
	},
	"a request cancels its tasks": func(f *Fixture) {
		d := NewDesk(f)
		r := d.Open(d.Opening())
		open := d.Task(func(t *peal.Task) { t.Request = r.ID })
		done := d.Task(func(t *peal.Task) { t.Request = r.ID })
		other := d.Task(func(*peal.Task) {})
		d.Check(d.Complete(done.ID))
		d.Check(d.Move(r.ID, peal.RequestCancelled))
		for id, want := range map[peal.TaskID]peal.TaskStatus{open.ID: peal.TaskCancelled, done.ID: peal.TaskCompleted, other.ID: peal.TaskOpen} {
			got, err := d.F.Task(d.Ctx, d.Org, id)
			d.Check(err)
			if got.Status != want || got.Finished() == got.FinishedAt.IsZero() {
				d.Errorf("a task is %+v, want %s", got, want)
			}
		}
	},
	"a request starts its workflow": func(f *Fixture) {
		d := NewDesk(f)
		x := d.Waiting()
		claimed, err := d.F.Claim(d.Ctx, d.Org, d.Now(), 10, Nothing)
		d.Check(err)
		if len(claimed) != 1 || claimed[0].Execution.ID != x || claimed[0].Definition != `{"steps":[]}` {
			d.Fatalf("claimed %+v", claimed)
		}
		var input struct{ Request peal.Request }
		d.Check(json.Unmarshal(claimed[0].Execution.Input, &input))
		if input.Request.Title != "New laptop" || input.Request.ID.IsZero() {
			d.Errorf("the input is %s", claimed[0].Execution.Input)
		}
	},
	"waits go with the execution that waited": func(f *Fixture) {
		d := NewDesk(f)
		x := d.Waiting()
		_, err := d.F.Await(d.Ctx, desk.Wait{Org: d.Org, Execution: x, Step: "a", Task: d.Task(func(*peal.Task) {}).ID})
		d.Check(err)
		d.Check(d.F.Cancel(d.Ctx, d.Org, x, d.Now()))
		d.Pass(2 * time.Hour)
		if n, err := d.F.Purge(d.Ctx, janitor.Retention{Deliveries: time.Hour}, d.Now()); err != nil || n != 1 {
			d.Fatalf("purged %d, %v", n, err)
		}
		d.Check(d.DB.Write(d.Ctx, func(tx *store.Tx) error {
			return tx.Query(func(row store.Row) error {
				if n := row.Int(0); n != 0 {
					d.Errorf("%d waits are left", n)
				}
				return nil
			}, "SELECT count(*) FROM object_wait")
		}))
	},
	"a step that waits is woken": func(f *Fixture) {
		d := NewDesk(f)
		x := d.Waiting()
		if claimed, err := d.F.Claim(d.Ctx, d.Org, d.Now(), 10, Nothing); err != nil || len(claimed) != 1 {
			d.Fatalf("claimed %v, %v", claimed, err)
		}
		task := d.Task(func(*peal.Task) {})
		for _, step := range []string{"a", "a", "b"} {
			doc, err := d.F.Await(d.Ctx, desk.Wait{Org: d.Org, Execution: x, Step: step, Task: task.ID})
			if d.Check(err); doc != nil {
				d.Fatalf("an open task answers %s", doc)
			}
		}
		d.Check(d.Complete(task.ID))
		d.Check(d.F.Release(d.Ctx, []peal.ExecutionID{x}))
		claimed, err := d.F.Claim(d.Ctx, d.Org, d.Now(), 10, Nothing)
		d.Check(err)
		if len(claimed) != 1 || claimed[0].Signals != 2 || len(claimed[0].Heard) != 2 {
			d.Fatalf("claimed %+v", claimed)
		}
		for step, doc := range claimed[0].Heard {
			var heard peal.Task
			d.Check(json.Unmarshal(doc, &heard))
			if heard.ID != task.ID || heard.Status != peal.TaskCompleted || string(heard.Output) != `{"order":4711}` {
				d.Errorf("%s heard %s", step, doc)
			}
		}
		// Who comes later is answered at once.
		if doc, err := d.F.Await(d.Ctx, desk.Wait{Org: d.Org, Execution: x, Step: "c", Task: task.ID}); err != nil || !strings.Contains(string(doc), `"COMPLETED"`) {
			d.Errorf("answered %s, %v", doc, err)
		}
		_, err = d.F.Await(d.Ctx, desk.Wait{Org: "other", Execution: x, Step: "c", Task: task.ID})
		d.WantCode(err, peal.CodeNotFound)
	},
}
