package client

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// Hook is an inbound URL that starts a workflow.
type Hook struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// URL is where the sender posts to.
	URL          string       `json:"url,omitempty"`
	Workflow     string       `json:"workflow,omitempty"`
	Offering     string       `json:"offering,omitempty"`
	Verification Verification `json:"verification,omitzero"`
	// RateLimit is requests a second; zero is unset.
	RateLimit float64 `json:"rate_limit,omitempty"`
	// Secret is what the sender signs with. The server makes one if it is empty and the
	// sender does not make it, and answers it once.
	Secret string `json:"secret,omitempty"`
	// Warnings say what is dangerous about it.
	Warnings  []string  `json:"warnings,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Verification is how a hook knows its senders.
type Verification struct {
	// Scheme is the sender's way of signing; empty is peal.
	Scheme string `json:"scheme,omitempty"`
	// Enabled is off where it is false; nil is on.
	Enabled  *bool             `json:"enabled,omitempty"`
	Secret   string            `json:"secret,omitempty"`
	Settings map[string]string `json:"settings,omitempty"`
}

// Received is a request that a hook got.
type Received struct {
	ID          string          `json:"id"`
	ReceivedAt  time.Time       `json:"received_at"`
	Verdict     string          `json:"verdict"`
	StatusCode  int             `json:"status_code"`
	ExecutionID string          `json:"execution_id"`
	Method      string          `json:"method"`
	Headers     json.RawMessage `json:"headers"`
	Query       json.RawMessage `json:"query"`
	Body        json.RawMessage `json:"body"`
}

// CreateHook makes a hook. The answer alone carries its secret.
func (c *Client) CreateHook(ctx context.Context, h Hook) (Hook, error) {
	var made Hook
	err := c.post(ctx, join("hooks"), h, &made)
	return made, err
}

// Hooks lists the org's hooks, newest first.
func (c *Client) Hooks(ctx context.Context) iter.Seq2[Hook, error] {
	return list[Hook](ctx, c, join("hooks"), nil)
}

// Hook reads one hook.
func (c *Client) Hook(ctx context.Context, id string) (Hook, error) {
	var h Hook
	err := c.get(ctx, join("hooks", id), nil, &h)
	return h, err
}

// DeleteHook deletes a hook; executions that it started go on.
func (c *Client) DeleteHook(ctx context.Context, id string) error {
	return c.delete(ctx, join("hooks", id))
}

// RotateHookSecret replaces a hook's secret. The answer alone carries the new one.
func (c *Client) RotateHookSecret(ctx context.Context, id string, r Rotation) (Hook, error) {
	var h Hook
	err := c.post(ctx, join("hooks", id, "rotate-secret"), r, &h)
	return h, err
}

// HookReceived lists what a hook got, newest first.
func (c *Client) HookReceived(ctx context.Context, id string) iter.Seq2[Received, error] {
	return list[Received](ctx, c, join("hooks", id, "received"), nil)
}
