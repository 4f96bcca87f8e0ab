package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// Replay is a request to deliver again what a filter selects.
type Replay struct {
	ID         string    `json:"id" example:"rpl_01h455vb4pex5vsknk084sn02q"`
	Deliveries int       `json:"deliveries" doc:"How many were found so far."`
	Finished   bool      `json:"finished" doc:"False while the rest is still being looked for."`
	CreatedAt  time.Time `json:"created_at"`
}

// ReplayCreate asks for a replay.
type ReplayCreate struct {
	Filter ReplayFilter `json:"filter"`
}

// ReplayFilter selects finished deliveries; absent members select all.
type ReplayFilter struct {
	Endpoint string    `json:"endpoint,omitempty" example:"ep_01h455vb4pex5vsknk084sn02q"`
	Event    string    `json:"event,omitempty" doc:"An event's id."`
	Type     string    `json:"type,omitempty" example:"budget.exceeded" doc:"A type, or a prefix such as budget.*."`
	Status   string    `json:"status,omitempty" example:"dead" enum:"succeeded,dead,dropped,suppressed,cancelled" doc:"Absent: all but suppressed and cancelled ones."`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
}

func (a *api) replayRoutes() {
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-replay", Method: http.MethodPost, Path: "/v1/replays", Tags: []string{"Deliveries"}, DefaultStatus: http.StatusAccepted,
		Summary: "Deliver again", Description: "Finished deliveries that the filter selects start anew, under their ids.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body ReplayCreate }) (*body[Replay], error) {
		want := in.Body.Filter
		f := peal.DeliveryFilter{Org: who.Org, Type: want.Type, Status: peal.Status(want.Status), Since: want.Since, Until: want.Until}
		if want.Endpoint != "" {
			ep, err := a.endpoint(who, want.Endpoint)
			if err != nil {
				return nil, err
			}
			f.Endpoint = ep.ID
		}
		if want.Event != "" {
			ev, err := a.Events.Event(ctx, who.Org, want.Event)
			if err != nil {
				return nil, err
			}
			f.Event = ev.ID
		}
		if err := a.Settings.Record(ctx, who.Org, who.Actor, "deliveries.replay", who.Org, want); err != nil {
			return nil, err
		}
		r, err := a.Dispatcher.Replay(ctx, f)
		if err != nil {
			return nil, err
		}
		return &body[Replay]{Replay{r.ID, r.Deliveries, r.Finished, r.CreatedAt.UTC()}}, nil
	})
}
