package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// Delivery is one event for one endpoint.
type Delivery struct {
	ID             peal.DeliveryID `json:"id" example:"dlv_01h455vb4pex5vsknk084sn02q"`
	EventID        string          `json:"event_id" example:"evt_01h455vb4pex5vsknk084sn02q" doc:"As the event's publisher knows it."`
	EventType      string          `json:"event_type" example:"budget.exceeded"`
	EndpointID     peal.EndpointID `json:"endpoint_id" example:"ep_01h455vb4pex5vsknk084sn02q"`
	GroupID        string          `json:"group_id,omitempty" example:"grp_01h455vb4pex5vsknk084sn02q" doc:"The group that it is collected with; absent where it goes by itself."`
	Status         peal.Status     `json:"status" example:"succeeded" enum:"pending,retrying,succeeded,dead,dropped,suppressed,cancelled"`
	Reason         string          `json:"reason" doc:"Why it was suppressed, dropped or cancelled."`
	AttemptCount   int             `json:"attempt_count" example:"1"`
	RetryCount     int             `json:"retry_count" doc:"The attempts after the first."`
	NextAttemptAt  *time.Time      `json:"next_attempt_at" doc:"Null where nothing is due."`
	LastStatusCode *int            `json:"last_status_code" example:"200" doc:"Null where no answer came."`
	LastError      *string         `json:"last_error" doc:"Null after a success."`
	CreatedAt      time.Time       `json:"created_at"`
	FinishedAt     *time.Time      `json:"finished_at"`
}

// DeliveryWithAttempts is a delivery with its last 50 attempts, oldest first.
type DeliveryWithAttempts struct {
	Delivery
	Attempts []Attempt `json:"attempts" nullable:"false"`
}

// Attempt is one try of a delivery.
type Attempt struct {
	Number         int               `json:"number" example:"1"`
	StartedAt      time.Time         `json:"started_at"`
	DurationMS     float64           `json:"duration_ms" example:"12.345" doc:"Milliseconds, to the microsecond."`
	StatusCode     *int              `json:"status_code" example:"200" doc:"Null where no answer came."`
	Error          *string           `json:"error" doc:"Null after a success."`
	Events         int               `json:"events,omitempty" example:"12" doc:"How many events the message was sent for, this delivery's among them; absent for one."`
	RequestHeaders map[string]string `json:"request_headers" doc:"Values of the endpoint's own headers read ***."`
	ResponseBody   string            `json:"response_body" example:"ok" doc:"The first 1 KiB."`
}

func showDelivery(d peal.Delivery) Delivery {
	out := Delivery{
		ID: d.ID, EventID: d.ClientID, EventType: d.EventType, EndpointID: d.EndpointID, Status: d.Status, Reason: d.Reason,
		AttemptCount: d.AttemptCount, RetryCount: d.RetryCount(), NextAttemptAt: moment(d.NextAttemptAt),
		LastStatusCode: unlessZero(d.LastStatusCode), LastError: unlessZero(d.LastError),
		CreatedAt: d.CreatedAt.UTC(), FinishedAt: moment(d.FinishedAt),
	}
	if !d.Group.IsZero() {
		out.GroupID = d.Group.String()
	}
	if out.EventID == "" {
		out.EventID = d.EventID.String()
	}
	return out
}

func unlessZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func (a *api) showAttempts(d *peal.Delivery) DeliveryWithAttempts {
	out := DeliveryWithAttempts{showDelivery(*d), make([]Attempt, len(d.Attempts))}
	for i, at := range d.Attempts {
		out.Attempts[i] = Attempt{
			Number: at.Number, StartedAt: at.StartedAt.UTC(), DurationMS: float64(at.Duration.Microseconds()) / 1000,
			StatusCode: unlessZero(at.StatusCode), Error: unlessZero(at.Error),
			Events: at.Events, RequestHeaders: a.showRequestHeaders(&at), ResponseBody: at.ResponseBody,
		}
	}
	return out
}

// showRequestHeaders hides every value that the attempt's profile did not write,
// since the endpoint's own headers may hold secrets.
func (a *api) showRequestHeaders(at *peal.Attempt) map[string]string {
	out := showHeaders(at.RequestHeaders)
	p, ok := a.Profiles.Get(at.Profile)
	if !ok {
		return out
	}
	for _, name := range p.Headers {
		if value, ok := at.RequestHeaders[name]; ok {
			out[name] = value
		}
	}
	return out
}

// TimeRange bounds the time of creation.
type TimeRange struct {
	Since time.Time `query:"since" doc:"From this time on, RFC 3339."`
	Until time.Time `query:"until" doc:"Before this time, RFC 3339."`
}

// DeliveryQuery selects deliveries, whatever their endpoint and event.
type DeliveryQuery struct {
	PageQuery
	TimeRange
	Status string `query:"status" enum:"pending,retrying,succeeded,dead,dropped,suppressed,cancelled"`
	Type   string `query:"type" example:"budget.exceeded" doc:"The event's type, or a prefix such as budget.*."`
}

func (q *DeliveryQuery) filter(org string) peal.DeliveryFilter {
	return peal.DeliveryFilter{Org: org, Status: peal.Status(q.Status), Type: q.Type, Since: q.Since, Until: q.Until}
}

// DeliveryPath names a delivery.
type DeliveryPath struct {
	ID string `path:"id" example:"dlv_01h455vb4pex5vsknk084sn02q"`
}

func (a *api) deliveries(ctx context.Context, f peal.DeliveryFilter, p peal.Page) (*body[List[Delivery]], error) {
	rows, next, err := a.Deliveries.Deliveries(ctx, f, p)
	if err != nil {
		return nil, err
	}
	return listOf(rows, next, showDelivery), nil
}

func (a *api) delivery(ctx context.Context, who auth.Identity, id string) (*peal.Delivery, error) {
	parsed, err := pathID(peal.ParseDeliveryID, id, "delivery")
	if err != nil {
		return nil, err
	}
	return a.Deliveries.Delivery(ctx, who.Org, parsed)
}

func (a *api) deliveryRoutes() {
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-deliveries", Method: http.MethodGet, Path: "/v1/deliveries", Tags: []string{"Deliveries"}, Summary: "List deliveries",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		DeliveryQuery
		Endpoint string `query:"endpoint" doc:"ep_… or wh_…"`
		Event    string `query:"event" doc:"The event's id."`
		Group    string `query:"group" doc:"grp_…: the events of a group."`
	},
	) (_ *body[List[Delivery]], err error) {
		f := in.filter(who.Org)
		if in.Endpoint != "" {
			// Also one that is deleted: its deliveries are still the org's.
			if f.Endpoint, err = peal.ParseEndpointID(in.Endpoint); err != nil || f.Endpoint.IsZero() {
				return nil, peal.Invalid("endpoint", "endpoint must be an id of the form ep_…")
			}
		}
		if in.Group != "" {
			if f.Group, err = peal.ParseGroupID(in.Group); err != nil || f.Group.IsZero() {
				return nil, peal.Invalid("group", "group must be an id of the form grp_…")
			}
		}
		if in.Event != "" {
			ev, err := a.Events.Event(ctx, who.Org, in.Event)
			if err != nil {
				return nil, err
			}
			f.Event = ev.ID
		}
		return a.deliveries(ctx, f, in.page())
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-delivery", Method: http.MethodGet, Path: "/v1/deliveries/{id}", Tags: []string{"Deliveries"},
		Summary: "Get a delivery with its attempts",
	}, func(ctx context.Context, who auth.Identity, in *DeliveryPath) (*body[DeliveryWithAttempts], error) {
		d, err := a.delivery(ctx, who, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[DeliveryWithAttempts]{a.showAttempts(d)}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-delivery-payload", Method: http.MethodGet, Path: "/v1/deliveries/{id}/payload", Tags: []string{"Deliveries"},
		Summary: "Get the exact bytes that were sent", Errors: []int{http.StatusGone},
		Description: "The body of the last attempt, or of the one that is named. 410 where it cannot be rendered the same again, as after a change of the profile.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The bytes", Content: map[string]*huma.MediaType{"application/json": {
				Schema:  &huma.Schema{},
				Example: map[string]any{"type": "budget.exceeded", "timestamp": "2026-05-04T15:00:00Z", "data": map[string]any{"total": 99.9}},
			}},
		}},
	}, func(ctx context.Context, who auth.Identity, in *struct {
		DeliveryPath
		Attempt int `query:"attempt" minimum:"1" doc:"The attempt's number."`
	},
	) (*raw, error) {
		d, err := a.delivery(ctx, who, in.ID)
		if err != nil {
			return nil, err
		}
		payload, contentType, err := a.Dispatcher.Payload(ctx, d, in.Attempt)
		if err != nil {
			return nil, err
		}
		return &raw{ContentType: contentType, Body: payload}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "retry-delivery", Method: http.MethodPost, Path: "/v1/deliveries/{id}/retry", Tags: []string{"Deliveries"}, DefaultStatus: http.StatusAccepted,
		Summary: "Try a delivery again now", Description: "A finished one starts its schedule anew, under the same id; one that waits becomes due. " +
			"While an attempt is under way the answer waits for its end, for up to 2 s, and is then 409.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *DeliveryPath) (*body[Delivery], error) {
		return a.act(ctx, who, in.ID, "delivery.retry", a.Dispatcher.Retry)
	})
	a.answersWith("/v1/deliveries/{id}/retry", "202", peal.Pending)
	register(a, peal.Admin, huma.Operation{
		OperationID: "cancel-delivery", Method: http.MethodPost, Path: "/v1/deliveries/{id}/cancel", Tags: []string{"Deliveries"},
		Summary: "Cancel a delivery that is not finished", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *DeliveryPath) (*body[Delivery], error) {
		return a.act(ctx, who, in.ID, "delivery.cancel", a.Dispatcher.Cancel)
	})
	a.answersWith("/v1/deliveries/{id}/cancel", "200", peal.Cancelled)
}

// answersWith makes the state that an action leads to the example of its answer.
func (a *api) answersWith(path, code string, status peal.Status) {
	media := a.huma.OpenAPI().Paths[path].Post.Responses[code].Content["application/json"]
	example := a.example(media.Schema, true).(map[string]any)
	example["status"], example["last_status_code"] = status, http.StatusServiceUnavailable
	media.Example = example
}

// raw is a document whose bytes must not be written anew.
type raw struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        []byte
}

// act does something to a delivery and answers with what became of it.
func (a *api) act(ctx context.Context, who auth.Identity, id, action string, do func(context.Context, string, peal.DeliveryID) error) (*body[Delivery], error) {
	d, err := a.delivery(ctx, who, id)
	if err != nil {
		return nil, err
	}
	if d, err = a.audited(ctx, who, d.ID, action, do); err != nil {
		return nil, err
	}
	return &body[Delivery]{showDelivery(*d)}, nil
}

// audited does something to a delivery, once it stands in the audit trail, and reads
// the delivery again.
func (a *api) audited(ctx context.Context, who auth.Identity, id peal.DeliveryID, action string, do func(context.Context, string, peal.DeliveryID) error) (*peal.Delivery, error) {
	if err := a.Settings.Record(ctx, who.Org, who.Actor, action, id.String(), nil); err != nil {
		return nil, err
	}
	if err := do(ctx, who.Org, id); err != nil {
		return nil, err
	}
	return a.Deliveries.Delivery(ctx, who.Org, id)
}
