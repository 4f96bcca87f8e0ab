package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"
)

// Event is what is published, and what the server answers for it later. Type and
// Data are required to publish.
type Event struct {
	// ID is given out by the server (evt_…) unless the publisher chooses its own,
	// unique in its org: publishing the same id again delivers nothing twice.
	ID string `json:"id,omitempty"`
	// WebhookID is what receivers see in the header webhook-id, whatever ID is; it is
	// set by the server.
	WebhookID string `json:"webhook_id,omitempty"`
	// Type names the kind of fact, such as budget.exceeded.
	Type string `json:"type"`
	// Data is a JSON object. Use json.RawMessage to send bytes as they are, with
	// numbers of any length; what comes back is a json.RawMessage. Lists leave it out.
	Data     any       `json:"data,omitempty"`
	Source   string    `json:"source,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	Subject  string    `json:"subject,omitempty"`
	Severity string    `json:"severity,omitempty"` // info, warning, high, critical
	Title    string    `json:"title,omitempty"`
	Message  string    `json:"message,omitempty"`
	// AcceptedAt is set by the server.
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	// Explain is filled by ExplainEvent alone.
	Explain []Verdict `json:"explain,omitempty"`
}

// UnmarshalJSON keeps Data as it was sent.
func (e *Event) UnmarshalJSON(b []byte) error {
	type plain Event
	var raw struct {
		*plain
		Data json.RawMessage `json:"data"`
	}
	raw.plain = (*plain)(e)
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if raw.Data != nil {
		e.Data = raw.Data
	}
	return nil
}

// Accepted is the answer to a published event. Once it is there, the event is
// durable.
type Accepted struct {
	ID string `json:"id"`
	// Deliveries is how many endpoints the event goes to.
	Deliveries int `json:"deliveries"`
	// Duplicate says that the event was accepted before and nothing is sent again.
	Duplicate bool `json:"duplicate"`
}

// PublishOption changes how events are published.
type PublishOption func(*call)

// IdempotencyKey names the request, so that repeating it publishes nothing twice.
// The server keeps the key for at least 24 hours; the same key with other events
// is answered 422.
func IdempotencyKey(key string) PublishOption {
	return func(r *call) {
		r.header = http.Header{"Idempotency-Key": {key}}
		r.repeatable = true
	}
}

// Publish accepts one event.
func (c *Client) Publish(ctx context.Context, e Event, opts ...PublishOption) (Accepted, error) {
	r := call{method: http.MethodPost, path: join("events"), body: e, repeatable: e.ID != ""}
	for _, o := range opts {
		o(&r)
	}
	var a Accepted
	err := c.do(ctx, r, &a)
	return a, err
}

// PublishBatch accepts all of the events or none, and answers in their order.
func (c *Client) PublishBatch(ctx context.Context, events []Event, opts ...PublishOption) ([]Accepted, error) {
	r := call{method: http.MethodPost, path: join("events"), body: events, repeatable: true}
	for _, e := range events {
		r.repeatable = r.repeatable && e.ID != ""
	}
	for _, o := range opts {
		o(&r)
	}
	var a page[Accepted]
	err := c.do(ctx, r, &a)
	return a.Data, err
}

// EventFilter selects events; zero fields select all.
type EventFilter struct {
	Type    string
	Subject string
	// Text is searched for in types, subjects, titles, messages and data.
	Text string
	// Since and Until bound the time of acceptance: since inclusive, until exclusive.
	Since, Until time.Time
	// PageSize is how many are fetched at once; zero leaves it to the server.
	PageSize int
}

// Events lists events, newest first.
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[Event, error] {
	return list[Event](ctx, c, join("events"), values("type", f.Type, "subject", f.Subject, "text", f.Text,
		"since", timeText(f.Since), "until", timeText(f.Until), "limit", pageSize(f.PageSize)))
}

// Event reads one event by its id.
func (c *Client) Event(ctx context.Context, id string) (Event, error) {
	var e Event
	err := c.get(ctx, join("events", id), nil, &e)
	return e, err
}

// Verdict says whether an endpoint got an event, and if not, why.
type Verdict struct {
	EndpointID string `json:"endpoint_id"`
	Name       string `json:"name,omitempty"`
	// Outcome is delivered, another state of its delivery, or the reason why there is
	// none (type, filter, later, changed) or why it was not sent (dedup, paused, disabled).
	Outcome string `json:"outcome"`
	// Detail says why the filter could not be answered, if that is the reason.
	Detail     string `json:"detail,omitempty"`
	DeliveryID string `json:"delivery_id,omitempty"`
}

// ExplainEvent reads an event with a verdict for every endpoint of the org.
func (c *Client) ExplainEvent(ctx context.Context, id string) (Event, error) {
	var e Event
	err := c.get(ctx, join("events", id), values("explain", "true"), &e)
	return e, err
}

// EventDeliveries lists the deliveries of one event.
func (c *Client) EventDeliveries(ctx context.Context, id string) iter.Seq2[Delivery, error] {
	return list[Delivery](ctx, c, join("events", id, "deliveries"), nil)
}
