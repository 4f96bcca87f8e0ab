package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// DetectionFields are the thresholds of rules of the kinds anomaly and cost_leak.
type DetectionFields struct {
	HourlySpike  *Amount `json:"hourly_spike,omitempty" doc:"An anomaly's: an hour costs more than so many times the hourly average of the last 7 days; 3 where absent, 0 for off."`
	RunawayAgent *Amount `json:"runaway_agent,omitempty" doc:"An anomaly's: an agent spends more than so many percent of the daily budget in an hour; 50 where absent, 0 for off."`
	ModelDrift   *Amount `json:"model_drift,omitempty" doc:"An anomaly's: a request costs more than so many times what it did in the last 7 days; 5 where absent, 0 for off."`
	VolumeSurge  *Amount `json:"volume_surge,omitempty" doc:"An anomaly's: there are more than so many times the requests of this time of day; 5 where absent, 0 for off."`
	DailyBudget  *Amount `json:"daily_budget,omitempty" doc:"What runaway_agent is of; the org's smallest daily budget where absent."`
	MinHistory   int64   `json:"min_history,omitempty" doc:"So many of the last 7 days' hours have usage before any average counts; 24 where absent."`
	PaidFailures *Amount `json:"paid_failures,omitempty" doc:"A cost leak's: more than so many percent of a key's requests in an hour failed; 50 where absent, 0 for off."`
	RetryStorm   *Amount `json:"retry_storm,omitempty" doc:"A cost leak's: more requests that are alike than so many times what the key makes in an hour; 10 where absent, 0 for off."`
	IdleKey      string  `json:"idle_key,omitempty" doc:"A cost leak's: a key is used again after so long; 168h where absent."`
	MinCost      *Amount `json:"min_cost,omitempty" doc:"An hour that costs less tells nothing; 1 where absent."`
	MinRequests  int64   `json:"min_requests,omitempty" doc:"Fewer requests in an hour are no drift, surge or storm; 50 where absent, of a storm 100."`
}

// DetectionPatch changes them.
type DetectionPatch struct {
	HourlySpike  Change[*Amount] `json:"hourly_spike,omitzero"`
	RunawayAgent Change[*Amount] `json:"runaway_agent,omitzero"`
	ModelDrift   Change[*Amount] `json:"model_drift,omitzero"`
	VolumeSurge  Change[*Amount] `json:"volume_surge,omitzero"`
	DailyBudget  Change[Amount]  `json:"daily_budget,omitzero"`
	MinHistory   Change[int64]   `json:"min_history,omitzero"`
	PaidFailures Change[*Amount] `json:"paid_failures,omitzero"`
	RetryStorm   Change[*Amount] `json:"retry_storm,omitzero"`
	IdleKey      Change[string]  `json:"idle_key,omitzero"`
	MinCost      Change[Amount]  `json:"min_cost,omitzero"`
	MinRequests  Change[int64]   `json:"min_requests,omitzero"`
}

func showDetection(r *peal.Rule) DetectionFields {
	f := DetectionFields{
		HourlySpike: (*Amount)(r.HourlySpike), RunawayAgent: (*Amount)(r.RunawayAgent), ModelDrift: (*Amount)(r.ModelDrift),
		VolumeSurge: (*Amount)(r.VolumeSurge), MinHistory: r.MinHistory, PaidFailures: (*Amount)(r.PaidFailures),
		RetryStorm: (*Amount)(r.RetryStorm), IdleKey: durationText(r.IdleKey), MinRequests: r.MinRequests,
	}
	if r.DailyBudget != 0 {
		f.DailyBudget = new(Amount(r.DailyBudget))
	}
	if r.MinCost != 0 {
		f.MinCost = new(Amount(r.MinCost))
	}
	return f
}

// detect sets what a new rule has.
func (in *DetectionFields) detect(r *peal.Rule) error {
	r.Detection = peal.Detection{
		HourlySpike: (*peal.Decimal)(in.HourlySpike), RunawayAgent: (*peal.Decimal)(in.RunawayAgent), ModelDrift: (*peal.Decimal)(in.ModelDrift),
		VolumeSurge: (*peal.Decimal)(in.VolumeSurge), MinHistory: in.MinHistory, PaidFailures: (*peal.Decimal)(in.PaidFailures),
		RetryStorm: (*peal.Decimal)(in.RetryStorm), MinRequests: in.MinRequests,
	}
	set(&r.DailyBudget, (*peal.Decimal)(in.DailyBudget))
	set(&r.MinCost, (*peal.Decimal)(in.MinCost))
	return setDuration(&r.IdleKey, "idle_key", in.IdleKey)
}

// detect changes what a rule has.
func (in *DetectionPatch) detect(r *peal.Rule) error {
	for _, f := range []struct {
		change Change[*Amount]
		into   **peal.Decimal
	}{
		{in.HourlySpike, &r.HourlySpike},
		{in.RunawayAgent, &r.RunawayAgent},
		{in.ModelDrift, &r.ModelDrift},
		{in.VolumeSurge, &r.VolumeSurge},
		{in.PaidFailures, &r.PaidFailures},
		{in.RetryStorm, &r.RetryStorm},
	} {
		if f.change.Set {
			*f.into = (*peal.Decimal)(f.change.Value)
		}
	}
	in.DailyBudget.apply((*Amount)(&r.DailyBudget))
	in.MinCost.apply((*Amount)(&r.MinCost))
	in.MinHistory.apply(&r.MinHistory)
	in.MinRequests.apply(&r.MinRequests)
	if !in.IdleKey.Set {
		return nil
	}
	return setDuration(&r.IdleKey, "idle_key", in.IdleKey.Value)
}

// RuleSimulation are changes of a rule, and the usage to hold against it.
type RuleSimulation struct {
	RulePatch
	Since time.Time `json:"since,omitzero" doc:"30 days before until where absent; at most 92."`
	Until time.Time `json:"until,omitzero" doc:"Now where absent."`
}

// Firing is what a rule would have told.
type Firing struct {
	Time      time.Time       `json:"time" doc:"When it would have been told; of a budget, quota or balance, the hour in which it was crossed, and of a rate limit the minute."`
	Type      string          `json:"type" example:"cost_anomaly.hourly_spike"`
	Subject   string          `json:"subject"`
	Value     json.RawMessage `json:"value,omitempty" doc:"What was measured."`
	Threshold json.RawMessage `json:"threshold,omitempty" doc:"What it was compared with."`
	Data      json.RawMessage `json:"data" doc:"The event's data."`
}

func showFiring(f governance.Firing) Firing {
	return Firing{f.Time, f.Type, f.Subject, json.RawMessage(f.Value), json.RawMessage(f.Threshold), f.Data}
}

func (a *api) simulationRoutes() {
	register(a, peal.Admin, huma.Operation{
		OperationID: "simulate-rule", Method: http.MethodPost, Path: "/v1/rules/{id}/simulate", Tags: []string{"Governance"},
		Summary: "Ask what a changed rule would have told",
		Description: "Holds the stored usage of a time against the rule with the changes of the body, which are as in a PATCH. " +
			"For every kind but circuit, which goes by single records and is answered 422; at most 1,000 answers. Nothing is told, and nothing changed.",
		Errors: []int{http.StatusUnprocessableEntity},
	}, func(ctx context.Context, who auth.Identity, in *struct {
		RulePath
		Body RuleSimulation
	},
	) (*body[List[Firing]], error) {
		kept, ok := directory.Rules.Get(a.Directory, who.Org, in.ID)
		if !ok {
			return nil, peal.NotFound("rule")
		}
		r := *kept
		if err := in.Body.apply(&r); err != nil {
			return nil, err
		}
		if err := r.Check(); err != nil {
			return nil, err
		}
		firings, err := a.Governance.Simulate(ctx, who.Org, &r, in.Body.Since, in.Body.Until)
		if err != nil {
			return nil, err
		}
		return listOf(firings, "", showFiring), nil
	})
}
