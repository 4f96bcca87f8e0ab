package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"
)

// Workflow is a list of steps that hooks start.
type Workflow struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version int    `json:"version"`
	// Steps are the steps as JSON, Definition all of the text as it was given.
	Steps      json.RawMessage `json:"steps"`
	Definition string          `json:"definition"`
	CreatedAt  time.Time       `json:"created_at"`
	UpdatedAt  time.Time       `json:"updated_at"`
}

// definition is a workflow as it is written: YAML or JSON.
type definition struct {
	Name       string `json:"name,omitempty"`
	Definition string `json:"definition"`
}

// CreateWorkflow makes a workflow of a definition, YAML or JSON. An empty name is the one
// in it.
func (c *Client) CreateWorkflow(ctx context.Context, name, text string) (Workflow, error) {
	var w Workflow
	err := c.post(ctx, join("workflows"), definition{name, text}, &w)
	return w, err
}

// PutWorkflow makes the next version of a workflow.
func (c *Client) PutWorkflow(ctx context.Context, id, name, text string) (Workflow, error) {
	var w Workflow
	err := c.do(ctx, call{method: http.MethodPut, path: join("workflows", id), body: definition{name, text}}, &w)
	return w, err
}

// Workflows lists the org's workflows, newest first.
func (c *Client) Workflows(ctx context.Context) iter.Seq2[Workflow, error] {
	return list[Workflow](ctx, c, join("workflows"), nil)
}

// Workflow reads one workflow.
func (c *Client) Workflow(ctx context.Context, id string) (Workflow, error) {
	var w Workflow
	err := c.get(ctx, join("workflows", id), nil, &w)
	return w, err
}

// DeleteWorkflow deletes a workflow that no hook starts.
func (c *Client) DeleteWorkflow(ctx context.Context, id string) error {
	return c.delete(ctx, join("workflows", id))
}

// Execution is one run of a workflow.
type Execution struct {
	ID              string    `json:"id"`
	WorkflowID      string    `json:"workflow_id"`
	WorkflowName    string    `json:"workflow_name"`
	WorkflowVersion int       `json:"workflow_version"`
	HookID          string    `json:"hook_id"`
	Status          string    `json:"status"`
	CreatedAt       time.Time `json:"created_at"`
	StartedAt       time.Time `json:"started_at,omitzero"`
	FinishedAt      time.Time `json:"finished_at,omitzero"`
	DueAt           time.Time `json:"due_at,omitzero"`
	FailedStep      string    `json:"failed_step"`
	Error           string    `json:"error"`
	// Input and Steps are not in lists.
	Input json.RawMessage `json:"input,omitempty"`
	Steps []StepRun       `json:"steps,omitempty"`
}

// StepRun is what became of a step.
type StepRun struct {
	ID         string          `json:"id"`
	Uses       string          `json:"uses"`
	Status     string          `json:"status"`
	Attempts   int             `json:"attempts"`
	StartedAt  time.Time       `json:"started_at,omitzero"`
	FinishedAt time.Time       `json:"finished_at,omitzero"`
	DueAt      time.Time       `json:"due_at,omitzero"`
	Input      json.RawMessage `json:"input"`
	Output     json.RawMessage `json:"output"`
	Error      string          `json:"error"`
}

// ExecutionFilter selects executions; zero fields select all.
type ExecutionFilter struct {
	Workflow, Hook, Status string
	// PageSize is how many are fetched at once; zero leaves it to the server.
	PageSize int
}

// Executions lists executions, newest first.
func (c *Client) Executions(ctx context.Context, f ExecutionFilter) iter.Seq2[Execution, error] {
	return list[Execution](ctx, c, join("executions"), values("workflow", f.Workflow, "hook", f.Hook, "status", f.Status, "limit", pageSize(f.PageSize)))
}

// Execution reads one execution with its input and steps.
func (c *Client) Execution(ctx context.Context, id string) (Execution, error) {
	var x Execution
	err := c.get(ctx, join("executions", id), nil, &x)
	return x, err
}

// CancelExecution ends an execution that is not finished.
func (c *Client) CancelExecution(ctx context.Context, id string) (Execution, error) {
	var x Execution
	err := c.post(ctx, join("executions", id, "cancel"), nil, &x)
	return x, err
}

// RerunExecution runs a failed or cancelled execution again, from the step that ended it on.
func (c *Client) RerunExecution(ctx context.Context, id string) (Execution, error) {
	var x Execution
	err := c.post(ctx, join("executions", id, "rerun"), nil, &x)
	return x, err
}
