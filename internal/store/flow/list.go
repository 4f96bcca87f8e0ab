package flow

import (
	"context"
	"encoding/json"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// Execution reads an execution of an org with its steps.
func (f *Flow) Execution(ctx context.Context, org string, id peal.ExecutionID) (*peal.Execution, error) {
	e, _, err := f.execution(ctx, org, id)
	if err != nil {
		return nil, err
	}
	steps, err := f.steps(ctx, org, id)
	for i := range steps {
		e.Steps = append(e.Steps, steps[i].StepRun)
	}
	return e, err
}

// Executions lists executions without input and steps, the newest first, with the next
// page's cursor.
func (f *Flow) Executions(ctx context.Context, q peal.ExecutionFilter, p peal.Page) (page []*peal.Execution, cursor string, err error) {
	p = p.Clamp()
	before, err := p.Before("executions")
	if err != nil {
		return nil, "", err
	}
	query, args := listQuery(f.db.Dialect(), q, before)
	err = f.rows(ctx, func(scan scanner) error {
		e, _, err := scanExecution(q.Org, scan)
		page = append(page, e)
		return err
	}, query, append(args, int64(p.Limit+1))...)
	if len(page) > p.Limit {
		page = page[:p.Limit]
		cursor = peal.Cursor("executions", page[p.Limit-1].ID[:])
	}
	return page, cursor, err
}

// listQuery walks along an index; the limit is its last argument.
func listQuery(dialect store.Dialect, q peal.ExecutionFilter, before []byte) (query string, args []any) {
	query = executionColumns + " FROM execution WHERE org = ? AND id < ?"
	args = []any{q.Org, before}
	if !q.Hook.IsZero() {
		query = executionColumns + " FROM execution WHERE hook IS NOT NULL AND " + dialect.Beside("org") + " = ? AND id < ? AND hook = ?"
		args = append(args, q.Hook[:])
	}
	if !q.Workflow.IsZero() {
		query += " AND workflow = ?"
		args = append(args, q.Workflow[:])
	}
	if q.Status != "" {
		ended := " AND finished_at = 0"
		if q.Status.Finished() {
			ended = " AND finished_at > 0"
		}
		query, args = query+ended+" AND status = ?", append(args, string(q.Status))
	}
	return query + " ORDER BY id DESC LIMIT ?", args
}

// receivedQueries list what a hook ?1 of an org ?2 accepted and refused before an id ?3, up to ?4.
func receivedQueries(dialect store.Dialect) (accepted, refused string) {
	order := " AND " + dialect.Beside("org") + " = ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4"
	return `SELECT id AS received, CAST(0 AS BIGINT) AS at, 'accepted' AS verdict, CAST(202 AS BIGINT) AS code, id, input FROM execution
		WHERE hook IS NOT NULL AND hook = ?1` + order,
		"SELECT id AS received, at, verdict, status_code, execution, request FROM refused WHERE hook = ?1" + order
}

// Received lists what a hook got, the newest first, with the next page's cursor.
func (f *Flow) Received(ctx context.Context, org string, hook peal.HookID, p peal.Page) (page []peal.Received, cursor string, err error) {
	p = p.Clamp()
	before, err := p.Before("received")
	if err != nil {
		return nil, "", err
	}
	accepted, refused := receivedQueries(f.db.Dialect())
	err = f.rows(ctx, func(scan scanner) error {
		r := peal.Received{Hook: hook}
		var at int64
		var request []byte
		err := scan(&r.ID, &at, &r.Verdict, &r.StatusCode, &r.Execution, &request)
		if r.At = store.FromMicros(at); at == 0 {
			r.At = r.ID.Time()
		}
		r.Request = hookInput(request)
		page = append(page, r)
		return err
		// Each of the two ends by itself: where it did not, PostgreSQL would sort all rows of both.
	}, "SELECT * FROM ("+accepted+") AS accepted UNION ALL SELECT * FROM ("+refused+") AS refused ORDER BY received DESC LIMIT ?4", hook[:], org, before, int64(p.Limit+1))
	if len(page) > p.Limit {
		page = page[:p.Limit]
		cursor = peal.Cursor("received", page[p.Limit-1].ID[:])
	}
	return page, cursor, err
}

// hookInput is what an execution's input holds of the request.
func hookInput(input []byte) json.RawMessage {
	var doc struct {
		Webhook json.RawMessage `json:"webhook"`
	}
	if json.Unmarshal(input, &doc) != nil || doc.Webhook == nil {
		return input
	}
	return doc.Webhook
}
