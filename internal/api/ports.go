package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/inbound"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
)

// Events reads accepted events.
type Events interface {
	// Event finds an event by evt_… or by the id that its publisher chose.
	Event(ctx context.Context, org, id string) (*peal.Event, error)
	// Events lists, newest first, with the next page's cursor.
	Events(ctx context.Context, f peal.EventFilter, p peal.Page) ([]*peal.Event, string, error)
	// SearchEvents lists those that have a text, as far back as one search looks.
	SearchEvents(ctx context.Context, f peal.EventFilter, text string, p peal.Page) (peal.FoundEvents, error)
}

// Deliveries reads deliveries, newest first where it lists.
type Deliveries interface {
	// Delivery includes the attempts.
	Delivery(ctx context.Context, org string, id peal.DeliveryID) (*peal.Delivery, error)
	Deliveries(ctx context.Context, f peal.DeliveryFilter, p peal.Page) ([]peal.Delivery, string, error)
	// DeliveriesOffset leaves suppressed ones out and tells how many there are in all.
	DeliveriesOffset(ctx context.Context, org string, ep peal.EndpointID, offset, limit int) ([]peal.Delivery, int, error)
	Stats(ctx context.Context, org string, ep peal.EndpointID, since, until time.Time) (peal.Stats, error)
	// OrgStats names up to limit endpoints, those with the most failures first.
	OrgStats(ctx context.Context, org string, since, until time.Time, limit int) (peal.OrgStats, error)
}

// DeadLetters gives dead letters up.
type DeadLetters interface {
	// Discard cancels those of the deliveries that are dead letters, and tells how many.
	Discard(ctx context.Context, org string, ids []peal.DeliveryID) (int, error)
	// DiscardDead cancels dead letters that the filter selects, in one step after an id. It
	// gives the id to go on after, zero where there are no more.
	DiscardDead(ctx context.Context, f peal.DeliveryFilter, after peal.DeliveryID) (n int, last peal.DeliveryID, err error)
}

// Groups reads what collects deliveries into messages.
type Groups interface {
	Group(ctx context.Context, org string, id peal.GroupID) (*peal.Group, error)
	// Groups lists those of an org or of one endpoint, those with the latest message
	// first, with the next page's cursor.
	Groups(ctx context.Context, org string, ep peal.EndpointID, p peal.Page) ([]peal.Group, string, error)
}

// Publisher accepts events and tries endpoints out.
type Publisher interface {
	Publish(ctx context.Context, r publish.Request) (publish.Answer, error)
	Explain(ctx context.Context, ev *peal.Event) ([]publish.Verdict, error)
	Test(ctx context.Context, ep *peal.Endpoint, eventType string) (publish.TestResult, error)
	TestUnsaved(ctx context.Context, ep *peal.Endpoint) (publish.TestResult, error)
}

// Dispatcher is what people do to deliveries.
type Dispatcher interface {
	Retry(ctx context.Context, org string, id peal.DeliveryID) error
	Cancel(ctx context.Context, org string, id peal.DeliveryID) error
	Replay(ctx context.Context, f peal.DeliveryFilter) (*dispatch.Replay, error)
	// Payload is the exact body of an attempt (0 is the last) and its type; CodeGone where it
	// cannot be rendered the same again.
	Payload(ctx context.Context, d *peal.Delivery, attempt int) (body []byte, contentType string, err error)
}

// Executions reads executions of workflows, and what hooks got.
type Executions interface {
	// Execution includes the steps.
	Execution(ctx context.Context, org string, id peal.ExecutionID) (*peal.Execution, error)
	Executions(ctx context.Context, f peal.ExecutionFilter, p peal.Page) ([]*peal.Execution, string, error)
	Received(ctx context.Context, org string, hook peal.HookID, p peal.Page) ([]peal.Received, string, error)
}

// Runner is what people do to executions.
type Runner interface {
	Cancel(ctx context.Context, org string, id peal.ExecutionID) error
	Rerun(ctx context.Context, org string, id peal.ExecutionID) error
}

// Workflows reads definitions.
type Workflows interface {
	// Source gives the steps of a definition as JSON.
	Source(text string) (steps []byte, err error)
	// Merge puts the members of one definition over those of another.
	Merge(old, change string) (string, error)
	Schema() map[string]any
}

// Inbound receives what other systems send to hooks.
type Inbound interface {
	Find(id string) (*inbound.Hook, error)
	Admit(h *inbound.Hook) error
	Receive(ctx context.Context, h *inbound.Hook, r *inbound.Request) (inbound.Answer, error)
}

// Desk is what people do to requests and tasks.
type Desk interface {
	RequestDesk
	TaskDesk
}

// RequestDesk is what people do to requests.
type RequestDesk interface {
	OpenRequest(ctx context.Context, n peal.NewRequest) (*peal.Request, error)
	AcceptRequest(ctx context.Context, org string, id peal.RequestID) (*peal.Request, error)
	CompleteRequest(ctx context.Context, org string, id peal.RequestID) (*peal.Request, error)
	CancelRequest(ctx context.Context, org string, id peal.RequestID, reason string) (*peal.Request, error)
	EditRequest(ctx context.Context, org string, id peal.RequestID, edit func(*peal.Request)) (*peal.Request, error)
}

// TaskDesk is what people do to tasks.
type TaskDesk interface {
	OpenTask(ctx context.Context, n peal.NewTask) (*peal.Task, error)
	EditTask(ctx context.Context, org string, id peal.TaskID, edit func(*peal.Task)) (*peal.Task, error)
	CompleteTask(ctx context.Context, org string, id peal.TaskID, output json.RawMessage) (*peal.Task, error)
	CancelTask(ctx context.Context, org string, id peal.TaskID) (*peal.Task, error)
}

// Inbox reads requests and tasks.
type Inbox interface {
	Request(ctx context.Context, org string, id peal.RequestID) (*peal.Request, error)
	Requests(ctx context.Context, f peal.RequestFilter, p peal.Page) ([]*peal.Request, string, error)
	Task(ctx context.Context, org string, id peal.TaskID) (*peal.Task, error)
	Tasks(ctx context.Context, f peal.TaskFilter, p peal.Page) ([]*peal.Task, string, error)
}
