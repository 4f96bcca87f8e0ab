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
	ID      string `json:"id" example:"acme"`
	Name    string `json:"name" example:"Acme Inc."`
	Profile string `json:"profile" example:"standard" doc:"The profile of endpoints that are made without one; empty is standard."`
	Plan    string `json:"plan" example:"pro" doc:"Endpoints need a plan that includes webhooks."`

	RetentionDeliveries string `json:"retention_deliveries,omitempty" example:"168h" doc:"How long finished deliveries are kept, dead letters included, where that is shorter than the server's."`
	RetentionEvents     string `json:"retention_events,omitempty" example:"720h" doc:"How long events are kept, and longer while a delivery of theirs is; as above."`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func showOrg(o peal.Org) Org {
	return Org{o.ID, o.Name, o.Profile, o.Plan, showRetention(o.RetentionDeliveries), showRetention(o.RetentionEvents), o.CreatedAt.UTC(), o.UpdatedAt.UTC()}
}

func showRetention(d peal.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// OrgCreate makes an org.
type OrgCreate struct {
	ID      string `json:"id,omitempty" example:"acme" doc:"1 to 64 characters of a-z 0-9 _ -; made up where absent."`
	Name    string `json:"name" example:"Acme Inc."`
	Profile string `json:"profile,omitempty" example:"standard"`
	Plan    string `json:"plan,omitempty" example:"pro"`

	RetentionDeliveries string `json:"retention_deliveries,omitempty" example:"7d" doc:"Whole hours or days; longer than the server's has no effect."`
	RetentionEvents     string `json:"retention_events,omitempty" example:"30d"`
}

func (o OrgCreate) org() (_ peal.Org, err error) {
	org := peal.Org{ID: o.ID, Name: o.Name, Profile: o.Profile, Plan: o.Plan}
	if org.RetentionDeliveries, err = peal.ParseRetention("retention_deliveries", o.RetentionDeliveries); err != nil {
		return org, err
	}
	org.RetentionEvents, err = peal.ParseRetention("retention_events", o.RetentionEvents)
	return org, err
}

// OrgPatch changes an org.
type OrgPatch struct {
	Name    Change[string] `json:"name,omitzero" example:"Acme Inc."`
	Profile Change[string] `json:"profile,omitzero"`
	Plan    Change[string] `json:"plan,omitzero"`

	RetentionDeliveries Change[string] `json:"retention_deliveries,omitzero" example:"7d" doc:"Whole hours or days; empty is as the server's, and longer has no effect."`
	RetentionEvents     Change[string] `json:"retention_events,omitzero" example:"30d"`
}

func (p OrgPatch) apply(o *peal.Org) (err error) {
	p.Name.apply(&o.Name)
	p.Profile.apply(&o.Profile)
	p.Plan.apply(&o.Plan)
	if p.RetentionDeliveries.Set {
		if o.RetentionDeliveries, err = peal.ParseRetention("retention_deliveries", p.RetentionDeliveries.Value); err != nil {
			return err
		}
	}
	if p.RetentionEvents.Set {
		o.RetentionEvents, err = peal.ParseRetention("retention_events", p.RetentionEvents.Value)
	}
	return err
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
		o, err := in.Body.org()
		if err == nil {
			o, err = a.Settings.CreateOrg(ctx, who.Actor, o)
		}
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
		o, err := a.Settings.UpdateOrg(ctx, who.Actor, in.ID, in.Body.apply)
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
