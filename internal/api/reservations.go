package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// ReservationCreate asks whether a request may be made.
type ReservationCreate struct {
	Key             Label  `json:"key,omitempty" example:"\"prod-chat\""`
	Team            Label  `json:"team,omitempty" example:"\"research\""`
	User            Label  `json:"user,omitempty" example:"\"42\""`
	Agent           Label  `json:"agent,omitempty"`
	Model           string `json:"model" maxLength:"256" example:"gpt-4.1"`
	EstimatedCost   Amount `json:"estimated_cost" example:"\"0.05\""`
	EstimatedTokens int64  `json:"estimated_tokens,omitempty" minimum:"0"`
}

// Reservation is the answer, and what became of it.
type Reservation struct {
	ID         string     `json:"id" example:"res_01h455vb4pex5vsknk084sn02q"`
	Decision   string     `json:"decision" enum:"allow,deny,approval_required"`
	Status     string     `json:"status" enum:"allowed,waiting,denied,settled,released,expired"`
	BlockedBy  string     `json:"blocked_by,omitempty" example:"daily_budget" doc:"plan, quota, model_blocked, rate_limit, credit_balance, daily_budget, monthly_budget or approval."`
	Reason     string     `json:"reason,omitempty"`
	ApprovalID string     `json:"approval_id,omitempty" example:"apr_01h455vb4pex5vsknk084sn02q"`
	ExpiresAt  *time.Time `json:"expires_at" doc:"What is not settled by then is given up; null where nothing is held."`
	CreatedAt  time.Time  `json:"created_at"`

	Key             string  `json:"key,omitempty"`
	Team            string  `json:"team,omitempty"`
	User            string  `json:"user,omitempty"`
	Agent           string  `json:"agent,omitempty"`
	Model           string  `json:"model"`
	EstimatedCost   Amount  `json:"estimated_cost"`
	EstimatedTokens int64   `json:"estimated_tokens"`
	Cost            *Amount `json:"cost,omitempty" doc:"What it came to."`
	Tokens          *int64  `json:"tokens,omitempty"`
}

func showReservation(r *governance.Reservation) Reservation {
	out := Reservation{
		ID: r.ID.String(), Decision: decisionOf(r), Status: string(r.Status), BlockedBy: r.BlockedBy, Reason: r.Reason, CreatedAt: r.CreatedAt.UTC(),
		Key: r.Key, Team: r.Team, User: r.User, Agent: r.Agent, Model: r.Model, EstimatedCost: Amount(r.Cost), EstimatedTokens: r.Tokens,
	}
	if r.NeedsApproval {
		out.ApprovalID = r.ID.As(peal.ApprovalPrefix)
	}
	if r.Status != governance.Denied {
		out.ExpiresAt = moment(r.ExpiresAt)
	}
	if r.Status == governance.Settled {
		out.Cost, out.Tokens = new(Amount(r.SpentCost)), &r.SpentTokens
	}
	return out
}

func decisionOf(r *governance.Reservation) string {
	switch {
	case r.Status == governance.Denied, r.NeedsApproval && r.DecidedAt.IsZero() && r.Status != governance.Waiting:
		return "deny"
	case r.Status == governance.Waiting:
		return "approval_required"
	}
	return "allow"
}

// ReservationSettle is what a request came to.
type ReservationSettle struct {
	Cost   Amount  `json:"cost" example:"\"0.0425\""`
	Tokens int64   `json:"tokens,omitempty" minimum:"0"`
	Status Outcome `json:"status,omitzero"`
}

// ReservationPath names a reservation.
type ReservationPath struct {
	ID string `path:"id" example:"res_01h455vb4pex5vsknk084sn02q"`
}

func (p ReservationPath) reservation() (peal.ReservationID, error) {
	return pathID(peal.ParseReservationID, p.ID, "reservation")
}

func (a *api) reservationRoutes() {
	tags := []string{"Governance"}
	register(a, peal.Publisher, huma.Operation{
		OperationID: "create-reservation", Method: http.MethodPost, Path: "/v1/reservations", Tags: tags,
		Summary: "Ask whether a request may be made",
		Description: "Held against the plan, quotas, models, limits a minute, credits, budgets (org, team, key) and approvals, in this order. " +
			"An allowed one holds its estimate for ten minutes, until it is settled or released.",
		Errors: []int{http.StatusTooManyRequests},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body ReservationCreate }) (*body[Reservation], error) {
		b := in.Body
		r, err := a.Governance.Reserve(ctx, who.Org, governance.Reservation{
			Key: string(b.Key), Team: string(b.Team), User: string(b.User), Agent: string(b.Agent), Model: b.Model,
			Cost: peal.Decimal(b.EstimatedCost), Tokens: b.EstimatedTokens,
		})
		return answerShown(r, err, showReservation)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-reservation", Method: http.MethodGet, Path: "/v1/reservations/{id}", Tags: tags,
		Summary: "Get a reservation", Description: "One that waits for a person can be waited for.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		ReservationPath
		Wait string `query:"wait" example:"30s" doc:"How long to wait for a decision, at most 30s."`
	},
	) (*body[Reservation], error) {
		id, err := in.reservation()
		if err != nil {
			return nil, err
		}
		var wait time.Duration
		if in.Wait != "" {
			if wait, err = duration("wait", in.Wait); err != nil {
				return nil, err
			}
			if wait < 0 || wait > governance.MaxWait {
				return nil, peal.Invalid("wait", "wait is at most %s", governance.MaxWait)
			}
		}
		r, err := a.Governance.Wait(ctx, who.Org, id, wait)
		return answerShown(r, err, showReservation)
	})
	register(a, peal.Publisher, huma.Operation{
		OperationID: "settle-reservation", Method: http.MethodPost, Path: "/v1/reservations/{id}/settle", Tags: tags,
		Summary: "Say what a request came to", Description: "Counted in the reservation's own periods. One that expired is counted, too; saying the same again changes nothing.",
		Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct {
		ReservationPath
		Body ReservationSettle
	},
	) (*body[Reservation], error) {
		return a.closeReservation(ctx, who, in.ReservationPath, governance.Closing{
			Deed: governance.Settle, Cost: peal.Decimal(in.Body.Cost), Tokens: in.Body.Tokens, Failed: in.Body.Status.Failed,
		})
	})
	register(a, peal.Publisher, huma.Operation{
		OperationID: "release-reservation", Method: http.MethodPost, Path: "/v1/reservations/{id}/release", Tags: tags,
		Summary: "Give a reservation up", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *ReservationPath) (*body[Reservation], error) {
		return a.closeReservation(ctx, who, *in, governance.Closing{Deed: governance.Release})
	})
}

func (a *api) closeReservation(ctx context.Context, who auth.Identity, path ReservationPath, c governance.Closing) (_ *body[Reservation], err error) {
	if c.ID, err = path.reservation(); err != nil {
		return nil, err
	}
	r, err := a.Governance.Close(ctx, who.Org, c)
	return answerShown(r, err, showReservation)
}
