package peal

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// RequestStatus is where a request stands, spelled as Nembl's document has it.
type RequestStatus string

// The states: PENDING → ACCEPTED → COMPLETED, or CANCELLED from either of the first.
const (
	RequestPending   RequestStatus = "PENDING"
	RequestAccepted  RequestStatus = "ACCEPTED"
	RequestCompleted RequestStatus = "COMPLETED"
	RequestCancelled RequestStatus = "CANCELLED"
)

// Priority is how urgent a request is.
type Priority string

// Priorities are all, the least urgent first.
var Priorities = []Priority{"LOW", DefaultPriority, "HIGH", "URGENT"}

// DefaultPriority is that of requests that say nothing.
const DefaultPriority Priority = "MEDIUM"

// ParsePriority reads a priority in any case; empty is the default.
func ParsePriority(s string) (Priority, error) {
	if s == "" {
		return DefaultPriority, nil
	}
	if p := Priority(strings.ToUpper(s)); slices.Contains(Priorities, p) {
		return p, nil
	}
	return "", Invalid("priority", "priority is LOW, MEDIUM, HIGH or URGENT, not %q", Clip(s, clipLen))
}

// Request is something that somebody asked for. Its JSON is what workflows see.
type Request struct {
	ID          RequestID       `json:"id"`
	Org         string          `json:"-"`
	Offering    OfferingID      `json:"offering,omitzero"` // zero for none
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Status      RequestStatus   `json:"status"`
	Priority    Priority        `json:"priority"`
	CreatedBy   string          `json:"created_by"`
	Data        json.RawMessage `json:"data"` // whatever belongs to it, null for nothing
	Reason      string          `json:"reason,omitempty"`
	// Parent is the request whose workflow opened this one, Depth how many stand above it.
	Parent RequestID `json:"parent,omitzero"`
	Depth  int       `json:"-"`
	// Origin is the execution whose step opened it, zero where people or programs did.
	Origin     ExecutionID `json:"-"`
	OriginStep string      `json:"-"`
	// Execution is the one that works on it, zero for none.
	Execution  ExecutionID `json:"-"`
	SLA        *SLA        `json:"-"` // the offering's when it was opened
	CreatedAt  time.Time   `json:"created_at"`
	AcceptedAt time.Time   `json:"accepted_at,omitzero"`
	FinishedAt time.Time   `json:"finished_at,omitzero"`
}

// Finished tells whether nothing more happens to it.
func (r *Request) Finished() bool {
	return r.Status == RequestCompleted || r.Status == RequestCancelled
}

// Met is when a target was met, zero while it is not.
func (r *Request) Met(t Target) time.Time {
	switch {
	case t == TargetResponse && !r.AcceptedAt.IsZero():
		return r.AcceptedAt
	case r.Finished():
		return r.FinishedAt
	}
	return time.Time{}
}

// DueAt is when a target is due, zero where there is none.
func (r *Request) DueAt(t Target) time.Time {
	if _, ok := r.SLA.Span(t); !ok {
		return time.Time{}
	}
	return r.SLA.Due(t, 1, r.CreatedAt)
}

// Breached lists the targets that were missed, or are by now.
func (r *Request) Breached(now time.Time) []Target {
	missed := []Target{}
	for _, t := range Targets {
		due, met := r.DueAt(t), r.Met(t)
		if met.IsZero() {
			met = now
		}
		if !due.IsZero() && met.After(due) {
			missed = append(missed, t)
		}
	}
	return missed
}

// RequestFilter selects requests of an org; zero members select all.
type RequestFilter struct {
	Org      string
	Offering OfferingID
	Status   RequestStatus
	Priority Priority
}

// NewRequest is a request to open.
type NewRequest struct {
	Org                           string
	Offering                      OfferingID // zero for none
	Title, Description, CreatedBy string
	Priority                      Priority
	Data                          json.RawMessage
	Parent                        RequestID
	// Execution and Step name the step that opens it: the same one opens it once.
	Execution ExecutionID
	Step      string
	// Serving says that the execution works on the request itself, so that the offering's
	// workflow is not started.
	Serving bool
	// Key is the client's idempotency key, empty for none: the same one opens it once.
	Key string
}
