package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/desk"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

// columns in the order of readTask.
const taskColumns = `id, title, description, status, assignee_kind, assignee, request, execution, step, data, output, created_at, finished_at`

const insertTask = `INSERT INTO task (org, ` + taskColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (org, execution, step) WHERE step <> '' DO NOTHING`

// OpenTask implements desk.Store.
func (f *Flow) OpenTask(ctx context.Context, t *peal.Task, raised []peal.Raised) (opened *peal.Task, err error) {
	err = f.db.Write(ctx, func(tx *store.Tx) error {
		opened = t
		n, err := tx.Exec(insertTask, t.Org, t.ID[:], t.Title, t.Description, string(t.Status), t.Assignee.Kind, t.Assignee.ID,
			orNone(t.Request), orNone(t.Execution), t.Step, orNull(t.Data), orNull(t.Output), store.Micros(t.CreatedAt), store.Micros(t.FinishedAt))
		if err != nil {
			return err
		}
		if n == 0 {
			return tx.Query(func(row store.Row) error {
				opened = readTask(t.Org, row)
				return nil
			}, "SELECT "+taskColumns+" FROM task WHERE org = ? AND execution = ? AND step = ?", t.Org, t.Execution[:], t.Step)
		}
		if err := f.mayHaveTask(tx, t); err != nil {
			return err
		}
		return store.AddRaised(tx, raised)
	})
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// mayHaveTask reports that what a task is for is not there, or over.
func (f *Flow) mayHaveTask(tx *store.Tx, t *peal.Task) error {
	if !t.Request.IsZero() {
		r, err := lockedRequest(tx, f.alone(), t.Org, t.Request)
		if err != nil {
			return err
		}
		if r.Finished() {
			return peal.Errorf(peal.CodeConflict, "the request is %s", r.Status)
		}
	}
	if t.Execution.IsZero() {
		return nil
	}
	err := error(peal.NotFound("execution"))
	failed := tx.Query(func(store.Row) error {
		err = nil
		return nil
	}, "SELECT 1 FROM execution WHERE org = ? AND id = ?", t.Org, t.Execution[:])
	if failed != nil {
		return failed
	}
	return err
}

// ChangeTask implements desk.Store.
func (f *Flow) ChangeTask(ctx context.Context, org string, id peal.TaskID, now time.Time, change func(*peal.Task) ([]peal.Raised, error)) (changed *peal.Task, err error) {
	err = f.db.Write(ctx, func(tx *store.Tx) error {
		t, err := lockedTask(tx, f.alone(), org, id)
		if err != nil {
			return err
		}
		changed = t
		before := *t
		raised, err := change(t)
		if err != nil {
			return err
		}
		err = tx.Send(`UPDATE task SET title = ?, description = ?, status = ?, assignee_kind = ?, assignee = ?, output = ?, finished_at = ?
			WHERE org = ? AND id = ?`, t.Title, t.Description, string(t.Status), t.Assignee.Kind, t.Assignee.ID, orNull(t.Output),
			store.Micros(t.FinishedAt), org, id[:])
		if err != nil {
			return err
		}
		if err := store.AddRaised(tx, raised); err != nil {
			return err
		}
		if !before.Finished() && t.Finished() {
			return wake(tx, org, id[:], t, now)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// cancelTasks ends the tasks of a request that was cancelled.
func cancelTasks(tx *store.Tx, alone string, r *peal.Request, now time.Time) error {
	var open []*peal.Task
	err := tx.Query(func(row store.Row) error {
		open = append(open, readTask(r.Org, row))
		return nil
	}, "SELECT "+taskColumns+" FROM task WHERE org = ? AND request = ? AND finished_at = 0 ORDER BY id"+alone, r.Org, r.ID[:])
	if err != nil {
		return err
	}
	for _, t := range open {
		t.Status, t.FinishedAt = peal.TaskCancelled, r.FinishedAt
		if err := tx.Send("UPDATE task SET status = ?, finished_at = ? WHERE org = ? AND id = ?", string(t.Status), store.Micros(t.FinishedAt), t.Org, t.ID[:]); err != nil {
			return err
		}
		if err := wake(tx, t.Org, t.ID[:], t, now); err != nil {
			return err
		}
	}
	return nil
}

func lockedTask(tx *store.Tx, alone, org string, id peal.TaskID) (found *peal.Task, err error) {
	err = tx.Query(func(row store.Row) error {
		found = readTask(org, row)
		return nil
	}, "SELECT "+taskColumns+" FROM task WHERE org = ? AND id = ?"+alone, org, id[:])
	if err == nil && found == nil {
		err = peal.NotFound("task")
	}
	return found, err
}

func readTask(org string, row store.Row) *peal.Task {
	t := &peal.Task{
		Org: org, Title: row.Text(1), Description: row.Text(2), Status: peal.TaskStatus(row.Text(3)),
		Assignee: peal.Assignee{Kind: row.Text(4), ID: row.Text(5)}, Step: row.Text(8),
		Data: bytes.Clone(row.Blob(9)), Output: bytes.Clone(row.Blob(10)),
		CreatedAt: store.FromMicros(row.Int(11)), FinishedAt: store.FromMicros(row.Int(12)),
	}
	copy(t.ID[:], row.Blob(0))
	copy(t.Request[:], row.Blob(6))
	copy(t.Execution[:], row.Blob(7))
	return t
}

// Await implements desk.Store. The object is locked, so that it is either finished by now,
// or whoever finishes it sees the wait.
func (f *Flow) Await(ctx context.Context, w desk.Wait) (doc json.RawMessage, err error) {
	err = f.db.Write(ctx, func(tx *store.Tx) error {
		doc = nil
		var object []byte
		if !w.Request.IsZero() {
			r, err := lockedRequest(tx, f.alone(), w.Org, w.Request)
			if err != nil {
				return err
			}
			if r.Finished() {
				doc, err = json.Marshal(r)
				return err
			}
			object = r.ID[:]
		} else {
			t, err := lockedTask(tx, f.alone(), w.Org, w.Task)
			if err != nil {
				return err
			}
			if t.Finished() {
				doc, err = json.Marshal(t)
				return err
			}
			object = t.ID[:]
		}
		return tx.Send("INSERT INTO object_wait (org, object, execution, step) VALUES (?, ?, ?, ?) ON CONFLICT (org, object, execution, step) DO NOTHING",
			w.Org, object, w.Execution[:], w.Step)
	})
	return doc, err
}

// wake gives a finished request or task to the steps that wait for it.
func wake(tx *store.Tx, org string, id []byte, object any, now time.Time) error {
	var waits []workflow.Signal
	err := tx.Query(func(row store.Row) error {
		waits = append(waits, workflow.Signal{Org: org, Execution: executionID(row.Blob(0)), Step: row.Text(1)})
		return nil
	}, "SELECT execution, step FROM object_wait WHERE org = ? AND object = ? ORDER BY execution, step", org, id)
	if err != nil || len(waits) == 0 {
		return err
	}
	doc, err := json.Marshal(object)
	if err != nil {
		return err
	}
	for _, s := range waits {
		s.Payload = doc
		if err := Signal(tx, s, now); err != nil {
			return err
		}
	}
	return tx.Send("DELETE FROM object_wait WHERE org = ? AND object = ?", org, id)
}
