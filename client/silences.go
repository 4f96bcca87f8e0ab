package client

import (
	"context"
	"iter"
	"time"
)

// Silence holds back deliveries for some time.
type Silence struct {
	ID    string       `json:"id,omitempty"`
	Match SilenceMatch `json:"match"`
	// From is now where zero; Until is the first moment after it.
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until"`
	Comment string    `json:"comment,omitempty"`

	// CreatedBy is who made it, Status is pending, active or ended.
	CreatedBy string    `json:"created_by,omitempty"`
	Status    string    `json:"status,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// SilenceMatch selects what a silence holds back; what is empty is all.
type SilenceMatch struct {
	// Types are event types, prefixes such as budget.*, or *.
	Types []string `json:"types,omitempty"`
	// Severities are info, warning, high and critical.
	Severities []string `json:"severities,omitempty"`
	// Filter is a CEL expression over event, as an endpoint's.
	Filter string `json:"filter,omitempty"`
	// Endpoints are ids.
	Endpoints []string `json:"endpoints,omitempty"`
}

// CreateSilence holds deliveries back until a moment.
func (c *Client) CreateSilence(ctx context.Context, s Silence) (Silence, error) {
	var out Silence
	err := c.post(ctx, join("silences"), s, &out)
	return out, err
}

// Silences lists silences, ended ones too for 90 days.
func (c *Client) Silences(ctx context.Context) iter.Seq2[Silence, error] {
	return list[Silence](ctx, c, join("silences"), nil)
}

// EndSilence ends a silence now; one that has not begun is deleted.
func (c *Client) EndSilence(ctx context.Context, id string) error {
	return c.delete(ctx, join("silences", id))
}
