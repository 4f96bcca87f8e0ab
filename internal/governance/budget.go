package governance

import (
	"fmt"

	"github.com/peal-dev/peal/internal/peal"
)

var budget = detector{
	kind: peal.RuleBudget,
	thresholds: func(profile string) []int {
		if profile == nemo {
			return []int{50, 80, 100}
		}
		return []int{50, 75, 90}
	},
	period: func(r *rule) Period {
		if r.Period == peal.Daily {
			return Day
		}
		return Month
	},
	counted: (*Group).budgetCounted,
	refuses: (*Group).budgetRefuses,
}

// full is the percentage at which Nemo's budgets are exceeded.
const full = 100

// budgetCounted tells the thresholds that spending reached, and that it exceeds the
// budget.
func (g *Group) budgetCounted(p *Plan, r *rule, id MeterID, m *Meter) {
	for _, l := range r.levels {
		if m.Cost >= l.at && l.at > 0 {
			g.budgetReached(p, r, id, m.Cost, l.percent)
		}
	}
	if m.Cost > r.Limit && p.Profile != nemo {
		g.budgetExceeded(p, r, id, m.Cost, nil)
	}
}

// thresholdID names a threshold by the limit that it is of: under another limit it is
// another threshold.
func (r *rule) thresholdID(org, ref, threshold string, period int64) AlertID {
	return AlertID{org, r.id, ref, threshold + "@" + r.Limit.String(), period}
}

func (g *Group) budgetReached(p *Plan, r *rule, id MeterID, spent peal.Decimal, percent int) {
	alert := r.thresholdID(p.Org, id.Ref, fmt.Sprint(percent), id.Start)
	hierarchy := r.Scope != peal.ScopeOrg
	if r.Hierarchy != nil {
		hierarchy = *r.Hierarchy
	}
	switch {
	case p.Profile == nemo:
		g.fire(alert, "budget.threshold", subjectOf(id), "org_id", p.Org, "team", nodeOf(id, peal.ScopeTeam), "key_alias", nodeOf(id, peal.ScopeKey),
			"period", r.Period, "spent", spent, "budget", r.Limit, "threshold", percent)
	case hierarchy:
		g.fire(alert, "budget_hierarchy_alert", subjectOf(id), "node_id", subjectOf(id), "node_type", string(id.Scope), "node_name", optional(r.Name),
			"period", r.Period, "spent", spent, "budget", r.Limit, "threshold_percent", percent, "timestamp", g.now)
	default:
		name, spentName := budgetNames(r)
		g.fire(alert, "budget.warning", subjectOf(id), "budget", name, "threshold_percent", percent, "team", nodeOf(id, peal.ScopeTeam),
			"key", nodeOf(id, peal.ScopeKey), spentName, spent, name, r.Limit, "timestamp", g.now)
	}
}

// budgetExceeded tells that a budget is exceeded, by a reservation that was denied or,
// where there is none, by what was used.
func (g *Group) budgetExceeded(p *Plan, r *rule, id MeterID, spent peal.Decimal, denied *Reservation) {
	if p.Profile == nemo {
		g.budgetReached(p, r, id, spent, full)
		return
	}
	name, spentName := budgetNames(r)
	data := []any{
		"blocked_by", name, "team", nodeOf(id, peal.ScopeTeam), "key", nodeOf(id, peal.ScopeKey), spentName, spent, name, r.Limit,
	}
	if denied != nil {
		data = append(data, "model", optional(denied.Model), "estimated_cost", denied.Cost)
	}
	g.fire(r.thresholdID(p.Org, id.Ref, "exceeded", id.Start), "budget.exceeded", subjectOf(id), append(data, "timestamp", g.now)...)
}

// budgetNames are the names of the budget and of what was spent of it.
func budgetNames(r *rule) (budget, spent string) {
	if r.Period == peal.Daily {
		return "daily_budget", "daily_spent"
	}
	return "monthly_budget", "monthly_spent"
}

func (g *Group) budgetRefuses(p *Plan, w *Work) *refusal {
	for _, r := range p.rules[peal.RuleBudget] {
		ref, ok := r.applies(w.Reserve.who())
		if !ok {
			continue
		}
		id := MeterID{p.Org, r.Scope, ref, Day, w.Reserve.Day}
		if r.Period == peal.Monthly {
			id.Period, id.Start = Month, w.Reserve.Month
		}
		used := g.Meters[id].used()
		if used.Add(w.Reserve.Cost) <= r.Limit {
			continue
		}
		g.budgetExceeded(p, r, id, used, w.Reserve)
		name, _ := budgetNames(r)
		return &refusal{by: name, reason: fmt.Sprintf("%s of the %s budget of %s are spent or reserved; %s more is too much",
			used.Money(), r.Period, r.Limit.Money(), w.Reserve.Cost.Money()), rule: r}
	}
	return nil
}

// subjectOf is the team, key or user of a meter, or the org.
func subjectOf(id MeterID) string {
	if id.Ref != "" {
		return id.Ref
	}
	return id.Org
}

// nodeOf is who a meter counts, where it is of a scope.
func nodeOf(id MeterID, scope peal.Scope) optional {
	if id.Scope == scope {
		return optional(id.Ref)
	}
	return ""
}
