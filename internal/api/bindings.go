package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// Match selects events; all that it names must hold.
type Match struct {
	Types      []string        `json:"types,omitempty" nullable:"true" example:"budget.*" doc:"Event types, prefixes such as budget.*, or *; absent for all."`
	Severities []peal.Severity `json:"severities,omitempty" nullable:"true" enum:"info,warning,high,critical" example:"high,critical" doc:"Absent for all."`
	Filter     string          `json:"filter,omitempty" example:"event.data.total > 100.0" doc:"A CEL expression as an endpoint's; absent for all."`
}

func showMatch(m *peal.Match) Match {
	out := Match{Severities: m.Severities, Filter: m.Filter}
	for _, p := range m.Types {
		out.Types = append(out.Types, string(p))
	}
	return out
}

func (m *Match) domain() peal.Match {
	return peal.Match{Types: patterns(m.Types), Severities: m.Severities, Filter: m.Filter}
}

// Binding routes what it matches to one endpoint.
type Binding struct {
	ID        peal.BindingID  `json:"id" example:"bnd_01h455vb4pex5vsknk084sn02q"`
	Match     Match           `json:"match"`
	Endpoint  peal.EndpointID `json:"endpoint" example:"ep_01h455vb4pex5vsknk084sn02q"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

// BindingCreate makes a binding.
type BindingCreate struct {
	Match    Match  `json:"match,omitempty" doc:"Absent matches every event."`
	Endpoint string `json:"endpoint" example:"ep_01h455vb4pex5vsknk084sn02q"`
}

// BindingPatch changes a binding. What is absent stays.
type BindingPatch struct {
	Match    *Match `json:"match,omitempty" doc:"Replaces all of it."`
	Endpoint string `json:"endpoint,omitempty" example:"ep_01h455vb4pex5vsknk084sn02q"`
}

// BindingPath names a binding.
type BindingPath struct {
	ID string `path:"id" example:"bnd_01h455vb4pex5vsknk084sn02q"`
}

func showBinding(b *peal.Binding) Binding {
	return Binding{b.ID, showMatch(&b.Match), b.Endpoint, b.CreatedAt.UTC(), b.UpdatedAt.UTC()}
}

func shownBinding(b *peal.Binding, err error) (*body[Binding], error) {
	return answerShown(b, err, showBinding)
}

func (a *api) bindingRoutes() {
	tags := []string{"Bindings"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-binding", Method: http.MethodPost, Path: "/v1/bindings", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Route events to an endpoint", Errors: []int{http.StatusConflict},
		Description: "An endpoint that has bindings takes what any of them matches, instead of its events; its filter still holds.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body BindingCreate }) (*body[Binding], error) {
		ep, err := a.endpoint(who, in.Body.Endpoint)
		if err != nil {
			return nil, err
		}
		return shownBinding(a.Settings.CreateBinding(ctx, who.Actor, peal.Binding{Org: who.Org, Match: in.Body.Match.domain(), Endpoint: ep.ID}))
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-bindings", Method: http.MethodGet, Path: "/v1/bindings", Tags: tags, Summary: "List bindings",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Binding]], error) {
		return listObjects(a, directory.Bindings, who, in, showBinding)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-binding", Method: http.MethodGet, Path: "/v1/bindings/{id}", Tags: tags, Summary: "Get a binding",
	}, func(_ context.Context, who auth.Identity, in *BindingPath) (*body[Binding], error) {
		return getObject(a, directory.Bindings, who, in.ID, showBinding)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-binding", Method: http.MethodPatch, Path: "/v1/bindings/{id}", Tags: tags, Summary: "Change a binding",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		BindingPath
		Body BindingPatch
	},
	) (*body[Binding], error) {
		id, err := pathID(peal.ParseBindingID, in.ID, "binding")
		if err != nil {
			return nil, err
		}
		return shownBinding(a.Settings.UpdateBinding(ctx, who.Actor, who.Org, id, func(b *peal.Binding) error {
			if in.Body.Match != nil {
				b.Match = in.Body.Match.domain()
			}
			if in.Body.Endpoint == "" {
				return nil
			}
			ep, err := a.endpoint(who, in.Body.Endpoint)
			if err != nil {
				return err
			}
			b.Endpoint = ep.ID
			return nil
		}))
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-binding", Method: http.MethodDelete, Path: "/v1/bindings/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a binding", Description: "An endpoint whose last one it was goes by its events again.",
	}, func(ctx context.Context, who auth.Identity, in *BindingPath) (*none, error) {
		id, err := pathID(peal.ParseBindingID, in.ID, "binding")
		if err != nil {
			return nil, err
		}
		return nil, a.Settings.DeleteBinding(ctx, who.Actor, who.Org, id)
	})
}

// endpointsNamed are the endpoints of the org that a request names.
func (a *api) endpointsNamed(who auth.Identity, names []string) ([]peal.EndpointID, error) {
	var ids []peal.EndpointID
	for _, name := range names {
		ep, err := a.endpoint(who, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, ep.ID)
	}
	return ids, nil
}
