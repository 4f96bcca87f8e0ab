package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// Request is something that somebody asked for.
type Request struct {
	ID                peal.RequestID  `json:"id" example:"req_01h455vb4pex5vsknk084sn02q"`
	Offering          *string         `json:"offering" example:"svc_01h455vb4pex5vsknk084sn02q" doc:"What was requested; serviceId in events."`
	Title             string          `json:"title" example:"New laptop request"`
	Description       string          `json:"description"`
	Status            string          `json:"status" enum:"PENDING,ACCEPTED,COMPLETED,CANCELLED"`
	Priority          string          `json:"priority" enum:"LOW,MEDIUM,HIGH,URGENT"`
	CreatedBy         string          `json:"created_by" example:"user_def456"`
	Data              json.RawMessage `json:"data" doc:"Whatever belongs to it."`
	Parent            *string         `json:"parent" doc:"The request whose workflow opened this one."`
	ExecutionID       *string         `json:"execution_id" doc:"The execution that works on it."`
	OriginExecutionID *string         `json:"origin_execution_id" doc:"The execution whose step opened it."`
	CancelReason      *string         `json:"cancel_reason"`
	SLA               *SLA            `json:"sla" doc:"The offering's when the request was opened."`
	AcceptDueAt       *time.Time      `json:"accept_due_at"`
	CompleteDueAt     *time.Time      `json:"complete_due_at"`
	Breached          []string        `json:"breached" nullable:"false" doc:"The targets that were missed, or are by now: RESPONSE, RESOLUTION."`
	CreatedAt         time.Time       `json:"created_at"`
	AcceptedAt        *time.Time      `json:"accepted_at"`
	FinishedAt        *time.Time      `json:"finished_at"`
}

// RequestCreate opens a request.
type RequestCreate struct {
	Offering    string          `json:"offering,omitempty" example:"svc_01h455vb4pex5vsknk084sn02q" doc:"What is requested, for its SLA and its workflow."`
	Title       string          `json:"title,omitempty" example:"New laptop request" doc:"The offering's name where absent."`
	Description string          `json:"description,omitempty"`
	Priority    string          `json:"priority,omitempty" enum:"LOW,MEDIUM,HIGH,URGENT" doc:"MEDIUM where absent."`
	CreatedBy   string          `json:"created_by,omitempty" example:"user_def456" doc:"Who requests it; the key's id where absent."`
	Data        json.RawMessage `json:"data,omitempty" doc:"Whatever belongs to it, up to 128 KiB."`
}

// RequestPatch changes what a request says.
type RequestPatch struct {
	Title       Change[string] `json:"title,omitempty"`
	Description Change[string] `json:"description,omitempty"`
	Priority    Change[string] `json:"priority,omitempty"`
}

// RequestCancel may say why.
type RequestCancel struct {
	Reason string `json:"reason,omitempty"`
}

// RequestPath names a request.
type RequestPath struct {
	ID string `path:"id" example:"req_01h455vb4pex5vsknk084sn02q"`
}

// RequestQuery selects requests.
type RequestQuery struct {
	PageQuery
	Offering string `query:"offering" doc:"An offering's id."`
	Status   string `query:"status" enum:"PENDING,ACCEPTED,COMPLETED,CANCELLED"`
	Priority string `query:"priority" enum:"LOW,MEDIUM,HIGH,URGENT"`
}

// spelled is an identifier as an answer has it, null where it is not set.
func spelled[T interface {
	IsZero() bool
	String() string
}](id T,
) *string {
	if id.IsZero() {
		return nil
	}
	return new(id.String())
}

func (a *api) showRequest(r *peal.Request) Request {
	out := Request{
		ID: r.ID, Offering: spelled(r.Offering), Title: r.Title, Description: r.Description, Status: string(r.Status), Priority: string(r.Priority),
		CreatedBy: r.CreatedBy, Data: orNull(r.Data), Parent: spelled(r.Parent), ExecutionID: spelled(r.Execution),
		OriginExecutionID: spelled(r.Origin), CancelReason: optional(r.Reason), SLA: showSLA(r.SLA),
		AcceptDueAt: moment(r.DueAt(peal.TargetResponse)), CompleteDueAt: moment(r.DueAt(peal.TargetResolution)), Breached: []string{},
		CreatedAt: r.CreatedAt, AcceptedAt: moment(r.AcceptedAt), FinishedAt: moment(r.FinishedAt),
	}
	for _, t := range r.Breached(a.Now()) {
		out.Breached = append(out.Breached, string(t))
	}
	return out
}

func requestID(text string) (peal.RequestID, error) {
	id, err := peal.ParseRequestID(text)
	if err != nil {
		return id, peal.NotFound("request")
	}
	return id, nil
}

func offeringID(text string) (id peal.OfferingID, err error) {
	if text == "" {
		return id, nil
	}
	if id, err = peal.ParseOfferingID(text); err != nil {
		return id, peal.Invalid("offering", "%v", err)
	}
	return id, nil
}

func (a *api) requestRoutes() {
	tags := []string{"Requests"}
	register(a, peal.Publisher, huma.Operation{
		OperationID: "create-request", Method: http.MethodPost, Path: "/v1/requests", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Open a request", Description: "It is PENDING until somebody accepts it. Its offering's workflow is started with it. Raises request.created. A repeated Idempotency-Key opens none; with another body it is refused.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		Key  string `header:"Idempotency-Key" doc:"Names the request: a repeat gets what was opened, for as long as that is there."`
		Body RequestCreate
	},
	) (*body[Request], error) {
		n := peal.NewRequest{
			Key: in.Key, Org: who.Org, Title: in.Body.Title, Description: in.Body.Description, CreatedBy: in.Body.CreatedBy,
			Priority: peal.Priority(in.Body.Priority), Data: in.Body.Data,
		}
		if n.CreatedBy == "" {
			n.CreatedBy = who.Actor
		}
		var err error
		if n.Offering, err = offeringID(in.Body.Offering); err != nil {
			return nil, err
		}
		r, err := a.Desk.OpenRequest(ctx, n)
		if err != nil {
			return nil, err
		}
		return &body[Request]{a.showRequest(r)}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-requests", Method: http.MethodGet, Path: "/v1/requests", Tags: tags, Summary: "List requests", Description: "The newest first.",
	}, func(ctx context.Context, who auth.Identity, in *RequestQuery) (*body[List[Request]], error) {
		f := peal.RequestFilter{Org: who.Org, Status: peal.RequestStatus(in.Status), Priority: peal.Priority(in.Priority)}
		var err error
		if f.Offering, err = offeringID(in.Offering); err != nil {
			return nil, err
		}
		rows, next, err := a.Inbox.Requests(ctx, f, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(rows, next, a.showRequest), nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-request", Method: http.MethodGet, Path: "/v1/requests/{id}", Tags: tags, Summary: "Get a request",
	}, func(ctx context.Context, who auth.Identity, in *RequestPath) (*body[Request], error) {
		id, err := requestID(in.ID)
		if err != nil {
			return nil, err
		}
		r, err := a.Inbox.Request(ctx, who.Org, id)
		if err != nil {
			return nil, err
		}
		return &body[Request]{a.showRequest(r)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-request", Method: http.MethodPatch, Path: "/v1/requests/{id}", Tags: tags,
		Summary: "Change what a request says", Description: "What is absent stays; null resets it.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		RequestPath
		Body RequestPatch
	},
	) (*body[Request], error) {
		return a.deal(ctx, who, in.ID, "request.updated", func(ctx context.Context, org string, id peal.RequestID) (*peal.Request, error) {
			return a.Desk.EditRequest(ctx, org, id, in.Body.apply)
		})
	})
	a.requestActionRoutes(tags)
}

func (a *api) requestActionRoutes(tags []string) {
	register(a, peal.Admin, huma.Operation{
		OperationID: "accept-request", Method: http.MethodPost, Path: "/v1/requests/{id}/accept", Tags: tags,
		Summary: "Accept a request", Description: "One that is PENDING. Raises request.accepted.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *RequestPath) (*body[Request], error) {
		return a.deal(ctx, who, in.ID, "request.accepted", a.Desk.AcceptRequest)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "complete-request", Method: http.MethodPost, Path: "/v1/requests/{id}/complete", Tags: tags,
		Summary: "Complete a request", Description: "One that is ACCEPTED. Raises request.completed.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *RequestPath) (*body[Request], error) {
		return a.deal(ctx, who, in.ID, "request.completed", a.Desk.CompleteRequest)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "cancel-request", Method: http.MethodPost, Path: "/v1/requests/{id}/cancel", Tags: tags,
		Summary:     "Cancel a request",
		Description: "One that is PENDING or ACCEPTED. Its open tasks are cancelled; steps that wait for it or for them fail. Raises request.cancelled.",
		Errors:      []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct {
		RequestPath
		Body *RequestCancel
	},
	) (*body[Request], error) {
		return a.deal(ctx, who, in.ID, "request.cancelled", func(ctx context.Context, org string, id peal.RequestID) (*peal.Request, error) {
			reason := ""
			if in.Body != nil {
				reason = in.Body.Reason
			}
			return a.Desk.CancelRequest(ctx, org, id, reason)
		})
	})
}

// deal does what people do to a request, and writes down who did.
func (a *api) deal(ctx context.Context, who auth.Identity, text, action string, do func(ctx context.Context, org string, id peal.RequestID) (*peal.Request, error)) (*body[Request], error) {
	id, err := requestID(text)
	if err != nil {
		return nil, err
	}
	if _, err := a.Inbox.Request(ctx, who.Org, id); err != nil {
		return nil, err
	}
	if err := a.Settings.Record(ctx, who.Org, who.Actor, action, id.String(), nil); err != nil {
		return nil, err
	}
	r, err := do(ctx, who.Org, id)
	if err != nil {
		return nil, err
	}
	return &body[Request]{a.showRequest(r)}, nil
}

func (p *RequestPatch) apply(r *peal.Request) {
	p.Title.apply(&r.Title)
	p.Description.apply(&r.Description)
	if p.Priority.Set {
		if r.Priority = peal.Priority(p.Priority.Value); r.Priority == "" {
			r.Priority = peal.DefaultPriority
		}
	}
}
