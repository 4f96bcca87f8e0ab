package client

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// Offering is something that can be requested.
type Offering struct {
	ID          string `json:"id,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	// Workflow is started for each request, empty for none.
	Workflow  string    `json:"workflow,omitempty"`
	SLA       *SLA      `json:"sla,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// SLA is how soon requests are to be dealt with.
type SLA struct {
	// Accept and Complete are times from when a request is made, zero for none.
	Accept   Duration `json:"accept,omitempty"`
	Complete Duration `json:"complete,omitempty"`
	// WarnAt is the share of a target after which there is a warning; nil is 0.8.
	WarnAt       *float64      `json:"warn_at,omitempty"`
	WorkingHours *WorkingHours `json:"working_hours,omitempty"`
}

// WorkingHours are when the time of an SLA runs.
type WorkingHours struct {
	Days     []string `json:"days"`
	From     string   `json:"from"`
	To       string   `json:"to"`
	TimeZone string   `json:"time_zone"`
}

// CreateOffering makes an offering.
func (c *Client) CreateOffering(ctx context.Context, o Offering) (Offering, error) {
	var made Offering
	err := c.post(ctx, join("offerings"), o, &made)
	return made, err
}

// Offerings lists the org's offerings, newest first.
func (c *Client) Offerings(ctx context.Context) iter.Seq2[Offering, error] {
	return list[Offering](ctx, c, join("offerings"), nil)
}

// Offering reads one offering.
func (c *Client) Offering(ctx context.Context, id string) (Offering, error) {
	var o Offering
	err := c.get(ctx, join("offerings", id), nil, &o)
	return o, err
}

// Request is something that somebody asked for.
type Request struct {
	ID                string          `json:"id"`
	Offering          string          `json:"offering"`
	Title             string          `json:"title"`
	Description       string          `json:"description"`
	Status            string          `json:"status"`
	Priority          string          `json:"priority"`
	CreatedBy         string          `json:"created_by"`
	Data              json.RawMessage `json:"data"`
	Parent            string          `json:"parent"`
	ExecutionID       string          `json:"execution_id"`
	OriginExecutionID string          `json:"origin_execution_id"`
	CancelReason      string          `json:"cancel_reason"`
	SLA               *SLA            `json:"sla"`
	AcceptDueAt       time.Time       `json:"accept_due_at,omitzero"`
	CompleteDueAt     time.Time       `json:"complete_due_at,omitzero"`
	// Breached are the targets that were missed, or are by now.
	Breached   []string  `json:"breached"`
	CreatedAt  time.Time `json:"created_at"`
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
}

// RequestFilter selects requests; zero fields select all.
type RequestFilter struct {
	Offering, Status, Priority string
	// PageSize is how many are fetched at once; zero leaves it to the server.
	PageSize int
}

// Requests lists requests, newest first.
func (c *Client) Requests(ctx context.Context, f RequestFilter) iter.Seq2[Request, error] {
	return list[Request](ctx, c, join("requests"), values("offering", f.Offering, "status", f.Status, "priority", f.Priority, "limit", pageSize(f.PageSize)))
}

// Request reads one request.
func (c *Client) Request(ctx context.Context, id string) (Request, error) {
	var r Request
	err := c.get(ctx, join("requests", id), nil, &r)
	return r, err
}

// AcceptRequest accepts a request that is pending.
func (c *Client) AcceptRequest(ctx context.Context, id string) (Request, error) {
	var r Request
	err := c.post(ctx, join("requests", id, "accept"), nil, &r)
	return r, err
}

// CompleteRequest completes a request that was accepted.
func (c *Client) CompleteRequest(ctx context.Context, id string) (Request, error) {
	var r Request
	err := c.post(ctx, join("requests", id, "complete"), nil, &r)
	return r, err
}

// CancelRequest cancels a request that is not finished. The reason may be empty.
func (c *Client) CancelRequest(ctx context.Context, id, reason string) (Request, error) {
	var r Request
	body := struct {
		Reason string `json:"reason,omitempty"`
	}{reason}
	err := c.post(ctx, join("requests", id, "cancel"), body, &r)
	return r, err
}
