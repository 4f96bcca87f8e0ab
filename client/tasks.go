package client

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// Task is something to be done for a request or an execution.
type Task struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Status      string `json:"status"`
	// Assignee is nil while it is nobody's.
	Assignee    *Assignee       `json:"assignee"`
	Request     string          `json:"request"`
	ExecutionID string          `json:"execution_id"`
	Step        string          `json:"step"`
	Data        json.RawMessage `json:"data"`
	Output      json.RawMessage `json:"output"`
	CreatedAt   time.Time       `json:"created_at"`
	FinishedAt  time.Time       `json:"finished_at,omitzero"`
}

// Assignee is who is to do a task.
type Assignee struct {
	// Kind is user or agent.
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// TaskFilter selects tasks; zero fields select all.
type TaskFilter struct {
	Assignee, AssigneeKind, Status, Request, Execution string
	// PageSize is how many are fetched at once; zero leaves it to the server.
	PageSize int
}

// Tasks lists tasks, newest first.
func (c *Client) Tasks(ctx context.Context, f TaskFilter) iter.Seq2[Task, error] {
	return list[Task](ctx, c, join("tasks"), values("assignee", f.Assignee, "assignee_kind", f.AssigneeKind, "status", f.Status,
		"request", f.Request, "execution", f.Execution, "limit", pageSize(f.PageSize)))
}

// Task reads one task.
func (c *Client) Task(ctx context.Context, id string) (Task, error) {
	var t Task
	err := c.get(ctx, join("tasks", id), nil, &t)
	return t, err
}

// CompleteTask completes a task. The output is any JSON, nil for none.
func (c *Client) CompleteTask(ctx context.Context, id string, output json.RawMessage) (Task, error) {
	var t Task
	body := struct {
		Output json.RawMessage `json:"output,omitempty"`
	}{output}
	err := c.post(ctx, join("tasks", id, "complete"), body, &t)
	return t, err
}
