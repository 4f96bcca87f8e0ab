package desk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/peal-dev/peal/internal/desk"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/settings"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/flow"
	"github.com/peal-dev/peal/internal/store/queue"
	storesettings "github.com/peal-dev/peal/internal/store/settings"
)

// world is a desk over a real database, in a bubble in which time is exact.
type world struct {
	*testing.T
	*desk.Desk
	settings *settings.Service
	queue    *queue.Queue
	woken    int
}

const org = peal.DefaultOrg

// inWorld runs f in a bubble, a few minutes before midnight in Zurich, and before the night in which clocks change.
func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "peal.db")
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 3, 28, 22, 57, 0, 0, time.UTC)))
		log := slog.New(slog.DiscardHandler)
		db, err := store.Open(t.Context(), store.Config{URL: url, Log: log, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		rows, executions := storesettings.New(db), flow.New(db)
		ring, err := secret.NewKeyring(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, queue: queue.New(db)}
		dir := directory.New(rows, ring, log)
		w.settings = settings.New(settings.Config{Store: rows, Directory: dir, Ring: ring, Now: time.Now})
		w.Desk = desk.New(desk.Config{Store: executions, Clock: executions, Directory: dir, Wake: func() { w.woken++ }, Now: time.Now, Log: log})
		if err := w.settings.EnsureDefaults(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Desk.Run(ctx) }()
		f(w)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// raised takes what was raised since, as "type target percentage" or "type".
func (w *world) raised() []string {
	w.Helper()
	rows, err := w.queue.Raised(w.Context(), 100)
	if err != nil {
		w.Fatal(err)
	}
	out := []string{}
	for _, r := range rows {
		var data struct {
			Target     string
			Percentage int
		}
		if err := json.Unmarshal(r.Data, &data); err != nil {
			w.Fatal(err)
		}
		if data.Target != "" {
			r.Type += fmt.Sprintf(" %s %d", data.Target, data.Percentage)
		}
		out = append(out, r.Type)
	}
	return out
}

func (w *world) want(raised ...string) {
	w.Helper()
	if got := w.raised(); !slices.Equal(got, raised) {
		w.Errorf("at %s raised %q, want %q", time.Now().UTC(), got, raised)
	}
}

// until sleeps to a time, and lets what is due then happen.
func (w *world) until(text string) {
	w.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		w.Fatal(err)
	}
	time.Sleep(time.Until(at))
}

// settled waits until all that the moment has started is done.
func (w *world) settled() {
	w.Helper()
	time.Sleep(20 * time.Millisecond)
}

func (w *world) open(sla *peal.SLA) *peal.Request {
	w.Helper()
	o, err := w.settings.CreateOffering(w.Context(), "admin", peal.Offering{Org: org, Name: "New laptop", SLA: sla})
	if err != nil {
		w.Fatal(err)
	}
	r, err := w.OpenRequest(w.Context(), peal.NewRequest{Org: org, Offering: o.ID, CreatedBy: "ada"})
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// A target of two working minutes that begins a minute before the day's work ends warns
// then, and is missed a minute after work begins again.
func TestTargetsRunInWorkingHours(t *testing.T) {
	inWorld(t, func(w *world) {
		w.until("2026-03-28T23:58:00+01:00")
		w.open(&peal.SLA{
			Accept: peal.Duration(2 * time.Minute), WarnAt: 0.5,
			Hours: &peal.WorkingHours{Days: []string{"sat", "sun"}, From: "00:00", To: "23:59", Zone: "Europe/Zurich"},
		})
		w.until("2026-03-28T23:58:59.9+01:00")
		w.want("request.created")
		w.until("2026-03-28T23:59:00+01:00")
		w.settled()
		w.want("request.created", "sla.warning RESPONSE 50")
		w.until("2026-03-29T00:00:59.9+01:00")
		w.want("request.created", "sla.warning RESPONSE 50")
		w.until("2026-03-29T00:01:00+01:00")
		w.settled()
		w.want("request.created", "sla.warning RESPONSE 50", "sla.breached RESPONSE 100")
		w.until("2026-03-29T00:03:00+01:00")
		w.want("request.created", "sla.warning RESPONSE 50", "sla.breached RESPONSE 100")
	})
}

// The default warns at 80 %, and each target is told of by itself.
func TestTargetsAreDisarmed(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.open(&peal.SLA{Accept: peal.Duration(10 * time.Second), Complete: peal.Duration(time.Minute), WarnAt: peal.DefaultWarnAt})
		time.Sleep(9 * time.Second)
		if _, err := w.AcceptRequest(w.Context(), org, r.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second)
		w.want("request.created", "sla.warning RESPONSE 80", "request.accepted", "sla.warning RESOLUTION 80")
		if _, err := w.CompleteRequest(w.Context(), org, r.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		w.want("request.created", "sla.warning RESPONSE 80", "request.accepted", "sla.warning RESOLUTION 80", "request.completed")
		if w.woken != 1 {
			t.Errorf("executions were looked for %d times, want once, when the request was finished", w.woken)
		}
	})
}

// What may follow what, and what each step tells.
func TestRequestStates(t *testing.T) {
	type step struct {
		do   string
		code peal.Code
	}
	for name, steps := range map[string][]step{
		"accepted, completed": {{"accept", ""}, {"accept", peal.CodeConflict}, {"complete", ""}, {"complete", peal.CodeConflict}, {"accept", peal.CodeConflict}, {"cancel", peal.CodeConflict}},
		"not accepted":        {{"complete", peal.CodeConflict}, {"cancel", ""}, {"cancel", peal.CodeConflict}, {"accept", peal.CodeConflict}, {"complete", peal.CodeConflict}},
		"accepted, cancelled": {{"accept", ""}, {"cancel", ""}, {"complete", peal.CodeConflict}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := w.open(nil)
				want := []string{"request.created"}
				for _, s := range steps {
					var err error
					told := ""
					switch s.do {
					case "accept":
						_, err = w.AcceptRequest(w.Context(), org, r.ID)
						told = "request.accepted"
					case "complete":
						_, err = w.CompleteRequest(w.Context(), org, r.ID)
						told = "request.completed"
					case "cancel":
						_, err = w.CancelRequest(w.Context(), org, r.ID, "")
						told = "request.cancelled"
					}
					if s.code == "" && err != nil || s.code != "" && peal.CodeOf(err) != s.code {
						t.Errorf("%s: %v, want %q", s.do, err, s.code)
					}
					if s.code == "" {
						want = append(want, told)
					}
				}
				w.want(want...)
			})
		})
	}
}

// A task is told of when it becomes somebody's, and when it is completed.
func TestTaskStates(t *testing.T) {
	inWorld(t, func(w *world) {
		ada, bot := peal.Assignee{Kind: peal.AssigneeUser, ID: "ada"}, peal.Assignee{Kind: peal.AssigneeAgent, ID: "ada"}
		task, err := w.OpenTask(w.Context(), peal.NewTask{Org: org, Title: "Order"})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []struct {
			to     peal.Assignee
			status peal.TaskStatus
		}{{peal.Assignee{}, peal.TaskOpen}, {ada, peal.TaskAssigned}, {ada, peal.TaskAssigned}, {bot, peal.TaskAssigned}, {peal.Assignee{}, peal.TaskOpen}, {ada, peal.TaskAssigned}} {
			got, err := w.EditTask(w.Context(), org, task.ID, func(t *peal.Task) { t.Assignee = s.to })
			if err != nil || got.Status != s.status || got.Assignee != s.to {
				t.Fatalf("assigned to %v: %+v, %v", s.to, got, err)
			}
		}
		if _, err := w.EditTask(w.Context(), org, task.ID, func(t *peal.Task) { t.Assignee.Kind = "team" }); peal.CodeOf(err) != peal.CodeInvalid {
			t.Errorf("assigned to a team: %v", err)
		}
		if _, err := w.CompleteTask(w.Context(), org, task.ID, json.RawMessage(`1`)); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"completed": func() error { _, err := w.CompleteTask(w.Context(), org, task.ID, nil); return err }(),
			"cancelled": func() error { _, err := w.CancelTask(w.Context(), org, task.ID); return err }(),
			"assigned": func() error {
				_, err := w.EditTask(w.Context(), org, task.ID, func(t *peal.Task) { t.Assignee = bot })
				return err
			}(),
		} {
			if peal.CodeOf(err) != peal.CodeConflict {
				t.Errorf("%s after it was completed: %v", name, err)
			}
		}
		w.want("task.assigned", "task.assigned", "task.assigned", "task.completed")
	})
}
