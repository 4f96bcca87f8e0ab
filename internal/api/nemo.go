package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// The surface of Nemo Router's alert channels. Its channels are endpoints of the
// profile nemo.

// NemoChannel is an alert channel as its owner sees it.
type NemoChannel struct {
	ID          peal.EndpointID `json:"id" example:"ep_01h455vb4pex5vsknk084sn02q"`
	Name        string          `json:"name" example:"Production alerts"`
	ChannelType string          `json:"channel_type" example:"webhook"`
	Config      map[string]any  `json:"config" doc:"What the channel has; secrets read ***, and a webhook's is not there."`
	IsActive    bool            `json:"is_active" example:"true"`
	CreatedAt   time.Time       `json:"created_at"`
}

// NemoChannelNew makes a channel. Members that it does not know are ignored.
type NemoChannelNew struct {
	_           struct{}                   `additionalProperties:"true"`
	Name        string                     `json:"name,omitempty" example:"Production alerts"`
	ChannelType string                     `json:"channel_type" example:"webhook"`
	Config      map[string]json.RawMessage `json:"config" example:"{\"url\":\"https://hooks.your-app.com/nemo\",\"secret\":\"whsec_a-long-random-string\"}" doc:"Of a webhook: url, secret, headers."`
	IsActive    *bool                      `json:"is_active,omitempty" nullable:"true" example:"true" doc:"False pauses it; absent is true."`
}

// NemoChannelUpdate changes a channel; what is absent stays.
type NemoChannelUpdate struct {
	_ struct{} `additionalProperties:"true"`
	NemoChannelID
	Name     *string                    `json:"name,omitempty"`
	Config   map[string]json.RawMessage `json:"config,omitempty" doc:"Replaces the members that it has."`
	IsActive *bool                      `json:"is_active,omitempty" example:"false"`
}

// NemoChannelID names a channel. Its requests' other members are ignored.
type NemoChannelID struct {
	_         struct{} `additionalProperties:"true"`
	ID        string   `json:"id,omitempty" example:"ep_01h455vb4pex5vsknk084sn02q"`
	ChannelID string   `json:"channel_id,omitempty" doc:"May stand for id."`
}

func (in NemoChannelID) channel() string { return cmp.Or(in.ID, in.ChannelID) }

// NemoChannelBind chooses what a channel gets.
type NemoChannelBind struct {
	_ struct{} `additionalProperties:"true"`
	NemoChannelID
	EventTypes []string `json:"event_types" nullable:"false" example:"budget.threshold,admin.*" doc:"Event types, prefixes such as budget.*, or *; replaces the bindings before. None are every event."`
}

// NemoChannels lists channels.
type NemoChannels struct {
	Channels []NemoChannel `json:"channels" nullable:"false"`
}

// NemoDeleted says that a channel is gone.
type NemoDeleted struct {
	ID      peal.EndpointID `json:"id" example:"ep_01h455vb4pex5vsknk084sn02q"`
	Deleted bool            `json:"deleted" example:"true"`
}

// NemoTest is how a test went.
type NemoTest struct {
	Success    bool   `json:"success" example:"true"`
	StatusCode int    `json:"status_code" example:"200" doc:"0 where no answer came."`
	Message    string `json:"message" example:"Delivered: the receiver answered 200."`
}

func (a *api) showNemo(ep *peal.Endpoint) NemoChannel {
	return NemoChannel{
		ID: ep.ID, Name: ep.Name, ChannelType: ep.Kind, Config: a.showConfig(ep),
		IsActive: ep.Status == peal.Active, CreatedAt: ep.CreatedAt.UTC(),
	}
}

// nemoDraft is the endpoint that a request asks for.
func (a *api) nemoDraft(org string, in *NemoChannelNew) (*peal.Endpoint, error) {
	if _, ok := a.Channels.Get(in.ChannelType); !ok {
		return nil, peal.Invalid("channel_type", "channel_type must be one of %s", strings.Join(a.Channels.Kinds(), ", "))
	}
	ep := &peal.Endpoint{Org: org, Name: in.Name, Kind: in.ChannelType, Profile: "nemo"}
	if in.IsActive != nil {
		setActive(ep, *in.IsActive)
	}
	return ep, a.setConfig(ep, nil, in.Config, true)
}

func (a *api) nemoRoutes() {
	tags := []string{"Nemo"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "nemo-channel-new", Method: http.MethodPost, Path: "/nemo/channel/new", Tags: tags,
		Summary: "Create an alert channel", Description: "Without bindings a channel takes every event.", Errors: []int{http.StatusPaymentRequired},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body NemoChannelNew }) (*body[NemoChannel], error) {
		draft, err := a.nemoDraft(who.Org, &in.Body)
		if err != nil {
			return nil, err
		}
		ep, _, err := a.Settings.CreateEndpoint(ctx, who.Actor, draft)
		if err != nil {
			return nil, err
		}
		return &body[NemoChannel]{a.showNemo(ep)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "nemo-channel-test", Method: http.MethodPost, Path: "/nemo/channel/test", Tags: tags,
		Summary: "Send a test to a channel that is not saved", Description: "Sends at once and answers how it went. Nothing is recorded.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body NemoChannelNew }) (*body[NemoTest], error) {
		draft, err := a.nemoDraft(who.Org, &in.Body)
		if err != nil {
			return nil, err
		}
		if err := a.Settings.CheckEndpoint(ctx, draft); err != nil {
			return nil, err
		}
		r, err := a.Publisher.TestUnsaved(ctx, draft)
		return answer(NemoTest{r.Success, r.StatusCode, r.Message}, err)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "nemo-channel-list", Method: http.MethodGet, Path: "/nemo/channel/list", Tags: tags, Summary: "List alert channels",
	}, func(_ context.Context, who auth.Identity, _ *struct{}) (*body[NemoChannels], error) {
		all, err := a.allEndpoints(who.Org)
		if err != nil {
			return nil, err
		}
		out := NemoChannels{Channels: make([]NemoChannel, len(all))}
		for i, ep := range all {
			out.Channels[i] = a.showNemo(ep)
		}
		return &body[NemoChannels]{out}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "nemo-channel-update", Method: http.MethodPost, Path: "/nemo/channel/update", Tags: tags, Summary: "Change an alert channel",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body NemoChannelUpdate }) (*body[NemoChannel], error) {
		ep, err := a.endpoint(who, in.Body.channel())
		if err != nil {
			return nil, err
		}
		ep, err = a.Settings.UpdateEndpoint(ctx, who.Actor, who.Org, ep.ID, func(ep *peal.Endpoint) error {
			return a.changeNemo(ep, &in.Body)
		})
		if err != nil {
			return nil, err
		}
		return &body[NemoChannel]{a.showNemo(ep)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "nemo-channel-bind", Method: http.MethodPost, Path: "/nemo/channel/bind", Tags: tags, Summary: "Choose the events that an alert channel gets",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body NemoChannelBind }) (*body[NemoChannel], error) {
		ep, err := a.endpoint(who, in.Body.channel())
		if err != nil {
			return nil, err
		}
		if err := a.Settings.Bind(ctx, who.Actor, who.Org, ep.ID, patterns(in.Body.EventTypes)); err != nil {
			return nil, err
		}
		return &body[NemoChannel]{a.showNemo(ep)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "nemo-channel-delete", Method: http.MethodPost, Path: "/nemo/channel/delete", Tags: tags, Summary: "Delete an alert channel",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body NemoChannelID }) (*body[NemoDeleted], error) {
		ep, err := a.endpoint(who, in.Body.channel())
		if err != nil {
			return nil, err
		}
		return answer(NemoDeleted{ep.ID, true}, a.Settings.DeleteEndpoint(ctx, who.Actor, who.Org, ep.ID))
	})
}

// changeNemo applies a request to a channel. It may be called again on a fresh copy.
func (a *api) changeNemo(ep *peal.Endpoint, in *NemoChannelUpdate) error {
	if in.Name != nil {
		ep.Name = *in.Name
	}
	if in.IsActive != nil {
		setActive(ep, *in.IsActive)
	}
	return a.setConfig(ep, nil, in.Config, true)
}

// setActive pauses or resumes; a disabled endpoint is not active already.
func setActive(ep *peal.Endpoint, active bool) {
	switch {
	case active:
		ep.Status = peal.Active
	case ep.Status != peal.Disabled:
		ep.Status = peal.Paused
	}
}
