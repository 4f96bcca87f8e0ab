package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
)

// Event is an accepted event, as it is listed.
type Event struct {
	ID         string        `json:"id" example:"evt_01h455vb4pex5vsknk084sn02q" doc:"The id that its publisher chose, or the one that it was given."`
	WebhookID  peal.EventID  `json:"webhook_id" example:"evt_01h455vb4pex5vsknk084sn02q" doc:"The id that receivers see in the header webhook-id."`
	Type       string        `json:"type" example:"budget.exceeded"`
	Source     string        `json:"source" example:"gateway"`
	Subject    string        `json:"subject"`
	Severity   peal.Severity `json:"severity" enum:"info,warning,high,critical"`
	Title      string        `json:"title"`
	Message    string        `json:"message"`
	Time       time.Time     `json:"time" doc:"When it happened."`
	AcceptedAt time.Time     `json:"accepted_at"`
}

// EventWithData is an accepted event as a whole.
type EventWithData struct {
	Event
	Data    json.RawMessage `json:"data" example:"{\"total\":99.9}" doc:"As it was sent, without white space."`
	Explain []Verdict       `json:"explain,omitempty" nullable:"false" doc:"With explain=true: what became of it at each of the org's endpoints."`
}

// Verdict says what became of an event at one endpoint.
type Verdict struct {
	EndpointID peal.EndpointID `json:"endpoint_id" example:"ep_01h455vb4pex5vsknk084sn02q"`
	Name       string          `json:"name" doc:"The endpoint's."`
	DeliveryID *string         `json:"delivery_id" doc:"Null where there is no delivery."`
	Outcome    string          `json:"outcome" example:"filter" doc:"delivered; a delivery's state (pending, retrying, dead, dropped, cancelled); or why the endpoint did not get it: type, binding, filter, dedup, silence, mute_hours, repeat, paused, disabled, later (it was created after the event), changed (its subscription was another then; the event would match now)."`
	Detail     string          `json:"detail,omitempty" example:"no such key: total" doc:"What suppressed the delivery, such as a silence's id; or why the endpoint's filter, as it is now, cannot be answered for the event. Absent where there is nothing to say."`
}

func showEvent(ev *peal.Event) Event {
	return Event{
		ev.PublicID(), ev.ID, ev.Type, ev.Source, ev.Subject, ev.Severity, ev.Title, ev.Message,
		ev.Time.UTC(), ev.AcceptedAt.UTC(),
	}
}

func showVerdicts(verdicts []publish.Verdict) []Verdict {
	out := make([]Verdict, len(verdicts))
	for i, v := range verdicts {
		out[i] = Verdict{EndpointID: v.Endpoint, Name: v.Name, Outcome: v.Outcome, Detail: v.Detail}
		if !v.Delivery.IsZero() {
			id := v.Delivery.String()
			out[i].DeliveryID = &id
		}
	}
	return out
}

// EventList is a page of events.
type EventList struct {
	List[Event]
	SearchedBackTo *time.Time `json:"searched_back_to,omitempty" doc:"With text, where there is more to search: the time of acceptance that this page looked back to. next_cursor searches on from there."`
}

// EventPath names an event.
type EventPath struct {
	ID string `path:"id" example:"evt_01h455vb4pex5vsknk084sn02q" doc:"The id that the event was given or that its publisher chose, percent-encoded."`
}

func (a *api) eventRoutes() {
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/events", Tags: []string{"Events"},
		Summary: "List events",
		Description: "Without their data. With `text`, those that have it in their type, subject, title, message or data, in upper or lower case. No index is kept " +
			"for that: a page looks at 10,000 events at the most and for a second, from the newest on. Where it stops, `next_cursor` searches on, " +
			"also where the page is short or empty, and `searched_back_to` says how far it came.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		PageQuery
		TimeRange
		Type    string `query:"type" example:"budget.exceeded" doc:"A type, or a prefix such as budget.*."`
		Subject string `query:"subject"`
		Text    string `query:"text" maxLength:"256" example:"gpt-4.1" doc:"What to search for."`
	},
	) (*body[EventList], error) {
		f := peal.EventFilter{Org: who.Org, Type: in.Type, Subject: in.Subject, Since: in.Since, Until: in.Until}
		if in.Text != "" {
			found, err := a.Events.SearchEvents(ctx, f, in.Text, in.page())
			if err != nil {
				return nil, err
			}
			return &body[EventList]{EventList{listOf(found.Events, found.Cursor, showEvent).Body, moment(found.Back)}}, nil
		}
		rows, next, err := a.Events.Events(ctx, f, in.page())
		if err != nil {
			return nil, err
		}
		return &body[EventList]{EventList{List: listOf(rows, next, showEvent).Body}}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-event", Method: http.MethodGet, Path: "/v1/events/{id}", Tags: []string{"Events"},
		Summary: "Get an event", Description: "explain=true adds, for each endpoint of the org, why it got the event or not.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EventPath
		Explain bool `query:"explain"`
	},
	) (*body[EventWithData], error) {
		ev, err := a.Events.Event(ctx, who.Org, in.ID)
		if err != nil {
			return nil, err
		}
		out := EventWithData{Event: showEvent(ev), Data: ev.Data}
		if in.Explain {
			verdicts, err := a.Publisher.Explain(ctx, ev)
			if err != nil {
				return nil, err
			}
			out.Explain = showVerdicts(verdicts)
		}
		return &body[EventWithData]{out}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-event-deliveries", Method: http.MethodGet, Path: "/v1/events/{id}/deliveries", Tags: []string{"Events", "Deliveries"},
		Summary: "List an event's deliveries",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EventPath
		PageQuery
	},
	) (*body[List[Delivery]], error) {
		ev, err := a.Events.Event(ctx, who.Org, in.ID)
		if err != nil {
			return nil, err
		}
		return a.deliveries(ctx, peal.DeliveryFilter{Org: who.Org, Event: ev.ID}, in.page())
	})
}
