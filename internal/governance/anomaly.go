package governance

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

var anomaly = detector{
	kind: peal.RuleAnomaly,
	standard: func(profile string) *rule {
		if profile != curateMe {
			return nil
		}
		return &rule{id: "standard_anomaly", Rule: peal.Rule{Kind: peal.RuleAnomaly}}
	},
	closed: func(g *Group, p *Plan, r *rule, h *Hour) {
		g.hourlySpike(p, r, h)
		g.runawayAgent(p, r, h)
		g.modelDrift(p, r, h)
		g.volumeSurge(p, r, h)
	},
}

// The defaults of anomalies, as Curate-Me's document has them, and of how much there has to
// be before anything is usual.
const (
	spikeFactor    = 3 * peal.DecimalOne
	runawayPercent = 50 * peal.DecimalOne
	driftFactor    = 5 * peal.DecimalOne
	surgeFactor    = 5 * peal.DecimalOne
	minHistory     = 24 // hours with usage
	minSurgeDays   = 3
	minHourCost    = peal.DecimalOne
	minRequests    = 50
)

// orDefault is a threshold; zero turns it off.
func orDefault(set *peal.Decimal, value peal.Decimal) peal.Decimal {
	if set != nil {
		return *set
	}
	return value
}

// usual is the hour that the week before makes one expect, which it does where there was
// enough of it.
func (h *Hour) usual(r *rule) (sum HourSum, hours int64, ok bool) {
	for _, b := range h.Before {
		sum.Requests += b.Requests
		sum.Cost = sum.Cost.Add(b.Cost)
	}
	hours = int64(len(h.Before))
	return sum, hours, hours >= cmp.Or(r.MinHistory, minHistory)
}

// hourlySpike compares the cost with that of an average hour.
func (g *Group) hourlySpike(p *Plan, r *rule, h *Hour) {
	factor := orDefault(r.HourlySpike, spikeFactor)
	sum, hours, ok := h.usual(r)
	now, average := money(h.Total.Cost, 1), money(sum.Cost, hours)
	if !ok || h.Total.Cost < cmp.Or(r.MinCost, minHourCost) || !now.exceeds(factor, average) {
		return
	}
	g.anomaly(p, r, h, "hourly_spike", "", finding{
		severity: peal.High, value: now.decimal(), threshold: average.decimal(), times: now.times(average),
		message: fmt.Sprintf("Current hour cost (%s) exceeds %sx the 7-day hourly average (%s)",
			p.price(now.decimal()), factor, p.price(average.decimal())),
	})
}

// runawayAgent compares what each agent spent with the daily budget.
func (g *Group) runawayAgent(p *Plan, r *rule, h *Hour) {
	percent, budget := orDefault(r.RunawayAgent, runawayPercent), r.DailyBudget
	if budget == 0 {
		for _, b := range p.rules[peal.RuleBudget] {
			if b.Scope == peal.ScopeOrg && b.Period == peal.Daily && (budget == 0 || b.Limit < budget) {
				budget = b.Limit
			}
		}
	}
	share := money(budget, 100) // of which there are percent
	for _, agent := range slices.Sorted(maps.Keys(h.Agents)) {
		spent := money(h.Agents[agent], 1)
		if !spent.exceeds(percent, share) {
			continue
		}
		limit := share.scaled(percent)
		g.anomaly(p, r, h, "runaway_agent", agent, finding{
			severity: peal.Critical, value: spent.decimal(), threshold: limit.decimal(), times: spent.times(limit),
			message: fmt.Sprintf("Agent %s used %s%% of the daily budget in one hour", agent, spent.times(share)),
			details: []any{"agent", agent, "daily_budget", budget},
		})
	}
}

// modelDrift compares what a request costs.
func (g *Group) modelDrift(p *Plan, r *rule, h *Hour) {
	factor := orDefault(r.ModelDrift, driftFactor)
	sum, _, ok := h.usual(r)
	now, before := money(h.Total.Cost, h.Total.Requests), money(sum.Cost, sum.Requests)
	if !ok || h.Total.Requests < cmp.Or(r.MinRequests, minRequests) || h.Total.Cost < cmp.Or(r.MinCost, minHourCost) || !now.exceeds(factor, before) {
		return
	}
	model := ""
	for _, m := range slices.Sorted(maps.Keys(h.Models)) {
		if h.Models[m] > h.Models[model] {
			model = m
		}
	}
	g.anomaly(p, r, h, "model_drift", "", finding{
		severity: peal.High, value: now.decimal(), threshold: before.decimal(), times: now.times(before),
		message: fmt.Sprintf("A request costs %s on average, %sx the %s of before", p.price(now.decimal()), now.times(before), p.price(before.decimal())),
		details: []any{"model", optional(model), "model_cost", h.Models[model]},
	})
}

// volumeSurge compares the number of requests with that at the same time of the days
// before.
func (g *Group) volumeSurge(p *Plan, r *rule, h *Hour) {
	at := func(t int64) int { return time.UnixMicro(t).In(p.Calendar.location).Hour() }
	var requests, days int64
	for _, b := range h.Before {
		if b.Requests > 0 && at(b.Start) == at(h.Start) {
			requests += b.Requests
			days++
		}
	}
	now, normal := count(h.Total.Requests, 1), count(requests, days)
	if days < minSurgeDays || h.Total.Requests < cmp.Or(r.MinRequests, minRequests) || !now.exceeds(orDefault(r.VolumeSurge, surgeFactor), normal) {
		return
	}
	g.anomaly(p, r, h, "volume_surge", "", finding{
		severity: peal.Warning, value: now.decimal(), threshold: normal.decimal(), times: now.times(normal),
		message: fmt.Sprintf("%d requests this hour, %sx the usual %s", h.Total.Requests, now.times(normal), normal.decimal().Round(0)),
	})
}

// finding is an anomaly's figures.
type finding struct {
	severity         peal.Severity
	value, threshold peal.Decimal
	times            json.Number
	message          string
	details          []any
}

// anomaly tells one once, until an hour without it is closed.
func (g *Group) anomaly(p *Plan, r *rule, h *Hour, kind, agent string, f finding) {
	id := AlertID{Org: p.Org, Rule: r.id, Subject: agent, Threshold: kind}
	name := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%d", p.Org, r.id, kind, agent, h.Start))
	hour := []any{"hour", time.UnixMicro(h.Start)}
	details, err := object(append(hour, f.details...))
	if err != nil {
		return // names of text and numbers always make an object
	}
	g.fire(id, "cost_anomaly."+kind, cmp.Or(agent, p.Org), "anomaly_id", "anom_"+hex.EncodeToString(name[:10]), "anomaly_type", kind,
		"severity", f.severity, "current_value", f.value, "threshold_value", f.threshold, "multiplier", f.times,
		"message", f.message, "details", details, "detected_at", g.now)
}

// price is an amount as people read it.
func (p *Plan) price(d peal.Decimal) string {
	text := d.Round(2).Money()
	if d < peal.DecimalOne/10 {
		text = d.Round(6).Money()
	}
	if p.Currency == "USD" {
		return "$" + text
	}
	return text + " " + p.Currency
}
