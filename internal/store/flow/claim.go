package flow

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

const dueQuery = "SELECT id FROM execution WHERE org = ?1 AND owner IS NULL AND due_at IS NOT NULL AND due_at <= ?2 ORDER BY due_at LIMIT ?3"

var claimIDs = store.NewIn("UPDATE execution SET owner = ? WHERE org = ? AND id IN ")

// Claim implements workflow.Store.
func (f *Flow) Claim(ctx context.Context, org string, now time.Time, limit int, held func(peal.ExecutionID) bool) ([]*workflow.Claimed, error) {
	var ids []peal.ExecutionID
	err := f.db.WriteThen(ctx, func(tx *store.Tx) (err error) {
		if ids, err = f.due(tx, org, now, limit, held); err != nil || len(ids) == 0 {
			return err
		}
		args := make([]any, len(ids))
		for i := range ids {
			args[i] = ids[i][:]
		}
		_, err = tx.ManyIn(claimIDs, []any{f.db.Session(), org}, args)
		return err
	}, func() {
		for _, id := range ids {
			f.own(org, id)
		}
	})
	if err != nil {
		return nil, err
	}
	claimed, err := f.load(ctx, org, ids)
	if err != nil {
		// Where this fails too, they stay owned until the engine finds that it does not
		// hold them.
		_ = f.Release(context.WithoutCancel(ctx), ids)
	}
	return claimed, err
}

// due lists up to limit executions that can be claimed, and looks further where some of
// the first are held.
func (f *Flow) due(tx *store.Tx, org string, now time.Time, limit int, held func(peal.ExecutionID) bool) (ids []peal.ExecutionID, err error) {
	for want := limit; ; want += limit {
		ids = ids[:0]
		seen := 0
		err := tx.Query(func(r store.Row) error {
			seen++
			if id := executionID(r.Blob(0)); len(ids) < limit && !held(id) {
				ids = append(ids, id)
			}
			return nil
		}, dueQuery+f.locking(), org, store.Micros(now), int64(want))
		if err != nil || len(ids) == limit || seen < want {
			return ids, err
		}
	}
}

// load reads all that running executions takes.
func (f *Flow) load(ctx context.Context, org string, ids []peal.ExecutionID) ([]*workflow.Claimed, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := []any{org}
	for _, id := range ids {
		args = append(args, id[:])
	}
	in := "(?" + strings.Repeat(",?", len(ids)-1) + ")"
	byID := make(map[peal.ExecutionID]*workflow.Claimed, len(ids))
	signalled := false
	err := f.rows(ctx, func(scan scanner) error {
		var input []byte
		e, signals, err := scanExecution(org, scan, &input)
		e.Input = input
		byID[e.ID] = &workflow.Claimed{Execution: e, Signals: signals, Heard: map[string]json.RawMessage{}}
		signalled = signalled || signals > 0
		return err
	}, executionColumns+", input FROM execution WHERE org = ? AND id IN "+in, args...)
	if err != nil {
		return nil, err
	}
	err = f.rows(ctx, func(scan scanner) error {
		var id peal.ExecutionID
		s, err := scanStep(scan, &id)
		if c := byID[id]; c != nil {
			c.Steps = append(c.Steps, s)
		}
		return err
	}, stepColumns+", execution FROM step WHERE org = ? AND execution IN "+in, args...)
	if err == nil && signalled {
		err = f.rows(ctx, func(scan scanner) error {
			var id peal.ExecutionID
			var step string
			var payload []byte
			err := scan(&id, &step, &payload)
			if c := byID[id]; c != nil {
				c.Heard[step] = payload
			}
			return err
		}, "SELECT execution, step, payload FROM signal WHERE org = ? AND execution IN "+in, args...)
	}
	if err != nil {
		return nil, err
	}
	claimed := make([]*workflow.Claimed, 0, len(ids))
	texts := map[version]string{}
	for _, id := range ids {
		c := byID[id]
		if c == nil {
			return nil, peal.Errorf(peal.CodeInternal, "the execution %s is missing", id)
		}
		v := version{c.Execution.Workflow, c.Execution.Version}
		if _, ok := texts[v]; !ok {
			if texts[v], err = f.definition(ctx, org, v); err != nil {
				return nil, err
			}
		}
		c.Definition = texts[v]
		claimed = append(claimed, c)
	}
	return claimed, nil
}

func (f *Flow) definition(ctx context.Context, org string, v version) (text string, err error) {
	err = f.rows(ctx, func(scan scanner) error {
		var raw []byte
		err := scan(&raw)
		text = string(raw)
		return err
	}, "SELECT definition FROM workflow_version WHERE org = ? AND workflow = ? AND version = ?", org, v.workflow[:], int64(v.number))
	return text, err
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

const stepColumns = `SELECT step, seq, uses, status, attempts, started_at, finished_at, due_at, continued, input, output, error`

func scanStep(scan scanner, more ...any) (s workflow.Step, err error) {
	var started, finished, due, continued int64
	var input, output []byte
	err = scan(append([]any{
		&s.Step, &s.Seq, &s.Uses, &s.Status, &s.Attempts, &started, &finished, &due, &continued, &input, &output, &s.Error,
	}, more...)...)
	s.StartedAt, s.FinishedAt, s.DueAt = store.FromMicros(started), store.FromMicros(finished), store.FromMicros(due)
	s.Continued, s.Input, s.Output = continued != 0, input, output
	return s, err
}

func (f *Flow) steps(ctx context.Context, org string, id peal.ExecutionID) (steps []workflow.Step, err error) {
	err = f.rows(ctx, func(scan scanner) error {
		s, err := scanStep(scan)
		steps = append(steps, s)
		return err
	}, stepColumns+" FROM step WHERE org = ? AND execution = ? ORDER BY seq", org, id[:])
	return steps, err
}

// Lost implements workflow.Fence. A file has one user, who knows what others do.
func (f *Flow) Lost(ctx context.Context, org string, ids []peal.ExecutionID) (lost []peal.ExecutionID, err error) {
	if f.db.Dialect() != store.PostgreSQL {
		return nil, nil
	}
	args := []any{org, f.db.Session()}
	for _, id := range ids {
		args = append(args, id[:])
	}
	mine := map[peal.ExecutionID]bool{}
	err = f.rows(ctx, func(scan scanner) error {
		var id peal.ExecutionID
		err := scan(&id)
		mine[id] = true
		return err
	}, "SELECT id FROM execution WHERE org = ? AND owner = ? AND id IN (?"+strings.Repeat(",?", len(ids)-1)+")", args...)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !mine[id] {
			lost = append(lost, id)
		}
	}
	return lost, nil
}

const (
	unowned = "owner IS NULL AND due_at IS NOT NULL"
	// backlogQuery skips from org to org in the index.
	backlogQuery = `WITH RECURSIVE waiting (org) AS (
			SELECT * FROM (SELECT org FROM execution WHERE ` + unowned + ` AND org > ?1 ORDER BY org LIMIT 1) AS head
			UNION ALL
			SELECT (SELECT org FROM execution WHERE ` + unowned + ` AND org > waiting.org ORDER BY org LIMIT 1)
			FROM waiting WHERE org IS NOT NULL
		)
		SELECT org, (SELECT min(due_at) FROM execution WHERE ` + unowned + ` AND org = waiting.org)
		FROM waiting WHERE org IS NOT NULL LIMIT ?2`
)

// Backlog implements workflow.Store.
func (f *Flow) Backlog(ctx context.Context, after string, limit int) (backlog []workflow.Backlog, err error) {
	err = f.rows(ctx, func(scan scanner) error {
		var b workflow.Backlog
		var due int64
		err := scan(&b.Org, &due)
		b.FirstDue = store.FromMicros(due)
		backlog = append(backlog, b)
		return err
	}, backlogQuery, after, int64(limit))
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
