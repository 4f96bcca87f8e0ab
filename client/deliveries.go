package client

import (
	"context"
	"iter"
	"time"
)

// Delivery is one event for one endpoint.
type Delivery struct {
	ID         string `json:"id"`
	EventID    string `json:"event_id"`
	EventType  string `json:"event_type"`
	EndpointID string `json:"endpoint_id"`
	// GroupID is the group that it is collected with; empty where it goes by itself.
	GroupID string `json:"group_id,omitempty"`
	// Status is pending, retrying, succeeded, dead, dropped, suppressed or cancelled,
	// Reason why, for the last three.
	Status         string    `json:"status"`
	Reason         string    `json:"reason,omitempty"`
	AttemptCount   int       `json:"attempt_count"`
	RetryCount     int       `json:"retry_count"`
	NextAttemptAt  time.Time `json:"next_attempt_at,omitzero"`
	LastStatusCode int       `json:"last_status_code,omitempty"`
	LastError      string    `json:"last_error,omitempty"`
	CreatedAt      time.Time `json:"created_at"`
	FinishedAt     time.Time `json:"finished_at,omitzero"`
	// Attempts are the last ones, oldest first; lists leave them out.
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Attempt is one try of a delivery.
type Attempt struct {
	Number         int               `json:"number"` // from 1
	StartedAt      time.Time         `json:"started_at"`
	DurationMS     float64           `json:"duration_ms"`
	StatusCode     int               `json:"status_code,omitempty"`
	Error          string            `json:"error,omitempty"`
	Events         int               `json:"events,omitempty"` // that its one message told, where several
	RequestHeaders map[string]string `json:"request_headers,omitempty"`
	ResponseBody   string            `json:"response_body,omitempty"` // its first KiB
}

// DeliveryFilter selects deliveries; zero fields select all.
type DeliveryFilter struct {
	Endpoint string
	Event    string
	Status   string
	Type     string
	// Since and Until bound the time of creation: since inclusive, until exclusive.
	Since, Until time.Time
	// PageSize is how many are fetched at once; zero leaves it to the server.
	PageSize int
}

// Deliveries lists deliveries, newest first.
func (c *Client) Deliveries(ctx context.Context, f DeliveryFilter) iter.Seq2[Delivery, error] {
	return list[Delivery](ctx, c, join("deliveries"), values("endpoint", f.Endpoint, "event", f.Event, "status", f.Status,
		"type", f.Type, "since", timeText(f.Since), "until", timeText(f.Until), "limit", pageSize(f.PageSize)))
}

// Delivery reads one delivery with its attempts.
func (c *Client) Delivery(ctx context.Context, id string) (Delivery, error) {
	var d Delivery
	err := c.get(ctx, join("deliveries", id), nil, &d)
	return d, err
}

// DeliveryPayload reads the exact bytes of the request body.
func (c *Client) DeliveryPayload(ctx context.Context, id string) ([]byte, error) {
	var body []byte
	err := c.get(ctx, join("deliveries", id, "payload"), nil, &body)
	return body, err
}

// RetryDelivery makes a delivery due now; a finished one starts its schedule anew.
func (c *Client) RetryDelivery(ctx context.Context, id string) (Delivery, error) {
	var d Delivery
	err := c.post(ctx, join("deliveries", id, "retry"), nil, &d)
	return d, err
}

// CancelDelivery ends a delivery that is not finished; a finished one is a 409.
func (c *Client) CancelDelivery(ctx context.Context, id string) (Delivery, error) {
	var d Delivery
	err := c.post(ctx, join("deliveries", id, "cancel"), nil, &d)
	return d, err
}

// ReplayFilter selects finished deliveries to make again; zero fields select all.
type ReplayFilter struct {
	Endpoint string    `json:"endpoint,omitempty"`
	Event    string    `json:"event,omitempty"`
	Type     string    `json:"type,omitempty"`
	Status   string    `json:"status,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
}

// Replay is a replay that the server works on.
type Replay struct {
	ID string `json:"id"`
	// Deliveries is how many were found so far; Finished tells that there are no more.
	Deliveries int       `json:"deliveries"`
	Finished   bool      `json:"finished"`
	CreatedAt  time.Time `json:"created_at"`
}

// StartReplay delivers again what the filter selects, under the same ids. It
// returns when the replay is durable; the server then works through it.
func (c *Client) StartReplay(ctx context.Context, f ReplayFilter) (Replay, error) {
	var r Replay
	err := c.post(ctx, join("replays"), map[string]ReplayFilter{"filter": f}, &r)
	return r, err
}

// Discard names dead letters to give up: some by their ids, or those that a filter selects.
type Discard struct {
	Deliveries []string       `json:"deliveries,omitempty"`
	Filter     *DiscardFilter `json:"filter,omitempty"`
}

// DiscardFilter selects dead letters; zero fields select all.
type DiscardFilter struct {
	Endpoint string    `json:"endpoint,omitempty"`
	Type     string    `json:"type,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
}

// Discarded says how many dead letters were given up; where Finished is false there are
// more, and the call is to be made again.
type Discarded struct {
	Deliveries int  `json:"deliveries"`
	Finished   bool `json:"finished"`
}

// Discard makes dead letters cancelled.
func (c *Client) Discard(ctx context.Context, d Discard) (Discarded, error) {
	var out Discarded
	err := c.post(ctx, join("discards"), d, &out)
	return out, err
}
