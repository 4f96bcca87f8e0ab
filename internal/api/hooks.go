package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/settings"
)

// ReceivedRequest is a request that a hook got.
type ReceivedRequest struct {
	ID          string          `json:"id" example:"rcv_01h455vb4pex5vsknk084sn02q"`
	ReceivedAt  time.Time       `json:"received_at"`
	Verdict     string          `json:"verdict" example:"accepted" doc:"accepted, duplicate, or why it was refused."`
	StatusCode  int             `json:"status_code" example:"202" doc:"What the sender was answered."`
	ExecutionID *string         `json:"execution_id" doc:"The execution that it started or repeated."`
	Method      string          `json:"method" example:"POST"`
	Headers     json.RawMessage `json:"headers" doc:"Credentials are hidden."`
	Query       json.RawMessage `json:"query"`
	Body        json.RawMessage `json:"body" doc:"A text where it was not JSON; null of a duplicate. At most 8 KiB of one that was refused."`
}

// hook finds the hook that a path names.
func (a *api) hook(who auth.Identity, id string) (*peal.Hook, error) {
	if h, ok := directory.Hooks.Get(a.Directory, who.Org, id); ok {
		return h, nil
	}
	return nil, peal.NotFound("hook")
}

func (a *api) hookRoutes() {
	tags := []string{"Hooks"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-hook", Method: http.MethodPost, Path: "/v1/hooks", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Create a hook",
		Description: "An address that other systems call to start a workflow. `verification` is `{scheme, enabled, secret, …}`: the scheme is `peal` where absent, " +
			"verification is on unless `enabled` is false, a secret is made where the sender does not make it, and the scheme's own settings stand beside these. " +
			"The answer holds the secret, once.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body HookCreate }) (*body[HookWithSecret], error) {
		h := peal.Hook{Org: who.Org, Name: in.Body.Name, Offering: in.Body.Offering, RateLimit: in.Body.RateLimit}
		h.Verification = peal.Verification{Scheme: settings.DefaultScheme, Enabled: true}
		var err error
		if h.Workflow, err = workflowID(in.Body.Workflow); err != nil {
			return nil, err
		}
		if err := in.Body.Verification.apply(a, &h); err != nil {
			return nil, err
		}
		made, secret, err := a.Settings.CreateHook(ctx, who.Actor, h)
		if err != nil {
			return nil, err
		}
		return &body[HookWithSecret]{HookWithSecret{a.showHook(a.base(ctx))(made), secret}}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-hooks", Method: http.MethodGet, Path: "/v1/hooks", Tags: tags, Summary: "List hooks",
	}, func(ctx context.Context, who auth.Identity, in *PageQuery) (*body[List[Hook]], error) {
		return listObjects(a, directory.Hooks, who, in, a.showHook(a.base(ctx)))
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-hook", Method: http.MethodGet, Path: "/v1/hooks/{id}", Tags: tags, Summary: "Get a hook",
	}, func(ctx context.Context, who auth.Identity, in *HookPath) (*body[Hook], error) {
		h, err := a.hook(who, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[Hook]{a.showHook(a.base(ctx))(h)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-hook", Method: http.MethodPatch, Path: "/v1/hooks/{id}", Tags: tags,
		Summary: "Change a hook", Description: "What is absent stays; null resets it.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		HookPath
		Body HookPatch
	},
	) (*body[Hook], error) {
		h, err := a.hook(who, in.ID)
		if err != nil {
			return nil, err
		}
		h, err = a.Settings.UpdateHook(ctx, who.Actor, who.Org, h.ID, func(h *peal.Hook) error { return in.Body.apply(a, h) })
		if err != nil {
			return nil, err
		}
		return &body[Hook]{a.showHook(a.base(ctx))(h)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-hook", Method: http.MethodDelete, Path: "/v1/hooks/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a hook", Description: "Executions that it started go on.",
	}, func(ctx context.Context, who auth.Identity, in *HookPath) (*none, error) {
		h, err := a.hook(who, in.ID)
		if err != nil {
			return nil, err
		}
		return nil, a.Settings.DeleteHook(ctx, who.Actor, who.Org, h.ID)
	})
	a.hookActionRoutes(tags)
}

func (a *api) hookActionRoutes(tags []string) {
	register(a, peal.Admin, huma.Operation{
		OperationID: "rotate-hook-secret", Method: http.MethodPost, Path: "/v1/hooks/{id}/rotate-secret", Tags: tags,
		Summary: "Replace a hook's secret", Description: "The answer holds the new secret, once. During the overlap both are good.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		HookPath
		Body *SecretRotation
	},
	) (*body[HookWithSecret], error) {
		h, err := a.hook(who, in.ID)
		if err != nil {
			return nil, err
		}
		want, overlap, err := in.Body.wanted()
		if err != nil {
			return nil, err
		}
		h, secret, err := a.Settings.RotateHookSecret(ctx, who.Actor, who.Org, h.ID, want, overlap)
		if err != nil {
			return nil, err
		}
		return &body[HookWithSecret]{HookWithSecret{a.showHook(a.base(ctx))(h), secret}}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-received", Method: http.MethodGet, Path: "/v1/hooks/{id}/received", Tags: tags,
		Summary: "List what a hook got", Description: "The newest first, for 30 days. Of many that are refused within a short time, some are not kept.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		HookPath
		PageQuery
	},
	) (*body[List[ReceivedRequest]], error) {
		h, err := a.hook(who, in.ID)
		if err != nil {
			return nil, err
		}
		rows, next, err := a.Executions.Received(ctx, who.Org, h.ID, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(rows, next, showReceived), nil
	})
}

func showReceived(r peal.Received) ReceivedRequest {
	out := ReceivedRequest{ID: r.ID.As("rcv_"), ReceivedAt: r.At, Verdict: r.Verdict, StatusCode: r.StatusCode}
	if !r.Execution.IsZero() {
		out.ExecutionID = new(r.Execution.String())
	}
	var request struct {
		Method               string
		Headers, Query, Body json.RawMessage
	}
	if json.Unmarshal(r.Request, &request) == nil {
		out.Method, out.Headers, out.Query, out.Body = request.Method, request.Headers, request.Query, request.Body
	}
	return out
}

func (p *HookPatch) apply(a *api, h *peal.Hook) error {
	p.Name.apply(&h.Name)
	p.Offering.apply(&h.Offering)
	p.RateLimit.apply(&h.RateLimit)
	if p.Workflow.Set {
		var err error
		if h.Workflow, err = workflowID(p.Workflow.Value); err != nil {
			return err
		}
	}
	return p.Verification.Value.apply(a, h)
}
