package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// Governance is how an org counts.
type Governance struct {
	TimeZone   string `json:"time_zone" example:"Europe/Berlin" doc:"An IANA name. Days and months begin in it."`
	BillingDay int    `json:"billing_day" example:"1" doc:"The day on which months begin; in a month without it, the last."`
	Currency   string `json:"currency" example:"USD" doc:"What all amounts of the org are in; nothing is converted."`
}

// GovernancePatch changes how an org counts.
type GovernancePatch struct {
	TimeZone   *string `json:"time_zone,omitempty" example:"Europe/Berlin"`
	BillingDay *int    `json:"billing_day,omitempty" example:"15"`
	Currency   *string `json:"currency,omitempty" example:"EUR"`
}

func showGovernance(g *peal.Governance) Governance {
	return Governance{g.TimeZone, g.BillingDay, g.Currency}
}

func (a *api) governanceRoutes() {
	tags := []string{"Governance"}
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-governance", Method: http.MethodGet, Path: "/v1/governance", Tags: tags, Summary: "Get how the org counts",
	}, func(_ context.Context, who auth.Identity, _ *struct{}) (*body[Governance], error) {
		g := a.Governance.Settings(who.Org)
		return &body[Governance]{showGovernance(&g)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-governance", Method: http.MethodPatch, Path: "/v1/governance", Tags: tags, Summary: "Change how the org counts",
		Description: "Days and months that begin elsewhere under new settings are counted from zero. The currency stays once amounts were counted.",
		Errors:      []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body GovernancePatch }) (*body[Governance], error) {
		if c := in.Body.Currency; c != nil {
			if err := a.Governance.CheckCurrency(ctx, who.Org, *c); err != nil {
				return nil, err
			}
		}
		g, err := a.Settings.UpdateGovernance(ctx, who.Actor, who.Org, func(g *peal.Governance) {
			set(&g.TimeZone, in.Body.TimeZone)
			set(&g.BillingDay, in.Body.BillingDay)
			set(&g.Currency, in.Body.Currency)
		})
		return answerShown(g, err, showGovernance)
	})
}

func set[T any](into, value *T) {
	if value != nil {
		*into = *value
	}
}
