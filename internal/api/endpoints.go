package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/settings"
)

// EndpointPath names an endpoint.
type EndpointPath struct {
	ID string `path:"id" example:"ep_01h455vb4pex5vsknk084sn02q" doc:"wh_… is taken too."`
}

// endpoint finds the endpoint that a path names.
func (a *api) endpoint(who auth.Identity, id string) (*peal.Endpoint, error) {
	parsed, err := peal.ParseEndpointID(id)
	if err != nil {
		return nil, peal.NotFound("endpoint")
	}
	ep, ok := a.Directory.EndpointOf(who.Org, parsed)
	if !ok {
		return nil, peal.NotFound("endpoint")
	}
	return ep, nil
}

func (a *api) endpointRoutes() {
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-endpoint", Method: http.MethodPost, Path: "/v1/endpoints", Tags: []string{"Endpoints"}, DefaultStatus: http.StatusCreated,
		Summary: "Create an endpoint", Description: "The answer holds the signing secret, once.", Errors: []int{http.StatusPaymentRequired},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body EndpointCreate }) (*body[EndpointWithSecret], error) {
		draft, err := a.draft(who.Org, &in.Body)
		if err != nil {
			return nil, err
		}
		ep, secret, err := a.Settings.CreateEndpoint(ctx, who.Actor, draft)
		if err != nil {
			return nil, err
		}
		return &body[EndpointWithSecret]{EndpointWithSecret{a.showEndpoint(ep), secret}}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-endpoints", Method: http.MethodGet, Path: "/v1/endpoints", Tags: []string{"Endpoints"}, Summary: "List endpoints",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Endpoint]], error) {
		rows, next, err := a.Directory.Endpoints(who.Org, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(rows, next, a.showEndpoint), nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-endpoint", Method: http.MethodGet, Path: "/v1/endpoints/{id}", Tags: []string{"Endpoints"}, Summary: "Get an endpoint",
	}, func(_ context.Context, who auth.Identity, in *EndpointPath) (*body[Endpoint], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[Endpoint]{a.showEndpoint(ep)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-endpoint", Method: http.MethodPatch, Path: "/v1/endpoints/{id}", Tags: []string{"Endpoints"},
		Summary: "Change an endpoint", Description: "What is absent stays; null resets it.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EndpointPath
		Body EndpointPatch
	},
	) (*body[Endpoint], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		return a.shown(a.Settings.UpdateEndpoint(ctx, who.Actor, who.Org, ep.ID, func(ep *peal.Endpoint) error {
			return a.change(ep, &in.Body)
		}))
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-endpoint", Method: http.MethodDelete, Path: "/v1/endpoints/{id}", Tags: []string{"Endpoints"}, DefaultStatus: http.StatusNoContent,
		Summary: "Delete an endpoint", Description: "Its waiting deliveries are cancelled.",
	}, func(ctx context.Context, who auth.Identity, in *EndpointPath) (*none, error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		return nil, a.Settings.DeleteEndpoint(ctx, who.Actor, who.Org, ep.ID)
	})
}

func (a *api) shown(ep *peal.Endpoint, err error) (*body[Endpoint], error) {
	if err != nil {
		return nil, err
	}
	return &body[Endpoint]{a.showEndpoint(ep)}, nil
}

// SecretRotation replaces an endpoint's signing secret.
type SecretRotation struct {
	Overlap string `json:"overlap,omitempty" example:"24h" doc:"How long the old secret stays valid beside the new one; 24h where absent."`
	Secret  string `json:"secret,omitempty" doc:"The new secret; made up where absent."`
}

// wanted is what a request asks for, which may have no body.
func (r *SecretRotation) wanted() (secret string, overlap time.Duration, err error) {
	if r == nil {
		return "", settings.DefaultOverlap, nil
	}
	if r.Overlap == "" {
		return r.Secret, settings.DefaultOverlap, nil
	}
	overlap, err = duration("overlap", r.Overlap)
	return r.Secret, overlap, err
}

// EndpointTest chooses what a test sends.
type EndpointTest struct {
	Type string `json:"type,omitempty" example:"budget.exceeded" doc:"A type of the catalogue, whose example is sent; peal.test where absent."`
}

// TestResult is how a test went.
type TestResult struct {
	Success    bool            `json:"success" example:"true"`
	StatusCode int             `json:"status_code" example:"200" doc:"0 where no answer came."`
	Message    string          `json:"message" example:"Delivered: the receiver answered 200."`
	EventID    peal.EventID    `json:"event_id" example:"evt_01h455vb4pex5vsknk084sn02q"`
	DeliveryID peal.DeliveryID `json:"delivery_id" example:"dlv_01h455vb4pex5vsknk084sn02q"`
}

func (a *api) endpointActionRoutes() {
	register(a, peal.Admin, huma.Operation{
		OperationID: "rotate-endpoint-secret", Method: http.MethodPost, Path: "/v1/endpoints/{id}/rotate-secret", Tags: []string{"Endpoints"},
		Summary: "Replace the signing secret", Description: "The answer holds the new secret, once. Formats with room for two signatures carry both during the overlap, the others the new one.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EndpointPath
		Body *SecretRotation
	},
	) (*body[EndpointWithSecret], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		want, overlap, err := in.Body.wanted()
		if err != nil {
			return nil, err
		}
		ep, secret, err := a.Settings.RotateSecret(ctx, who.Actor, who.Org, ep.ID, want, overlap)
		if err != nil {
			return nil, err
		}
		return &body[EndpointWithSecret]{EndpointWithSecret{a.showEndpoint(ep), secret}}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "pause-endpoint", Method: http.MethodPost, Path: "/v1/endpoints/{id}/pause", Tags: []string{"Endpoints"},
		Summary: "Pause an endpoint", Description: "Deliveries wait until it is resumed.",
	}, func(ctx context.Context, who auth.Identity, in *EndpointPath) (*body[Endpoint], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		return a.shown(a.Settings.Pause(ctx, who.Actor, who.Org, ep.ID))
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "resume-endpoint", Method: http.MethodPost, Path: "/v1/endpoints/{id}/resume", Tags: []string{"Endpoints"},
		Summary: "Resume a paused or disabled endpoint", Description: "What waited is delivered.",
	}, func(ctx context.Context, who auth.Identity, in *EndpointPath) (*body[Endpoint], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		return a.shown(a.Settings.Resume(ctx, who.Actor, who.Org, ep.ID))
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "test-endpoint", Method: http.MethodPost, Path: "/v1/endpoints/{id}/test", Tags: []string{"Endpoints"},
		Summary: "Send a test event", Description: "Sends at once, whatever the endpoint's status and subscription, and tells how it went.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EndpointPath
		Body *EndpointTest
	},
	) (*body[TestResult], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		var want EndpointTest
		if in.Body != nil {
			want = *in.Body
		}
		r, err := a.Publisher.Test(ctx, ep, want.Type)
		return answer(TestResult{r.Success, r.StatusCode, r.Message, r.EventID, r.DeliveryID}, err)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-endpoint-deliveries", Method: http.MethodGet, Path: "/v1/endpoints/{id}/deliveries", Tags: []string{"Endpoints", "Deliveries"},
		Summary: "List an endpoint's deliveries",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EndpointPath
		DeliveryQuery
	},
	) (*body[List[Delivery]], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		f := in.filter(who.Org)
		f.Endpoint = ep.ID
		return a.deliveries(ctx, f, in.page())
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "endpoint-stats", Method: http.MethodGet, Path: "/v1/endpoints/{id}/stats", Tags: []string{"Endpoints"},
		Summary: "Count an endpoint's deliveries", Description: "Over the last 24 hours, unless since or until say otherwise.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EndpointPath
		TimeRange
	},
	) (*body[peal.Stats], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		since, until := in.span(a.Now())
		return answer(a.Deliveries.Stats(ctx, who.Org, ep.ID, since, until))
	})
}
