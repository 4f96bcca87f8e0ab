package peal

import (
	"encoding/json"
	"time"
)

// Workflow is a list of steps that hooks start, in its newest version.
type Workflow struct {
	ID      WorkflowID `json:"id"`
	Org     string     `json:"org"`
	Name    string     `json:"name"`
	Version int        `json:"version"`
	// Definition is the text as it was given, YAML or JSON.
	Definition string    `json:"definition"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// ExecutionStatus is where an execution, or one of its steps, stands.
type ExecutionStatus string

// The states: queued → running ⇄ waiting → the others. Skipped is a step's alone.
const (
	ExecutionQueued    ExecutionStatus = "queued"
	ExecutionRunning   ExecutionStatus = "running"
	ExecutionWaiting   ExecutionStatus = "waiting"
	ExecutionSucceeded ExecutionStatus = "succeeded"
	ExecutionFailed    ExecutionStatus = "failed"
	ExecutionCancelled ExecutionStatus = "cancelled"
	StepSkipped        ExecutionStatus = "skipped"
)

// Finished tells whether nothing more happens by itself.
func (s ExecutionStatus) Finished() bool {
	switch s {
	case ExecutionSucceeded, ExecutionFailed, ExecutionCancelled, StepSkipped:
		return true
	}
	return false
}

// Execution is one run of a workflow.
type Execution struct {
	ID           ExecutionID
	Org          string
	Workflow     WorkflowID
	WorkflowName string
	Version      int
	Hook         HookID // zero where no hook started it
	Status       ExecutionStatus
	StartedAt    time.Time
	FinishedAt   time.Time
	// DueAt is when a waiting one goes on by itself, zero if it does not.
	DueAt time.Time
	// FailedStep and Error say what ended a failed one.
	FailedStep string
	Error      string
	// Input is what templates see beside the steps: a JSON object.
	Input json.RawMessage
	Steps []StepRun
}

// StepRun is what became of one step of an execution.
type StepRun struct {
	Step      string // its id in the definition
	Uses      string
	Status    ExecutionStatus
	Attempts  int
	StartedAt time.Time
	// FinishedAt is zero while it is not, DueAt where nothing is due.
	FinishedAt time.Time
	DueAt      time.Time
	Input      json.RawMessage
	Output     json.RawMessage
	Error      string
}

// ExecutionFilter selects executions of an org; zero members select all.
type ExecutionFilter struct {
	Org      string
	Workflow WorkflowID
	Hook     HookID
	Status   ExecutionStatus
}

// Received is a request that a hook got.
type Received struct {
	ID   ExecutionID // the execution's, where it started one
	Hook HookID
	At   time.Time
	// Verdict is accepted, duplicate, or why it was refused.
	Verdict string
	// Execution is the one that it started or repeated, zero for none.
	Execution  ExecutionID
	StatusCode int
	// Request holds method, headers and body, what is secret redacted.
	Request json.RawMessage
}
