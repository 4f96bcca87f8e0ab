package governance

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Books reads how things stand.
type Books interface {
	// Meters lists those of a scope and period, the most spent first; of one ref where it
	// is not empty.
	Meters(ctx context.Context, id MeterID, limit int) ([]MeterID, []Meter, error)
	// Told lists what was told and may still hold, the latest first: what has no period or
	// one of the periods, and circuits that opened and did not close.
	Told(ctx context.Context, org string, periods []int64, limit int) ([]Told, error)
}

// Told is an alert that was told.
type Told struct {
	AlertID
	At time.Time
}

// Budget is how a budget stands for one that it counts.
type Budget struct {
	Rule *peal.Rule
	// Ref is the team or key, empty for the org.
	Ref             string
	Percents        []int
	Spent, Reserved peal.Decimal
	Start, End      time.Time
}

// The most that a list of what stands shows.
const (
	maxBudgetRefs = 20 // of one rule, the most spent
	maxTold       = 200
)

// Budgets tells how each budget of an org stands in the period that is under way.
func (e *Engine) Budgets(ctx context.Context, org string) ([]Budget, error) {
	p, now := e.plan(org), e.now()
	out := []Budget{}
	for _, r := range p.rules[peal.RuleBudget] {
		start, period := p.Calendar.Day(now), Day
		end := p.Calendar.Day(start.Add(36 * time.Hour)) // no day is that long
		if r.Period == peal.Monthly {
			start, period = p.Calendar.Month(now), Month
			end = p.Calendar.Month(start.AddDate(0, 0, 45))
		}
		ids, meters, err := e.Books.Meters(ctx, MeterID{org, r.Scope, r.Ref, period, start.UnixMicro()}, maxBudgetRefs)
		if err != nil {
			return nil, err
		}
		if len(ids) == 0 && (r.Scope == peal.ScopeOrg || r.Ref != "") {
			ids, meters = []MeterID{{Ref: r.Ref}}, []Meter{{}} // nothing was spent yet
		}
		var percents []int
		for _, l := range r.levels {
			percents = append(percents, l.percent)
		}
		slices.Sort(percents)
		for i := range ids {
			out = append(out, Budget{&r.Rule, ids[i].Ref, percents, meters[i].Cost, meters[i].HeldCost, start.UTC(), end.UTC()})
		}
	}
	return out, nil
}

// OpenAlert is an alert that still holds.
type OpenAlert struct {
	Rule *peal.Rule
	// Subject is the team, key, agent or route, empty for the org.
	Subject string
	// Threshold is what was reached: a percentage, exceeded, open, or an anomaly's kind.
	Threshold string
	At        time.Time
}

// Alerts lists what was told of an org and still holds, the latest first: a budget's or
// quota's until its period is over, the others until they are.
func (e *Engine) Alerts(ctx context.Context, org string) ([]OpenAlert, error) {
	p, now := e.plan(org), e.now()
	day, month := p.Calendar.Day(now).UnixMicro(), p.Calendar.Month(now).UnixMicro()
	told, err := e.Books.Told(ctx, org, []int64{day, month}, maxTold)
	if err != nil {
		return nil, err
	}
	rules := map[string]*rule{}
	for _, all := range p.rules {
		for _, r := range all {
			rules[r.id] = r
		}
	}
	type place struct{ rule, subject string }
	highest := map[place]int{} // of a rule's thresholds the highest tells all
	out := []OpenAlert{}
	for _, t := range told {
		r := rules[t.Rule]
		if r == nil {
			continue // the rule is gone
		}
		if r.Kind == peal.RuleRateLimit || r.Kind == peal.RuleModels {
			continue // that of the day's first minute
		}
		if r.Period == peal.Daily && t.Period != day {
			continue // that of the month's first day
		}
		name, limit, limited := strings.Cut(t.Threshold, "@")
		if limited && limit != r.Limit.String() {
			continue // it was told of another limit
		}
		alert := OpenAlert{&r.Rule, t.Subject, name, t.At.UTC()}
		if limited {
			at := place{t.Rule, t.Subject}
			if i, ok := highest[at]; ok {
				if reached(name) > reached(out[i].Threshold) {
					out[i] = alert
				}
				continue
			}
			highest[at] = len(out)
		}
		out = append(out, alert)
	}
	return out, nil
}

// reached is a threshold's percentage; exceeded is past them all.
func reached(threshold string) int {
	if n, err := strconv.Atoi(threshold); err == nil {
		return n
	}
	return 1 << 30
}
