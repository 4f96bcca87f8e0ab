package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// Group collects deliveries of an endpoint into messages.
type Group struct {
	ID            peal.GroupID      `json:"id" example:"grp_01h455vb4pex5vsknk084sn02q"`
	Endpoint      peal.EndpointID   `json:"endpoint" example:"ep_01h455vb4pex5vsknk084sn02q"`
	Labels        map[string]string `json:"labels" doc:"What its events have in common. Empty for a digest."`
	OpenedAt      time.Time         `json:"opened_at" doc:"When it last came out of rest."`
	NextMessageAt *time.Time        `json:"next_message_at" doc:"When its next message is due, null where nothing is collected."`
	LastMessageAt *time.Time        `json:"last_message_at" doc:"When its last message was taken to be sent, null for never."`
	Events        int               `json:"events" example:"12" doc:"How many events the message of next_message_at has so far or, where nothing is collected, the last one had."`
	TotalEvents   int               `json:"total_events" doc:"All of its events, suppressed repeats not counted."`
}

// GroupPath names a group.
type GroupPath struct {
	ID string `path:"id" example:"grp_01h455vb4pex5vsknk084sn02q"`
}

func showGroup(g peal.Group) Group {
	return Group{
		ID: g.ID, Endpoint: g.Endpoint, Labels: g.Labels, OpenedAt: g.OpenedAt.UTC(),
		NextMessageAt: moment(g.NextMessageAt), LastMessageAt: moment(g.LastMessageAt), Events: g.Events, TotalEvents: g.Total,
	}
}

func (a *api) groupRoutes() {
	tags := []string{"Groups"}
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-groups", Method: http.MethodGet, Path: "/v1/groups", Tags: tags,
		Summary: "List groups", Description: "Those that collect and those of the past, as long as deliveries of them are kept; the latest message first.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		PageQuery
		Endpoint string `query:"endpoint" doc:"ep_…"`
	},
	) (*body[List[Group]], error) {
		var ep peal.EndpointID
		if in.Endpoint != "" {
			var err error
			if ep, err = peal.ParseEndpointID(in.Endpoint); err != nil || ep.IsZero() {
				return nil, peal.Invalid("endpoint", "endpoint must be an id of the form ep_…")
			}
		}
		rows, next, err := a.Groups.Groups(ctx, who.Org, ep, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(rows, next, showGroup), nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-group", Method: http.MethodGet, Path: "/v1/groups/{id}", Tags: tags, Summary: "Get a group",
	}, func(ctx context.Context, who auth.Identity, in *GroupPath) (*body[Group], error) {
		id, err := pathID(peal.ParseGroupID, in.ID, "group")
		if err != nil {
			return nil, err
		}
		g, err := a.Groups.Group(ctx, who.Org, id)
		if err != nil {
			return nil, err
		}
		return &body[Group]{showGroup(*g)}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-group-deliveries", Method: http.MethodGet, Path: "/v1/groups/{id}/deliveries", Tags: tags,
		Summary: "List a group's deliveries", Description: "Each is one event of the group; repeats that were suppressed are among them.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		GroupPath
		DeliveryQuery
	},
	) (*body[List[Delivery]], error) {
		id, err := pathID(peal.ParseGroupID, in.ID, "group")
		if err != nil {
			return nil, err
		}
		g, err := a.Groups.Group(ctx, who.Org, id)
		if err != nil {
			return nil, err
		}
		f := in.filter(who.Org)
		f.Group = g.ID
		return a.deliveries(ctx, f, in.page())
	})
}
