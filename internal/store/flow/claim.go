package flow

import (
	"context"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

// Claim implements workflow.Store.
func (f *Flow) Claim(ctx context.Context, org string, now time.Time, limit int) ([]*workflow.Claimed, error) {
	query := `UPDATE execution SET owner = ?1 WHERE org = ?2 AND id IN (SELECT id FROM execution
		WHERE org = ?2 AND owner IS NULL AND due_at IS NOT NULL AND due_at <= ?3 ORDER BY due_at LIMIT ?4` + f.locking() + `) RETURNING id`
	var ids []peal.ExecutionID
	err := f.db.WriteThen(ctx, func(tx *store.Tx) error {
		ids = ids[:0]
		return tx.Query(func(r store.Row) error {
			ids = append(ids, executionID(r.Blob(0)))
			return nil
		}, query, f.db.Session(), org, store.Micros(now), int64(limit))
	}, func() {
		for _, id := range ids {
			f.own(org, id)
		}
	})
	if err != nil {
		return nil, err
	}
	claimed := make([]*workflow.Claimed, 0, len(ids))
	texts := map[version]string{}
	for _, id := range ids {
		c, err := f.load(ctx, org, id, texts)
		if err != nil {
			// Where this fails too, they stay owned until the engine finds that it does not
			// hold them.
			_ = f.Release(context.WithoutCancel(ctx), ids)
			return nil, err
		}
		claimed = append(claimed, c)
	}
	return claimed, nil
}

// load reads all that running an execution takes.
func (f *Flow) load(ctx context.Context, org string, id peal.ExecutionID, texts map[version]string) (*workflow.Claimed, error) {
	e, signals, err := f.execution(ctx, org, id)
	if err != nil {
		return nil, err
	}
	c := &workflow.Claimed{Execution: e, Signals: signals, Heard: map[string]json.RawMessage{}}
	if c.Steps, err = f.steps(ctx, org, id); err != nil {
		return nil, err
	}
	if signals > 0 {
		err = f.rows(ctx, func(scan scanner) error {
			var step string
			var payload []byte
			err := scan(&step, &payload)
			c.Heard[step] = payload
			return err
		}, "SELECT step, payload FROM signal WHERE org = ? AND execution = ?", org, id[:])
		if err != nil {
			return nil, err
		}
	}
	v := version{e.Workflow, e.Version}
	text, ok := texts[v]
	if !ok {
		err = f.rows(ctx, func(scan scanner) error {
			var raw []byte
			err := scan(&raw)
			text = string(raw)
			return err
		}, "SELECT definition FROM workflow_version WHERE org = ? AND workflow = ? AND version = ?", org, e.Workflow[:], int64(e.Version))
		texts[v] = text
	}
	c.Definition = text
	return c, err
}

const executionColumns = `SELECT id, workflow, workflow_name, version, hook, status, due_at, started_at, finished_at, failed_step, error, signals`

func scanExecution(org string, scan scanner, more ...any) (*peal.Execution, int64, error) {
	e := &peal.Execution{Org: org}
	var due *int64
	var started, finished, signals int64
	err := scan(append([]any{
		&e.ID, &e.Workflow, &e.WorkflowName, &e.Version, &e.Hook, &e.Status, &due, &started, &finished, &e.FailedStep, &e.Error, &signals,
	}, more...)...)
	e.StartedAt, e.FinishedAt = store.FromMicros(started), store.FromMicros(finished)
	if due != nil && e.Status == peal.ExecutionWaiting {
		e.DueAt = store.FromMicros(*due)
	}
	return e, signals, err
}

func (f *Flow) execution(ctx context.Context, org string, id peal.ExecutionID) (found *peal.Execution, signals int64, err error) {
	err = f.rows(ctx, func(scan scanner) error {
		var input []byte
		e, n, err := scanExecution(org, scan, &input)
		e.Input = input
		found, signals = e, n
		return err
	}, executionColumns+", input FROM execution WHERE org = ? AND id = ?", org, id[:])
	if err == nil && found == nil {
		err = peal.NotFound("execution")
	}
	return found, signals, err
}

func (f *Flow) steps(ctx context.Context, org string, id peal.ExecutionID) (steps []workflow.Step, err error) {
	err = f.rows(ctx, func(scan scanner) error {
		var s workflow.Step
		var started, finished, due, continued int64
		var input, output []byte
		err := scan(&s.Step, &s.Seq, &s.Uses, &s.Status, &s.Attempts, &started, &finished, &due, &continued, &input, &output, &s.Error)
		s.StartedAt, s.FinishedAt, s.DueAt = store.FromMicros(started), store.FromMicros(finished), store.FromMicros(due)
		s.Continued, s.Input, s.Output = continued != 0, input, output
		steps = append(steps, s)
		return err
	}, `SELECT step, seq, uses, status, attempts, started_at, finished_at, due_at, continued, input, output, error
		FROM step WHERE org = ? AND execution = ? ORDER BY seq`, org, id[:])
	return steps, err
}

// Backlog implements workflow.Store. It skips from org to org in the index.
func (f *Flow) Backlog(ctx context.Context, after string, limit int) (backlog []workflow.Backlog, err error) {
	const open = "owner IS NULL AND due_at IS NOT NULL"
	err = f.rows(ctx, func(scan scanner) error {
		var b workflow.Backlog
		var due int64
		err := scan(&b.Org, &due)
		b.FirstDue = store.FromMicros(due)
		backlog = append(backlog, b)
		return err
	}, `WITH RECURSIVE waiting (org) AS (
			SELECT * FROM (SELECT org FROM execution WHERE `+open+` AND org > ?1 ORDER BY org LIMIT 1) AS head
			UNION ALL
			SELECT (SELECT org FROM execution WHERE `+open+` AND org > waiting.org ORDER BY org LIMIT 1)
			FROM waiting WHERE org IS NOT NULL
		)
		SELECT org, (SELECT min(due_at) FROM execution WHERE `+open+` AND org = waiting.org)
		FROM waiting WHERE org IS NOT NULL LIMIT ?2`, after, int64(limit))
	return backlog, err
}

// Release implements workflow.Store.
func (f *Flow) Release(ctx context.Context, ids []peal.ExecutionID) error {
	if ids == nil {
		ids = f.Owned()
	}
	return f.db.WriteThen(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			org, ok := f.orgOf(id)
			if !ok {
				continue
			}
			if err := tx.Send("UPDATE execution SET owner = NULL WHERE org = ? AND id = ? AND owner = ?", org, id[:], f.db.Session()); err != nil {
				return err
			}
		}
		return nil
	}, func() { f.disown(ids...) })
}
