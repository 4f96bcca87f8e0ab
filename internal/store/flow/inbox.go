package flow

import (
	"context"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

const (
	selectRequests = "SELECT " + requestColumns + " FROM request WHERE org = ?"
	selectTasks    = "SELECT " + taskColumns + " FROM task WHERE org = ?"
)

// Request reads a request of an org.
func (f *Flow) Request(ctx context.Context, org string, id peal.RequestID) (*peal.Request, error) {
	found, err := f.requests(ctx, org, " AND id = ?", id[:])
	if err == nil && len(found) == 0 {
		return nil, peal.NotFound("request")
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Requests lists requests, the newest first, with the next page's cursor.
func (f *Flow) Requests(ctx context.Context, q peal.RequestFilter, p peal.Page) ([]*peal.Request, string, error) {
	p = p.Clamp()
	before, err := p.Before("requests")
	if err != nil {
		return nil, "", err
	}
	where, args := requestList(q, before)
	page, err := f.requests(ctx, q.Org, where, append(args, int64(p.Limit+1))...)
	if len(page) <= p.Limit {
		return page, "", err
	}
	page = page[:p.Limit]
	return page, peal.Cursor("requests", page[p.Limit-1].ID[:]), err
}

// requestList walks along an index; the limit is its last argument.
func requestList(q peal.RequestFilter, before []byte) (where string, args []any) {
	where, args = " AND id < ?", []any{before}
	if !q.Offering.IsZero() {
		where, args = where+" AND offering = ?", append(args, q.Offering[:])
	}
	if q.Status != "" {
		where, args = where+" AND status = ?", append(args, string(q.Status))
	}
	if q.Priority != "" {
		where, args = where+" AND priority = ?", append(args, string(q.Priority))
	}
	return where + " ORDER BY id DESC LIMIT ?", args
}

func (f *Flow) requests(ctx context.Context, org, where string, args ...any) (found []*peal.Request, err error) {
	err = f.read(ctx, 18, func(row store.Row) error {
		r, err := readRequest(org, row)
		found = append(found, r)
		return err
	}, selectRequests+where, append([]any{org}, args...)...)
	return found, err
}

// Task reads a task of an org.
func (f *Flow) Task(ctx context.Context, org string, id peal.TaskID) (*peal.Task, error) {
	found, err := f.tasks(ctx, org, " AND id = ?", id[:])
	if err == nil && len(found) == 0 {
		return nil, peal.NotFound("task")
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Tasks lists tasks, the newest first, with the next page's cursor.
func (f *Flow) Tasks(ctx context.Context, q peal.TaskFilter, p peal.Page) ([]*peal.Task, string, error) {
	p = p.Clamp()
	before, err := p.Before("tasks")
	if err != nil {
		return nil, "", err
	}
	where, args := taskList(q, before)
	page, err := f.tasks(ctx, q.Org, where, append(args, int64(p.Limit+1))...)
	if len(page) <= p.Limit {
		return page, "", err
	}
	page = page[:p.Limit]
	return page, peal.Cursor("tasks", page[p.Limit-1].ID[:]), err
}

// taskList walks along an index; the limit is its last argument.
func taskList(q peal.TaskFilter, before []byte) (where string, args []any) {
	where, args = " AND id < ?", []any{before}
	if q.Status != "" {
		where, args = where+" AND status = ?", append(args, string(q.Status))
	}
	if q.Assignee.ID != "" {
		where, args = where+" AND assignee = ?", append(args, q.Assignee.ID)
	}
	if q.Assignee.Kind != "" {
		where, args = where+" AND assignee_kind = ?", append(args, q.Assignee.Kind)
	}
	if !q.Request.IsZero() {
		where, args = where+" AND request = ?", append(args, q.Request[:])
	}
	if !q.Execution.IsZero() {
		where, args = where+" AND execution = ?", append(args, q.Execution[:])
	}
	return where + " ORDER BY id DESC LIMIT ?", args
}

func (f *Flow) tasks(ctx context.Context, org, where string, args ...any) (found []*peal.Task, err error) {
	err = f.read(ctx, 13, func(row store.Row) error {
		found = append(found, readTask(org, row))
		return nil
	}, selectTasks+where, append([]any{org}, args...)...)
	return found, err
}

// read is rows for those who read a row as the writer gives it.
func (f *Flow) read(ctx context.Context, columns int, each func(store.Row) error, query string, args ...any) error {
	row, values, dest := make(store.Row, columns), make([]any, columns), make([]any, columns)
	for i := range dest {
		dest[i] = &values[i]
	}
	return f.rows(ctx, func(scan scanner) error {
		if err := scan(dest...); err != nil {
			return err
		}
		for i, v := range values {
			row[i] = v
		}
		return each(row)
	}, query, args...)
}
