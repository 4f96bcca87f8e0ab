package desk

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Store keeps requests and tasks. Each method is one transaction, in which the functions
// that it is given may be called several times.
type Store interface {
	// OpenRequest writes a request. Where the step that opens it has opened one before, or the
	// key was used for the same, that one is given, and nothing is written.
	OpenRequest(ctx context.Context, o *Opening) (*peal.Request, error)
	// ChangeRequest changes a request that nobody else changes meanwhile.
	ChangeRequest(ctx context.Context, org string, id peal.RequestID, now time.Time, change func(*peal.Request) ([]peal.Raised, error)) (*peal.Request, error)
	// OpenTask is OpenRequest for a task.
	OpenTask(ctx context.Context, t *peal.Task, raised []peal.Raised) (*peal.Task, error)
	// ChangeTask is ChangeRequest for a task.
	ChangeTask(ctx context.Context, org string, id peal.TaskID, now time.Time, change func(*peal.Task) ([]peal.Raised, error)) (*peal.Task, error)
	// Await has a step get a request or task as its signal once that is finished. Where it
	// is finished already, it is the answer, and nil otherwise.
	Await(ctx context.Context, w Wait) (json.RawMessage, error)
}

// Clock keeps the times at which targets are due.
type Clock interface {
	// Fire consumes timers that are due, the earliest first, and raises in the same
	// transaction what Fired makes of each. It tells how many there were.
	Fire(ctx context.Context, now time.Time, limit int) (int, error)
	// Next is when the earliest timer is due, zero without one.
	Next(ctx context.Context) (time.Time, error)
}

// Opening is a request to write, with all that goes with it.
type Opening struct {
	Request *peal.Request
	Raised  []peal.Raised
	Timers  []Timer
	// Key is the client's within its org, empty for none, with the hash of what was asked for.
	Key  string
	Hash [32]byte
	// Start is the execution that works on the request, nil for none. The request is its
	// input.
	Start      *peal.Execution
	Definition string
}

// Wait is a step that waits for a request or a task.
type Wait struct {
	Org       string
	Execution peal.ExecutionID
	Step      string
	// One of these is set.
	Request peal.RequestID
	Task    peal.TaskID
}

// Timer is a time at which an event about a target is due.
type Timer struct {
	// Type is the event's.
	Type   string
	Target peal.Target
	DueAt  time.Time
}

// Kind is what a store calls the timer, the same for each request.
func (t Timer) Kind() string { return t.Type + "/" + string(t.Target) }

// ReadTimer makes a Timer of what Kind said.
func ReadTimer(kind string, due time.Time) Timer {
	eventType, target, _ := strings.Cut(kind, "/")
	return Timer{Type: eventType, Target: peal.Target(target), DueAt: due}
}

// Kinds are the timers of a target.
func Kinds(t peal.Target) []string {
	return []string{Timer{Type: typeWarning, Target: t}.Kind(), Timer{Type: typeBreached, Target: t}.Kind()}
}

// timers are all of a request.
func timers(r *peal.Request) []Timer {
	var out []Timer
	for _, target := range peal.Targets {
		if _, ok := r.SLA.Span(target); ok {
			out = append(out,
				Timer{typeWarning, target, r.SLA.Due(target, r.SLA.WarnAt, r.CreatedAt)},
				Timer{typeBreached, target, r.SLA.Due(target, 1, r.CreatedAt)})
		}
	}
	return out
}
