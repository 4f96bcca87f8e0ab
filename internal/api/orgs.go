package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// Org is a tenant.
type Org struct {
	ID        string    `json:"id" example:"acme"`
	Name      string    `json:"name" example:"Acme Inc."`
	Profile   string    `json:"profile" example:"standard" doc:"The profile of endpoints that are made without one; empty is standard."`
	Plan      string    `json:"plan" example:"pro" doc:"Endpoints need a plan that includes webhooks."`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func showOrg(o peal.Org) Org {
	return Org{o.ID, o.Name, o.Profile, o.Plan, o.CreatedAt.UTC(), o.UpdatedAt.UTC()}
}

// OrgCreate makes an org.
type OrgCreate struct {
	ID      string `json:"id,omitempty" example:"acme" doc:"1 to 64 characters of a-z 0-9 _ -; made up where absent."`
	Name    string `json:"name" example:"Acme Inc."`
	Profile string `json:"profile,omitempty" example:"standard"`
	Plan    string `json:"plan,omitempty" example:"pro"`
}

// OrgPatch changes an org.
type OrgPatch struct {
	Name    Change[string] `json:"name,omitzero" example:"Acme Inc."`
	Profile Change[string] `json:"profile,omitzero"`
	Plan    Change[string] `json:"plan,omitzero"`
}

// OrgPath names an org.
type OrgPath struct {
	ID string `path:"id" example:"acme"`
}

func (a *api) orgRoutes() {
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-org", Method: http.MethodPost, Path: "/v1/orgs", Tags: []string{"Orgs"}, DefaultStatus: http.StatusCreated,
		Summary: "Create an org", Description: "Only the server's admin key may.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body OrgCreate }) (*body[Org], error) {
		if err := instanceAdmin(who); err != nil {
			return nil, err
		}
		o, err := a.Settings.CreateOrg(ctx, who.Actor, peal.Org{ID: in.Body.ID, Name: in.Body.Name, Profile: in.Body.Profile, Plan: in.Body.Plan})
		return answer(showOrg(o), err)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "list-orgs", Method: http.MethodGet, Path: "/v1/orgs", Tags: []string{"Orgs"},
		Summary: "List orgs", Description: "Only the server's admin key may.",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Org]], error) {
		if err := instanceAdmin(who); err != nil {
			return nil, err
		}
		orgs, next, err := a.Directory.Orgs(in.page())
		if err != nil {
			return nil, err
		}
		return listOf(orgs, next, showOrg), nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-org", Method: http.MethodGet, Path: "/v1/orgs/{id}", Tags: []string{"Orgs"},
		Summary: "Get an org", Description: "An org's own keys may get it.",
	}, func(_ context.Context, who auth.Identity, in *OrgPath) (*body[Org], error) {
		o, ok := a.Directory.Org(in.ID)
		if !ok || !who.Admin && who.Org != in.ID {
			return nil, peal.NotFound("org")
		}
		return &body[Org]{showOrg(o)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-org", Method: http.MethodPatch, Path: "/v1/orgs/{id}", Tags: []string{"Orgs"},
		Summary: "Change an org", Description: "Only the server's admin key may.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		OrgPath
		Body OrgPatch
	},
	) (*body[Org], error) {
		if err := instanceAdminOf(who, in.ID); err != nil {
			return nil, err
		}
		o, err := a.Settings.UpdateOrg(ctx, who.Actor, in.ID, func(o *peal.Org) error {
			in.Body.Name.apply(&o.Name)
			in.Body.Profile.apply(&o.Profile)
			in.Body.Plan.apply(&o.Plan)
			return nil
		})
		return answer(showOrg(o), err)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-org", Method: http.MethodDelete, Path: "/v1/orgs/{id}", Tags: []string{"Orgs"}, DefaultStatus: http.StatusNoContent,
		Summary: "Delete an org with its keys and endpoints", Description: "Only the server's admin key may.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *OrgPath) (*none, error) {
		if err := instanceAdminOf(who, in.ID); err != nil {
			return nil, err
		}
		return nil, a.Settings.DeleteOrg(ctx, who.Actor, in.ID)
	})
}

func instanceAdmin(who auth.Identity) error {
	if !who.Admin {
		return peal.Errorf(peal.CodeForbidden, "this needs the server's admin key")
	}
	return nil
}

// instanceAdminOf hides from an org's key that another org exists.
func instanceAdminOf(who auth.Identity, id string) error {
	if !who.Admin && who.Org != id {
		return peal.NotFound("org")
	}
	return instanceAdmin(who)
}
