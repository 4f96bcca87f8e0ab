package flow

import (
	"errors"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

// record is a workflow.Record in the writer's lane.
type record struct {
	*workflow.Record
	f    *Flow
	mine bool // whether the session owns it
}

func (r *record) Rows() int { return 1 + len(r.Steps) + len(r.Raised) }

func (r *record) Bytes() int { return 0 }

// Settle tells the engine.
func (r *record) Settle(err error) {
	if err == nil && !r.mine {
		err = workflow.ErrFenced
	}
	if err == nil && (r.Parked || r.Execution.Status.Finished()) || errors.Is(err, workflow.ErrFenced) {
		r.f.disown(r.Execution.ID)
	}
	r.Done(err)
}

// Record implements workflow.Store.
func (f *Flow) Record(r *workflow.Record) {
	if err := f.records.Add(&record{Record: r, f: f}); err != nil {
		r.Done(err)
	}
}

const updateExecution = `UPDATE execution SET status = ?1, started_at = ?2, finished_at = ?3, failed_step = ?4, error = ?5,
	owner = CASE WHEN ?6 = 1 THEN NULL ELSE owner END,
	due_at = CASE WHEN ?6 = 0 THEN due_at WHEN ?7 = 1 AND signals <> ?8 THEN ?9 ELSE CAST(?10 AS BIGINT) END
	WHERE org = ?11 AND id = ?12 AND owner = ?13 RETURNING id`

var upsertSteps = store.NewMany(`INSERT INTO step
	(org, execution, step, seq, uses, status, attempts, started_at, finished_at, due_at, continued, input, output, error)`, "tbtittiiiiibbt",
	` ON CONFLICT (org, execution, step) DO UPDATE SET status = excluded.status, attempts = excluded.attempts,
	started_at = excluded.started_at, finished_at = excluded.finished_at, due_at = excluded.due_at, continued = excluded.continued,
	input = excluded.input, output = excluded.output, error = excluded.error`)

const upsertWait = `INSERT INTO event_wait (org, execution, step, pattern, filter, since) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (org, execution, step) DO NOTHING`

// writeRecords is the transaction of a group.
func (f *Flow) writeRecords(tx *store.Tx, items []*record) error {
	session := f.db.Session()
	for _, r := range items {
		r.mine = false
		e := r.Execution
		finished := e.Status.Finished()
		var due any
		if !e.DueAt.IsZero() && !finished {
			due = store.Micros(e.DueAt)
		}
		err := tx.Ask(func(store.Row) error {
			r.mine = true
			return nil
		}, updateExecution, string(e.Status), store.Micros(e.StartedAt), store.Micros(e.FinishedAt), e.FailedStep, e.Error,
			number(r.Parked || finished), number(r.Parked), r.Signals, store.Micros(r.Now), due, e.Org, e.ID[:], session)
		if err != nil {
			return err
		}
	}
	if err := tx.Flush(); err != nil {
		return err
	}
	// A statement may write a row once: the last record of a step is what counts.
	type name struct {
		execution peal.ExecutionID
		step      string
	}
	last := map[name]*record{}
	for _, r := range items {
		for i := range r.Steps {
			if r.mine {
				last[name{r.Execution.ID, r.Steps[i].Step}] = r
			}
		}
	}
	var rows []any
	for _, r := range items {
		if !r.mine {
			continue
		}
		for i := range r.Steps {
			if s := &r.Steps[i]; last[name{r.Execution.ID, s.Step}] == r {
				rows = appendStep(rows, r.Execution, s)
			}
		}
	}
	if err := tx.Many(upsertSteps, rows); err != nil {
		return err
	}
	for _, r := range items {
		if r.mine {
			if err := r.aside(tx); err != nil {
				return err
			}
		}
	}
	return nil
}

func appendStep(rows []any, e *peal.Execution, s *workflow.Step) []any {
	return append(rows, e.Org, e.ID[:], s.Step, int64(s.Seq), s.Uses, string(s.Status), int64(s.Attempts), store.Micros(s.StartedAt),
		store.Micros(s.FinishedAt), store.Micros(s.DueAt), number(s.Continued), orNull(s.Input), orNull(s.Output), s.Error)
}

func orNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// aside writes what goes with a record: waits and events.
func (r *record) aside(tx *store.Tx) error {
	e := r.Execution
	for i := range r.Waits {
		w := &r.Waits[i]
		if err := tx.Send(upsertWait, e.Org, e.ID[:], w.Step, w.Pattern, w.Filter, store.Micros(w.Since)); err != nil {
			return err
		}
	}
	for _, step := range r.Heard {
		if err := forgetWaits(tx, e.Org, e.ID, step); err != nil {
			return err
		}
	}
	return store.AddRaised(tx, r.Raised)
}

// forgetWaits deletes what a step waited for.
func forgetWaits(tx *store.Tx, org string, id peal.ExecutionID, step string) error {
	if err := tx.Send("DELETE FROM event_wait WHERE org = ? AND execution = ? AND step = ?", org, id[:], step); err != nil {
		return err
	}
	return tx.Send("DELETE FROM signal WHERE org = ? AND execution = ? AND step = ?", org, id[:], step)
}
