package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// DiscardCreate names dead letters: some, or those that a filter selects.
type DiscardCreate struct {
	Deliveries []string       `json:"deliveries,omitempty" maxItems:"500" nullable:"false" example:"[\"dlv_01h455vb4pex5vsknk084sn02q\"]"`
	Filter     *DiscardFilter `json:"filter,omitempty"`
}

// DiscardFilter selects dead letters; absent members select all.
type DiscardFilter struct {
	Endpoint string    `json:"endpoint,omitempty" example:"ep_01h455vb4pex5vsknk084sn02q" doc:"Also one that was deleted."`
	Type     string    `json:"type,omitempty" example:"budget.exceeded" doc:"A type, or a prefix such as budget.*."`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
}

// Discarded says what became of it.
type Discarded struct {
	Deliveries int  `json:"deliveries" example:"3" doc:"How many were discarded now."`
	Finished   bool `json:"finished" example:"true" doc:"False where there are more than one call discards: make it again."`
}

func (a *api) discardRoutes() {
	register(a, peal.Admin, huma.Operation{
		OperationID: "discard-dead-letters", Method: http.MethodPost, Path: "/v1/discards", Tags: []string{"Deliveries"},
		Summary: "Give dead letters up",
		Description: "They become `cancelled`, with the reason `discarded`, and are no longer among the dead letters. Until retention deletes them, each can still be " +
			"retried. What is not dead, or not of the org, is left alone and not counted.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body DiscardCreate }) (*body[Discarded], error) {
		f, ids, err := in.Body.selected(who.Org)
		if err != nil {
			return nil, err
		}
		if err := a.Settings.Record(ctx, who.Org, who.Actor, "deliveries.discard", who.Org, in.Body); err != nil {
			return nil, err
		}
		return answer(a.discard(ctx, f, ids))
	})
}

// maxDiscarded is about how many one call discards. It looks at as many as it takes: one that
// is made again begins anew.
const maxDiscarded = 20_000

// discard gives up the dead letters with the ids or, where there are none, those that the
// filter selects.
func (a *api) discard(ctx context.Context, f peal.DeliveryFilter, ids []peal.DeliveryID) (d Discarded, err error) {
	if len(ids) > 0 {
		n, err := a.DeadLetters.Discard(ctx, f.Org, ids)
		return Discarded{n, true}, err
	}
	var after peal.DeliveryID
	for d.Deliveries < maxDiscarded {
		n, last, err := a.DeadLetters.DiscardDead(ctx, f, after)
		if err != nil {
			return d, err
		}
		if d.Deliveries += n; last.IsZero() {
			d.Finished = true
			break
		}
		after = last
	}
	return d, nil
}

// selected are the ids, or the filter.
func (in *DiscardCreate) selected(org string) (f peal.DeliveryFilter, ids []peal.DeliveryID, err error) {
	f = peal.DeliveryFilter{Org: org, Status: peal.Dead}
	if (len(in.Deliveries) > 0) == (in.Filter != nil) {
		return f, nil, peal.Invalid("deliveries", "give either deliveries or a filter; an empty filter selects every dead letter")
	}
	for _, text := range in.Deliveries {
		id, err := peal.ParseDeliveryID(text)
		if err != nil || id.IsZero() {
			return f, nil, peal.Invalid("deliveries", "deliveries are ids of the form dlv_…")
		}
		ids = append(ids, id)
	}
	if in.Filter != nil {
		f.Type, f.Since, f.Until = in.Filter.Type, in.Filter.Since, in.Filter.Until
		if in.Filter.Endpoint != "" {
			if f.Endpoint, err = peal.ParseEndpointID(in.Filter.Endpoint); err != nil || f.Endpoint.IsZero() {
				return f, nil, peal.Invalid("filter.endpoint", "endpoint must be an id of the form ep_…")
			}
		}
	}
	return f, ids, nil
}
