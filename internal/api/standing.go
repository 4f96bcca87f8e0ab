package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// Budget is how a budget stands.
type Budget struct {
	Rule        string     `json:"rule" example:"rule_01h455vb4pex5vsknk084sn02q"`
	Name        string     `json:"name" doc:"The rule's."`
	Scope       peal.Scope `json:"scope" example:"team" enum:"org,team,key"`
	Ref         string     `json:"ref" example:"research" doc:"The team or key; empty for the org."`
	Period      string     `json:"period" example:"daily" enum:"daily,monthly"`
	PeriodStart time.Time  `json:"period_start"`
	PeriodEnd   time.Time  `json:"period_end" doc:"When it is counted from zero again."`
	Limit       Amount     `json:"limit" example:"\"50.00\""`
	Spent       Amount     `json:"spent" example:"\"31.40\""`
	Reserved    Amount     `json:"reserved" example:"\"2.50\"" doc:"Held by reservations that are not settled."`
	Thresholds  []int      `json:"thresholds" nullable:"false" example:"[50,75,90]" doc:"Percentages of the limit that are told."`
}

// OpenAlert is an alert that still holds.
type OpenAlert struct {
	Rule      string        `json:"rule" example:"rule_01h455vb4pex5vsknk084sn02q" doc:"Empty for one of the profile's own."`
	Kind      peal.RuleKind `json:"kind" example:"budget" enum:"budget,balance,quota,circuit,anomaly,cost_leak"`
	Name      string        `json:"name" doc:"The rule's."`
	Subject   string        `json:"subject" example:"research" doc:"The team, key, user, agent or route; empty for the org."`
	Threshold string        `json:"threshold" example:"90" doc:"What was reached: a percentage of the limit or exceeded, a balance, open of a circuit, or an anomaly's kind."`
	Since     time.Time     `json:"since" doc:"When it was told."`
}

func showBudget(b governance.Budget) Budget {
	return Budget{
		Rule: b.Rule.ID.String(), Name: b.Rule.Name, Scope: b.Rule.Scope, Ref: b.Ref, Period: b.Rule.Period, PeriodStart: b.Start, PeriodEnd: b.End,
		Limit: Amount(b.Rule.Limit), Spent: Amount(b.Spent), Reserved: Amount(b.Reserved), Thresholds: append([]int{}, b.Percents...),
	}
}

func showAlert(a governance.OpenAlert) OpenAlert {
	out := OpenAlert{Kind: a.Rule.Kind, Name: a.Rule.Name, Subject: a.Subject, Threshold: a.Threshold, Since: a.At}
	if !a.Rule.ID.IsZero() {
		out.Rule = a.Rule.ID.String()
	}
	return out
}

func (a *api) standingRoutes() {
	tags := []string{"Governance"}
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-budgets", Method: http.MethodGet, Path: "/v1/budgets", Tags: tags, Summary: "Tell how budgets stand",
		Description: "In the period that is under way. Of a rule for each team or key, the 20 that spent most.",
	}, func(ctx context.Context, who auth.Identity, _ *struct{}) (*body[List[Budget]], error) {
		budgets, err := a.Governance.Budgets(ctx, who.Org)
		if err != nil {
			return nil, err
		}
		return listOf(budgets, "", showBudget), nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-alerts", Method: http.MethodGet, Path: "/v1/alerts", Tags: tags, Summary: "List open alerts",
		Description: "What was told and still holds, the latest first: that of a budget or quota until its period is over (the highest threshold tells all below), " +
			"the others until the balance, circuit or anomaly is over.",
	}, func(ctx context.Context, who auth.Identity, _ *struct{}) (*body[List[OpenAlert]], error) {
		alerts, err := a.Governance.Alerts(ctx, who.Org)
		if err != nil {
			return nil, err
		}
		return listOf(alerts, "", showAlert), nil
	})
}
