package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// Approval is a reservation that a person decides on.
type Approval struct {
	ID            string     `json:"id" example:"apr_01h455vb4pex5vsknk084sn02q"`
	ReservationID string     `json:"reservation_id" example:"res_01h455vb4pex5vsknk084sn02q"`
	Status        string     `json:"status" enum:"pending,approved,denied,expired,withdrawn"`
	Model         string     `json:"model"`
	Key           string     `json:"key,omitempty"`
	Team          string     `json:"team,omitempty"`
	User          string     `json:"user,omitempty"`
	Agent         string     `json:"agent,omitempty"`
	EstimatedCost Amount     `json:"estimated_cost"`
	Threshold     Amount     `json:"hitl_threshold"`
	RequestedAt   time.Time  `json:"requested_at"`
	ExpiresAt     time.Time  `json:"expires_at"`
	DecidedAt     *time.Time `json:"decided_at"`
	DecidedBy     string     `json:"decided_by,omitempty"`
	Reason        string     `json:"reason,omitempty"`
}

// ApprovalDecision says who decides, and why.
type ApprovalDecision struct {
	By     string `json:"by,omitempty" maxLength:"256" example:"ada@example.com" doc:"Who; the key's id where absent."`
	Reason string `json:"reason,omitempty" maxLength:"256" example:"a one-off evaluation"`
}

// ApprovalPath names an approval.
type ApprovalPath struct {
	ID string `path:"id" example:"apr_01h455vb4pex5vsknk084sn02q"`
}

// NewApproval shows a reservation that needs approval, as every reader of it gets it.
func NewApproval(r *governance.Reservation) Approval {
	return Approval{
		ID: r.ID.As(peal.ApprovalPrefix), ReservationID: r.ID.String(), Status: approvalStatus(r), Model: r.Model, Key: r.Key, Team: r.Team,
		User: r.User, Agent: r.Agent, EstimatedCost: Amount(r.Cost), Threshold: Amount(r.Threshold), RequestedAt: r.CreatedAt.UTC(),
		ExpiresAt: r.ExpiresAt.UTC(), DecidedAt: moment(r.DecidedAt), DecidedBy: r.DecidedBy, Reason: r.DecidedReason,
	}
}

func approvalStatus(r *governance.Reservation) string {
	switch {
	case r.Status == governance.Waiting:
		return "pending"
	case r.Status == governance.Denied:
		return "denied"
	case !r.DecidedAt.IsZero():
		return "approved"
	case r.Status == governance.Released:
		return "withdrawn"
	}
	return "expired"
}

func (a *api) approvalRoutes() {
	tags := []string{"Governance"}
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-approvals", Method: http.MethodGet, Path: "/v1/approvals", Tags: tags, Summary: "List what people were asked about",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		PageQuery
		Status string `query:"status" enum:"pending" doc:"Only those that wait."`
	},
	) (*body[List[Approval]], error) {
		var status governance.Status
		if in.Status != "" {
			status = governance.Waiting
		}
		rows, next, err := a.Governance.Reader.Approvals(ctx, who.Org, status, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(rows, next, NewApproval), nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-approval", Method: http.MethodGet, Path: "/v1/approvals/{id}", Tags: tags, Summary: "Get an approval",
	}, func(ctx context.Context, who auth.Identity, in *ApprovalPath) (*body[Approval], error) {
		id, err := pathID(peal.ParseReservationID, in.ID, "approval")
		if err != nil {
			return nil, err
		}
		r, err := a.Governance.Reader.Reservation(ctx, who.Org, id)
		if err == nil && !r.NeedsApproval || peal.CodeOf(err) == peal.CodeNotFound {
			err = peal.NotFound("approval")
		}
		return answerShown(r, err, NewApproval)
	})
	for _, d := range []struct {
		name, summary string
		deed          governance.Deed
	}{{"approve", "Allow a request", governance.Approve}, {"deny", "Deny a request", governance.Deny}} {
		register(a, peal.Admin, huma.Operation{
			OperationID: d.name + "-approval", Method: http.MethodPost, Path: "/v1/approvals/{id}/" + d.name, Tags: tags,
			Summary: d.summary, Errors: []int{http.StatusConflict},
		}, func(ctx context.Context, who auth.Identity, in *struct {
			ApprovalPath
			Body *ApprovalDecision
		},
		) (*body[Approval], error) {
			id, err := pathID(peal.ParseReservationID, in.ID, "approval")
			if err != nil {
				return nil, err
			}
			decision := cmp.Or(in.Body, &ApprovalDecision{})
			r, err := a.Governance.Close(ctx, who.Org, governance.Closing{
				ID: id, Deed: d.deed, By: cmp.Or(decision.By, who.Actor), Reason: decision.Reason,
			})
			if peal.CodeOf(err) == peal.CodeNotFound {
				err = peal.NotFound("approval")
			}
			return answerShown(r, err, NewApproval)
		})
	}
}
