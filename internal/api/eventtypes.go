package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// EventType is a type of event: the catalogue's, or one that the org registered.
type EventType struct {
	Name        string          `json:"name" example:"budget.exceeded"`
	Description string          `json:"description"`
	Source      string          `json:"source" enum:"peal,nemo,curate-me,nembl,nolxy,org" doc:"Where it comes from; org for the org's own."`
	Severity    peal.Severity   `json:"severity,omitempty" doc:"Of events that name none."`
	Enforced    bool            `json:"enforced" doc:"Events that do not fit the schema are refused. The catalogue's schemas only document."`
	Schema      json.RawMessage `json:"schema" doc:"JSON Schema of the event's data, or null."`
	Example     json.RawMessage `json:"example" doc:"An event's data, or null."`
}

// EventTypeBody is what an org says of a type of its own.
type EventTypeBody struct {
	Description string          `json:"description,omitempty" example:"An order was paid."`
	Schema      json.RawMessage `json:"schema,omitempty" example:"{\"type\":\"object\",\"required\":[\"total\"]}" doc:"JSON Schema (draft 2020-12) that the data of events must fit."`
	Example     json.RawMessage `json:"example,omitempty" example:"{\"total\":99.9}"`
}

// EventTypeCreate registers a type.
type EventTypeCreate struct {
	Name string `json:"name" example:"order.paid"`
	EventTypeBody
}

// EventTypePath names an event type.
type EventTypePath struct {
	Name string `path:"name" example:"order.paid" doc:"Percent-encoded where it holds a slash."`
}

func showCatalogued(t *catalogue.Type) EventType {
	return EventType{t.Name, t.Description, t.Source, t.Severity, false, orNull(t.Schema), orNull(t.Example)}
}

func showRegistered(t *peal.EventType) EventType {
	return EventType{t.Name, t.Description, "org", "", len(t.Schema) > 0, orNull(t.Schema), orNull(t.Example)}
}

func orNull(doc json.RawMessage) json.RawMessage {
	if len(doc) == 0 {
		return json.RawMessage("null")
	}
	return doc
}

// eventTypes are the catalogue's and the org's own, which win.
func (a *api) eventTypes(org string) []EventType {
	byName := map[string]EventType{}
	for i := range catalogue.All() {
		t := &catalogue.All()[i]
		byName[t.Name] = showCatalogued(t)
	}
	for _, t := range directory.EventTypes.All(a.Directory, org) {
		byName[t.Name] = showRegistered(t)
	}
	return slices.Collect(maps.Values(byName))
}

func (a *api) eventTypeRoutes() {
	tags := []string{"Event types"}
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-event-types", Method: http.MethodGet, Path: "/v1/event-types", Tags: tags,
		Summary: "List event types", Description: "The catalogue's and the org's own. Events of other types are accepted too.",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[EventType]], error) {
		return cut("event_types", a.eventTypes(who.Org), func(t EventType) string { return t.Name }, in.page(), func(t EventType) EventType { return t })
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-event-type", Method: http.MethodGet, Path: "/v1/event-types/{name}", Tags: tags, Summary: "Get an event type",
	}, func(_ context.Context, who auth.Identity, in *EventTypePath) (*body[EventType], error) {
		if t, ok := directory.EventTypes.Get(a.Directory, who.Org, in.Name); ok {
			return &body[EventType]{showRegistered(t)}, nil
		}
		if t, ok := catalogue.Lookup(in.Name); ok {
			return &body[EventType]{showCatalogued(t)}, nil
		}
		return nil, peal.NotFound("event type")
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-event-type", Method: http.MethodPost, Path: "/v1/event-types", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Register an event type", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body EventTypeCreate }) (*body[EventType], error) {
		if _, ok := directory.EventTypes.Get(a.Directory, who.Org, in.Body.Name); ok {
			return nil, peal.Errorf(peal.CodeConflict, "the event type is registered already")
		}
		return a.putEventType(ctx, who, in.Body.Name, in.Body.EventTypeBody)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "put-event-type", Method: http.MethodPut, Path: "/v1/event-types/{name}", Tags: tags, Summary: "Register or replace an event type",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		EventTypePath
		Body EventTypeBody
	},
	) (*body[EventType], error) {
		return a.putEventType(ctx, who, in.Name, in.Body)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-event-type", Method: http.MethodDelete, Path: "/v1/event-types/{name}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Forget an event type", Description: "Its schema is no longer enforced.",
	}, func(ctx context.Context, who auth.Identity, in *EventTypePath) (*none, error) {
		return nil, a.Settings.DeleteEventType(ctx, who.Actor, who.Org, in.Name)
	})
}

func (a *api) putEventType(ctx context.Context, who auth.Identity, name string, in EventTypeBody) (*body[EventType], error) {
	t, err := a.Settings.PutEventType(ctx, who.Actor, peal.EventType{
		Org: who.Org, Name: name, Description: in.Description, Schema: in.Schema, Example: in.Example,
	})
	if err != nil {
		return nil, err
	}
	return &body[EventType]{showRegistered(t)}, nil
}
