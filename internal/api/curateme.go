package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// The surface of Curate-Me's admin API. Its webhooks are endpoints of the profile
// curate-me, whose ids read wh_….

// CurateMeWebhook is a webhook as Curate-Me prints it.
type CurateMeWebhook struct {
	ID        string         `json:"id" example:"wh_01h455vb4pex5vsknk084sn02q"`
	URL       string         `json:"url" example:"https://your-app.com/webhooks/curate-me"`
	Events    []peal.Pattern `json:"events" nullable:"false" example:"budget.exceeded,agent.failed"`
	Status    string         `json:"status" enum:"active,paused,disabled"`
	CreatedAt string         `json:"created_at" example:"2026-05-04T15:00:00Z"`
	Secret    string         `json:"secret,omitempty" doc:"Only when it was made up, and only once."`
}

// CurateMeWebhooks lists webhooks.
type CurateMeWebhooks struct {
	Webhooks []CurateMeWebhook `json:"webhooks" nullable:"false"`
	Total    int               `json:"total" example:"1"`
}

// CurateMeCreate registers a webhook. Members that it does not know are ignored.
type CurateMeCreate struct {
	_      struct{} `additionalProperties:"true"`
	URL    string   `json:"url" example:"https://your-app.com/webhooks/curate-me"`
	Events []string `json:"events,omitempty" nullable:"false" example:"budget.exceeded,agent.failed"`
	Secret string   `json:"secret,omitempty" example:"whsec_your_signing_secret"`
}

// CurateMePatch changes a webhook; what is absent stays.
type CurateMePatch struct {
	_      struct{} `additionalProperties:"true"`
	URL    *string  `json:"url,omitempty" example:"https://your-app.com/webhooks/v2/curate-me"`
	Events []string `json:"events,omitempty" nullable:"false"`
	Secret string   `json:"secret,omitempty"`
}

// CurateMeDelivery is a row of the delivery history.
type CurateMeDelivery struct {
	ID         peal.DeliveryID `json:"id" example:"dlv_01h455vb4pex5vsknk084sn02q"`
	EventType  string          `json:"event_type" example:"budget.exceeded"`
	Status     peal.Status     `json:"status" example:"succeeded"`
	StatusCode *int            `json:"status_code" example:"200" doc:"Of the last attempt, null where no answer came."`
	LatencyMS  *int64          `json:"latency_ms" example:"42" doc:"Of the last attempt."`
	RetryCount int             `json:"retry_count"`
	CreatedAt  string          `json:"created_at" example:"2026-05-04T15:00:00Z"`
}

// CurateMeDeliveries is a part of the delivery history, newest first.
type CurateMeDeliveries struct {
	Deliveries []CurateMeDelivery `json:"deliveries" nullable:"false"`
	Total      int                `json:"total" example:"1"`
}

// curateMeTime is RFC 3339 to the second, in UTC.
func curateMeTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func showCurateMe(ep *peal.Endpoint) CurateMeWebhook {
	return CurateMeWebhook{
		ID: ep.ID.As("wh_"), URL: ep.URL, Events: patternsOf(ep), Status: string(ep.Status), CreatedAt: curateMeTime(ep.CreatedAt),
	}
}

func showCurateMeDelivery(d peal.Delivery) CurateMeDelivery {
	row := CurateMeDelivery{
		ID: d.ID, EventType: d.EventType, Status: d.Status, StatusCode: unlessZero(d.LastStatusCode),
		RetryCount: d.RetryCount(), CreatedAt: curateMeTime(d.CreatedAt),
	}
	if n := len(d.Attempts); n > 0 {
		ms := milliseconds(d.Attempts[n-1].Duration)
		row.LatencyMS = &ms
	}
	return row
}

// OffsetQuery asks for a part of the delivery history.
type OffsetQuery struct {
	Offset int `query:"offset" minimum:"0" default:"0"`
	Limit  int `query:"limit" minimum:"1" default:"20" doc:"At most 500."`
}

func (a *api) curateMeRoutes() {
	const path = "/api/v1/admin/webhooks"
	tags := []string{"Curate-Me"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "curate-me-create", Method: http.MethodPost, Path: path, Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Register a webhook", Errors: []int{http.StatusPaymentRequired},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body CurateMeCreate }) (*body[CurateMeWebhook], error) {
		draft := &peal.Endpoint{Org: who.Org, Kind: "webhook", Profile: "curate-me", URL: in.Body.URL, Events: patterns(in.Body.Events)}
		setSecret(draft, in.Body.Secret)
		ep, secret, err := a.Settings.CreateEndpoint(ctx, who.Actor, draft)
		if err != nil {
			return nil, err
		}
		out := showCurateMe(ep)
		if in.Body.Secret == "" {
			out.Secret = secret
		}
		return &body[CurateMeWebhook]{out}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "curate-me-list", Method: http.MethodGet, Path: path, Tags: tags,
		Summary: "List webhooks", Description: "All webhooks of the org, whatever their profile.",
	}, func(_ context.Context, who auth.Identity, _ *struct{}) (*body[CurateMeWebhooks], error) {
		all, err := a.allEndpoints(who.Org)
		if err != nil {
			return nil, err
		}
		out := CurateMeWebhooks{Webhooks: []CurateMeWebhook{}}
		for _, ep := range all {
			if ep.Kind == "webhook" {
				out.Webhooks = append(out.Webhooks, showCurateMe(ep))
			}
		}
		out.Total = len(out.Webhooks)
		return &body[CurateMeWebhooks]{out}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "curate-me-get", Method: http.MethodGet, Path: path + "/{id}", Tags: tags, Summary: "Get a webhook",
	}, func(_ context.Context, who auth.Identity, in *EndpointPath) (*body[CurateMeWebhook], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[CurateMeWebhook]{showCurateMe(ep)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "curate-me-update", Method: http.MethodPatch, Path: path + "/{id}", Tags: tags, Summary: "Change a webhook",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EndpointPath
		Body CurateMePatch
	},
	) (*body[CurateMeWebhook], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		ep, err = a.Settings.UpdateEndpoint(ctx, who.Actor, who.Org, ep.ID, func(ep *peal.Endpoint) error {
			if in.Body.URL != nil {
				ep.URL = *in.Body.URL
			}
			if in.Body.Events != nil {
				ep.Events = patterns(in.Body.Events)
			}
			setSecret(ep, in.Body.Secret)
			return nil
		})
		if err != nil {
			return nil, err
		}
		return &body[CurateMeWebhook]{showCurateMe(ep)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "curate-me-delete", Method: http.MethodDelete, Path: path + "/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a webhook",
	}, func(ctx context.Context, who auth.Identity, in *EndpointPath) (*none, error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		return nil, a.Settings.DeleteEndpoint(ctx, who.Actor, who.Org, ep.ID)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "curate-me-deliveries", Method: http.MethodGet, Path: path + "/{id}/deliveries", Tags: tags,
		Summary: "View the delivery history", Description: "A row a delivery, newest first, without suppressed ones.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EndpointPath
		OffsetQuery
	},
	) (*body[CurateMeDeliveries], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		rows, total, err := a.Deliveries.DeliveriesOffset(ctx, who.Org, ep.ID, in.Offset, min(in.Limit, peal.MaxPageSize))
		if err != nil {
			return nil, err
		}
		out := CurateMeDeliveries{Deliveries: make([]CurateMeDelivery, len(rows)), Total: total}
		for i, d := range rows {
			out.Deliveries[i] = showCurateMeDelivery(d)
		}
		return &body[CurateMeDeliveries]{out}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "curate-me-retry", Method: http.MethodPost, Path: path + "/{id}/deliveries/{delivery_id}/retry", Tags: tags, DefaultStatus: http.StatusAccepted,
		Summary: "Retry a delivery", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EndpointPath
		DeliveryID string `path:"delivery_id" example:"dlv_01h455vb4pex5vsknk084sn02q"`
	},
	) (*body[CurateMeDelivery], error) {
		ep, err := a.endpoint(who, in.ID)
		if err != nil {
			return nil, err
		}
		d, err := a.delivery(ctx, who, in.DeliveryID)
		if err != nil {
			return nil, err
		}
		if d.EndpointID != ep.ID {
			return nil, peal.NotFound("delivery")
		}
		if d, err = a.audited(ctx, who, d.ID, "delivery.retry", a.Dispatcher.Retry); err != nil {
			return nil, err
		}
		return &body[CurateMeDelivery]{showCurateMeDelivery(*d)}, nil
	})
}

// allEndpoints is for surfaces whose lists have no pages.
func (a *api) allEndpoints(org string) ([]*peal.Endpoint, error) {
	var all []*peal.Endpoint
	p := peal.Page{Limit: peal.MaxPageSize}
	for {
		rows, next, err := a.Directory.Endpoints(org, p)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if next == "" {
			return all, nil
		}
		p.Cursor = next
	}
}
