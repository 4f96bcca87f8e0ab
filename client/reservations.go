package client

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// The decisions on a reservation.
const (
	Allow            = "allow"
	Deny             = "deny"
	ApprovalRequired = "approval_required"
)

// ReservationRequest asks whether a request may be made. The cost is an exact decimal as
// text, such as "0.05".
type ReservationRequest struct {
	Key             string `json:"key,omitempty"`
	Team            string `json:"team,omitempty"`
	User            string `json:"user,omitempty"`
	Agent           string `json:"agent,omitempty"`
	Model           string `json:"model"`
	EstimatedCost   string `json:"estimated_cost"`
	EstimatedTokens int64  `json:"estimated_tokens,omitempty"`
}

// Reservation is the answer, and what became of it.
type Reservation struct {
	ID string `json:"id"`
	// Decision is Allow, Deny or ApprovalRequired.
	Decision string `json:"decision"`
	// Status is allowed, waiting, denied, settled, released or expired.
	Status string `json:"status"`
	// BlockedBy is the step that denies it, such as daily_budget, and Reason why.
	BlockedBy  string `json:"blocked_by,omitempty"`
	Reason     string `json:"reason,omitempty"`
	ApprovalID string `json:"approval_id,omitempty"`
	// ExpiresAt is until when it holds what was asked for; zero where it holds nothing.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	ReservationRequest
	// Cost and Tokens are what it came to, once it is settled.
	Cost   string `json:"cost,omitempty"`
	Tokens int64  `json:"tokens,omitempty"`
}

// Reserve asks whether a request may be made. What is allowed is to be settled or released.
func (c *Client) Reserve(ctx context.Context, r ReservationRequest) (Reservation, error) {
	var out Reservation
	err := c.post(ctx, join("reservations"), r, &out)
	return out, err
}

// Reservation reads a reservation.
func (c *Client) Reservation(ctx context.Context, id string) (Reservation, error) {
	return c.reservation(ctx, id, "")
}

const (
	longPoll = "30s"
	// pollPause is between two looks at least, also where a server answers at once.
	pollPause = time.Second
)

// AwaitApproval waits until a reservation no longer needs a decision: a person decided, or
// nobody did in time. How long it waits is the context's part.
func (c *Client) AwaitApproval(ctx context.Context, id string) (Reservation, error) {
	for {
		asked := time.Now()
		r, err := c.reservation(ctx, id, longPoll)
		if err != nil || r.Decision != ApprovalRequired {
			return r, err
		}
		if err := sleep(ctx, pollPause-time.Since(asked)); err != nil {
			return r, err
		}
	}
}

func (c *Client) reservation(ctx context.Context, id, wait string) (Reservation, error) {
	var r Reservation
	err := c.get(ctx, join("reservations", id), values("wait", wait), &r)
	return r, err
}

// Settlement is what a request came to.
type Settlement struct {
	Cost   string `json:"cost"`
	Tokens int64  `json:"tokens,omitempty"`
	// Status is an HTTP status, or a word such as error: from 500 on it failed.
	Status string `json:"status,omitempty"`
}

// Settle counts what a reserved request came to, which is the report of its usage, too.
// Saying the same again changes nothing.
func (c *Client) Settle(ctx context.Context, id string, s Settlement) (Reservation, error) {
	return c.end(ctx, id, "settle", s)
}

// Release gives a reservation up, whose request is not made.
func (c *Client) Release(ctx context.Context, id string) (Reservation, error) {
	return c.end(ctx, id, "release", nil)
}

func (c *Client) end(ctx context.Context, id, deed string, body any) (Reservation, error) {
	var r Reservation
	err := c.do(ctx, call{method: http.MethodPost, path: join("reservations", id, deed), body: body, repeatable: true}, &r)
	return r, err
}

// Approval is a reservation that a person decides on.
type Approval struct {
	ID            string `json:"id"`
	ReservationID string `json:"reservation_id"`
	// Status is pending, approved, denied, expired or withdrawn.
	Status        string `json:"status"`
	Model         string `json:"model"`
	Key           string `json:"key,omitempty"`
	Team          string `json:"team,omitempty"`
	User          string `json:"user,omitempty"`
	Agent         string `json:"agent,omitempty"`
	EstimatedCost string `json:"estimated_cost"`
	// Threshold is the cost above which a person is asked.
	Threshold   string    `json:"hitl_threshold"`
	RequestedAt time.Time `json:"requested_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	DecidedAt   time.Time `json:"decided_at,omitzero"`
	DecidedBy   string    `json:"decided_by,omitempty"`
	Reason      string    `json:"reason,omitempty"`
}

// ApprovalFilter selects approvals.
type ApprovalFilter struct {
	// Pending are those that wait alone.
	Pending bool
	// PageSize is how many are fetched at once; zero leaves it to the server.
	PageSize int
}

// Approvals lists what people were asked about, newest first.
func (c *Client) Approvals(ctx context.Context, f ApprovalFilter) iter.Seq2[Approval, error] {
	status := ""
	if f.Pending {
		status = "pending"
	}
	return list[Approval](ctx, c, join("approvals"), values("status", status, "limit", pageSize(f.PageSize)))
}

// Approval reads an approval.
func (c *Client) Approval(ctx context.Context, id string) (Approval, error) {
	var a Approval
	err := c.get(ctx, join("approvals", id), nil, &a)
	return a, err
}

// ApprovalDecision says who decides, and why. By is the key's id where empty.
type ApprovalDecision struct {
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// ApproveRequest allows a request that waits for a person. Saying the same again changes nothing.
func (c *Client) ApproveRequest(ctx context.Context, id string, d ApprovalDecision) (Approval, error) {
	return c.decide(ctx, id, "approve", d)
}

// DenyRequest denies a request that waits for a person.
func (c *Client) DenyRequest(ctx context.Context, id string, d ApprovalDecision) (Approval, error) {
	return c.decide(ctx, id, "deny", d)
}

func (c *Client) decide(ctx context.Context, id, deed string, d ApprovalDecision) (Approval, error) {
	var a Approval
	err := c.do(ctx, call{method: http.MethodPost, path: join("approvals", id, deed), body: d, repeatable: true}, &a)
	return a, err
}
