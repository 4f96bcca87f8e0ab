package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
)

// Channel is a way to send, with what an endpoint of it needs.
type Channel struct {
	Kind   string          `json:"kind" example:"webhook"`
	Fields []channel.Field `json:"fields" nullable:"false" doc:"The members of an endpoint's config."`
}

func (a *api) channelRoutes() {
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-channels", Method: http.MethodGet, Path: "/v1/channels", Tags: []string{"Channels"}, Summary: "List channels",
	}, func(context.Context, auth.Identity, *struct{}) (*body[List[Channel]], error) {
		return listOf(a.Channels.All(), "", func(c channel.Channel) Channel { return Channel{c.Kind(), c.Fields()} }), nil
	})
}
