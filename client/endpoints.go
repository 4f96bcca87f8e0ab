package client

import (
	"context"
	"iter"
	"time"
)

// Endpoint is where an org wants events.
type Endpoint struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// Type is the channel kind; empty is webhook.
	Type string `json:"type,omitempty"`
	URL  string `json:"url,omitempty"`
	// Events are type patterns: exact, a prefix such as budget.*, or *, which none means.
	Events []string `json:"events,omitempty"`
	// Filter is a CEL expression over event, such as event.data.total > 100.0.
	Filter  string `json:"filter,omitempty"`
	Profile string `json:"profile,omitempty"`
	// Headers are sent with every delivery. Answers redact their values.
	Headers map[string]string `json:"headers,omitempty"`
	// Secret signs. The server makes one if it is empty, and answers it once.
	Secret string         `json:"secret,omitempty"`
	Config map[string]any `json:"config,omitempty"`
	// RateLimit is attempts a second, MaxInFlight attempts at once; zero is unset.
	RateLimit   float64 `json:"rate_limit,omitempty"`
	MaxInFlight int     `json:"max_in_flight,omitempty"`
	// Ordered keeps the order of first arrivals, one attempt at a time.
	Ordered bool   `json:"ordered,omitempty"`
	Retry   *Retry `json:"retry,omitempty"`

	// Status is active, paused or disabled, StatusReason why it is disabled.
	Status       string    `json:"status,omitempty"`
	StatusReason string    `json:"status_reason,omitempty"`
	CreatedAt    time.Time `json:"created_at,omitzero"`
	UpdatedAt    time.Time `json:"updated_at,omitzero"`
}

// Retry replaces parts of a profile's policy. A nil Schedule keeps the profile's,
// an empty one never retries.
type Retry struct {
	Schedule []Duration `json:"schedule,omitzero"`
	Timeout  Duration   `json:"timeout,omitzero"`
}

// Duration is a time.Duration that is written as Go writes it: "1s", "5m0s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// EndpointUpdate changes the fields that are not nil.
type EndpointUpdate struct {
	Name        *string            `json:"name,omitempty"`
	URL         *string            `json:"url,omitempty"`
	Events      *[]string          `json:"events,omitempty"`
	Filter      *string            `json:"filter,omitempty"`
	Profile     *string            `json:"profile,omitempty"`
	Headers     *map[string]string `json:"headers,omitempty"`
	Config      *map[string]any    `json:"config,omitempty"`
	RateLimit   *float64           `json:"rate_limit,omitempty"`
	MaxInFlight *int               `json:"max_in_flight,omitempty"`
	Ordered     *bool              `json:"ordered,omitempty"`
	Retry       *Retry             `json:"retry,omitempty"`
}

// CreateEndpoint makes an endpoint. The answer alone carries its secret.
func (c *Client) CreateEndpoint(ctx context.Context, e Endpoint) (Endpoint, error) {
	var made Endpoint
	err := c.post(ctx, join("endpoints"), e, &made)
	return made, err
}

// Endpoints lists the org's endpoints, newest first.
func (c *Client) Endpoints(ctx context.Context) iter.Seq2[Endpoint, error] {
	return list[Endpoint](ctx, c, join("endpoints"), nil)
}

// Endpoint reads one endpoint.
func (c *Client) Endpoint(ctx context.Context, id string) (Endpoint, error) {
	var e Endpoint
	err := c.get(ctx, join("endpoints", id), nil, &e)
	return e, err
}

// UpdateEndpoint changes an endpoint. Deliveries that start after it returned use
// the new settings.
func (c *Client) UpdateEndpoint(ctx context.Context, id string, u EndpointUpdate) (Endpoint, error) {
	var e Endpoint
	err := c.patch(ctx, join("endpoints", id), u, &e)
	return e, err
}

// DeleteEndpoint deletes an endpoint and cancels its unfinished deliveries.
func (c *Client) DeleteEndpoint(ctx context.Context, id string) error {
	return c.delete(ctx, join("endpoints", id))
}

// PauseEndpoint stops sending; deliveries wait (or are dropped, where the profile
// never retries).
func (c *Client) PauseEndpoint(ctx context.Context, id string) (Endpoint, error) {
	var e Endpoint
	err := c.post(ctx, join("endpoints", id, "pause"), nil, &e)
	return e, err
}

// ResumeEndpoint sends again, what waited first. It also enables a disabled endpoint.
func (c *Client) ResumeEndpoint(ctx context.Context, id string) (Endpoint, error) {
	var e Endpoint
	err := c.post(ctx, join("endpoints", id, "resume"), nil, &e)
	return e, err
}

// Rotation says how a secret is replaced.
type Rotation struct {
	// Secret is the new one; empty lets the server make it.
	Secret string `json:"secret,omitempty"`
	// Overlap is how long the old secret stays valid beside the new one; nil is 24
	// hours, 0 ends it at once.
	Overlap *Duration `json:"overlap,omitempty"`
}

// RotateSecret replaces the signing secret. The answer alone carries the new one.
func (c *Client) RotateSecret(ctx context.Context, id string, r Rotation) (Endpoint, error) {
	var e Endpoint
	err := c.post(ctx, join("endpoints", id, "rotate-secret"), r, &e)
	return e, err
}

// TestResult is how a test of an endpoint went.
type TestResult struct {
	Success    bool   `json:"success"`
	StatusCode int    `json:"status_code,omitempty"`
	Message    string `json:"message"` // one sentence
	EventID    string `json:"event_id,omitempty"`
	DeliveryID string `json:"delivery_id,omitempty"`
}

// TestEndpoint sends a test event at once, whatever the endpoint's subscription and
// status, and tells how that went. It is not retried.
func (c *Client) TestEndpoint(ctx context.Context, id string) (TestResult, error) {
	var r TestResult
	err := c.post(ctx, join("endpoints", id, "test"), nil, &r)
	return r, err
}
