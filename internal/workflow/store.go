package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Store keeps executions.
type Store interface {
	// Submit queues an execution and returns at once. It fails where the queue is full
	// or the database away; then Done is not called. Otherwise Done is called exactly
	// once, on the goroutine that commits, so it must not block.
	Submit(c *Commit) error
	// Record writes what became of an execution. Done is called as by Submit, with
	// ErrFenced where the session no longer owns it. It waits for a database that is away.
	Record(r *Record)
	// Claim takes executions of an org that are due and unowned, the earliest first. Those
	// that are held it leaves: an earlier run of theirs has not ended here. Held is called
	// on the goroutine that commits.
	Claim(ctx context.Context, org string, now time.Time, limit int, held func(peal.ExecutionID) bool) ([]*Claimed, error)
	// Backlog lists the orgs behind a name that have unowned executions with a due time.
	Backlog(ctx context.Context, after string, limit int) ([]Backlog, error)
	// Release gives up executions that the session owns, nil all of them.
	Release(ctx context.Context, ids []peal.ExecutionID) error
}

// Fence is what a node compares with what it holds.
type Fence interface {
	// Owned lists what the session owns, as far as this node knows.
	Owned() []peal.ExecutionID
	// Lost lists which of an org's executions the session no longer owns, as the database
	// knows: others cancelled them.
	Lost(ctx context.Context, org string, ids []peal.ExecutionID) ([]peal.ExecutionID, error)
}

// Ledger is what people and events do.
type Ledger interface {
	// Cancel ends an execution that is not finished.
	Cancel(ctx context.Context, org string, id peal.ExecutionID, now time.Time) error
	// Rerun makes a failed or cancelled one due, from the steps that ended it on.
	Rerun(ctx context.Context, org string, id peal.ExecutionID, now time.Time) error
	// Signal gives a waiting step what it waits for.
	Signal(ctx context.Context, s Signal, now time.Time) error
	// EventWaits lists what steps wait for, by org. Where that is more than limit, each org
	// has an equal share, of its oldest executions.
	EventWaits(ctx context.Context, limit int) ([]EventWait, error)
}

// ErrFenced says that the session no longer owns an execution.
var ErrFenced = errors.New("workflow: the execution is no longer owned by this session")

// Commit is an execution to begin. The store fills in Duplicate and Execution.ID before it
// calls Done(nil).
type Commit struct {
	Execution *peal.Execution
	// Definition is the text of the version.
	Definition string
	Now        time.Time
	// Owned rows belong to this node's session from the start; the others wait to be
	// claimed.
	Owned bool
	// Delivery is the sender's own id of the request, empty for none, which the hook
	// remembers until it expires.
	Delivery string
	Expires  time.Time
	Done     func(error)

	// Duplicate says that the delivery began an execution before: First is that one's id,
	// and nothing was written.
	Duplicate bool
	First     peal.ExecutionID
}

// Record is a change of an execution that the session owns.
type Record struct {
	// Execution's status, times and error are written.
	Execution *peal.Execution
	Now       time.Time
	// Steps are the rows that changed.
	Steps []Step
	// Parked gives the execution up until it is due. Signals is how many there were when
	// the run began: where there are more, it is due at once.
	Parked  bool
	Signals int64
	// Waits are the events that parked steps wait for, Heard the steps that wait for
	// nothing more.
	Waits  []EventWait
	Heard  []string
	Raised []peal.Raised
	Done   func(error)
}

// Step is the row of a step.
type Step struct {
	peal.StepRun
	// Seq is its place in the definition.
	Seq int
	// Continued says that it failed and the execution went on.
	Continued bool
}

// Claimed is an execution that the session owns now, with all that running it takes.
type Claimed struct {
	Execution  *peal.Execution
	Definition string
	Steps      []Step
	// Heard is what waiting steps got, by step; Signals counts all there were.
	Heard   map[string]json.RawMessage
	Signals int64
}

// Backlog is an org with executions that wait unowned.
type Backlog struct {
	Org      string
	FirstDue time.Time
}

// Signal is what a waiting step gets.
type Signal struct {
	Org       string
	Execution peal.ExecutionID
	Step      string
	Payload   json.RawMessage
}

// EventWait is a step that waits for an event.
type EventWait struct {
	Org       string
	Execution peal.ExecutionID
	Step      string
	// Pattern is of types, Filter an expression over the event or empty.
	Pattern string
	Filter  string
	// Since is when the step began to wait: earlier events do not count.
	Since time.Time
}
