package peal

import (
	"encoding/json"
	"time"
)

// TaskStatus is where a task stands.
type TaskStatus string

// The states: OPEN ⇄ ASSIGNED → COMPLETED, or CANCELLED from either of the first.
const (
	TaskOpen      TaskStatus = "OPEN" // nobody's yet
	TaskAssigned  TaskStatus = "ASSIGNED"
	TaskCompleted TaskStatus = "COMPLETED"
	TaskCancelled TaskStatus = "CANCELLED"
)

// The kinds of assignees.
const (
	AssigneeUser  = "user"
	AssigneeAgent = "agent"
)

// Assignee is who is to do a task. The ids are the org's own.
type Assignee struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// IsZero tells whether it is nobody.
func (a Assignee) IsZero() bool { return a == Assignee{} }

// maxAssignee bounds an assignee's id.
const maxAssignee = 256

// Validate reports what may not stand. Nobody is fine.
func (a Assignee) Validate() error {
	switch {
	case a.IsZero():
		return nil
	case a.Kind != AssigneeUser && a.Kind != AssigneeAgent:
		return Invalid("assignee.kind", "the kind of an assignee is user or agent, not %q", Clip(a.Kind, clipLen))
	case a.ID == "" || len(a.ID) > maxAssignee || !Printable(a.ID):
		return Invalid("assignee.id", "the id of an assignee has 1 to %d bytes without control characters", maxAssignee)
	}
	return nil
}

// Task is something to be done for a request or an execution. Its JSON is what workflows
// see.
type Task struct {
	ID          TaskID     `json:"id"`
	Org         string     `json:"-"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Status      TaskStatus `json:"status"`
	Assignee    Assignee   `json:"assignee,omitzero"`
	Request     RequestID  `json:"request,omitzero"` // zero for none
	// Execution is the one that the task belongs to, zero for none, Step the step that
	// opened it.
	Execution ExecutionID `json:"execution,omitzero"`
	Step      string      `json:"-"`
	// Data is what the assignee needs to know, Output what came of it; both JSON.
	Data       json.RawMessage `json:"data"`
	Output     json.RawMessage `json:"output"`
	CreatedAt  time.Time       `json:"created_at"`
	FinishedAt time.Time       `json:"finished_at,omitzero"`
}

// Finished tells whether nothing more happens to it.
func (t *Task) Finished() bool { return t.Status == TaskCompleted || t.Status == TaskCancelled }

// TaskFilter selects tasks of an org; zero members select all.
type TaskFilter struct {
	Org       string
	Status    TaskStatus
	Assignee  Assignee // a member that is empty selects all
	Request   RequestID
	Execution ExecutionID
}

// NewTask is a task to open.
type NewTask struct {
	Org                string
	Title, Description string
	Assignee           Assignee
	Request            RequestID
	Data               json.RawMessage
	// Execution and Step name the step that opens it: the same one opens it once. Without a
	// step, the task only belongs to the execution.
	Execution ExecutionID
	Step      string
}
