package governance

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// Firing is what a rule would have told.
type Firing struct {
	// Time is when: of a budget or quota the hour in which it was crossed.
	Time          time.Time
	Type, Subject string
	// Value was measured against Threshold.
	Value, Threshold json.Number
	Data             json.RawMessage
}

const (
	simulatedFor = 30 * 24 * time.Hour // unless told
	maxSimulated = 92 * 24 * time.Hour
	maxFirings   = 1000
)

// Simulate holds an org's stored usage between two moments against a rule, in place of the
// one with its id, and gives what it would have told. Nothing is told, and nothing
// remembered.
func (e *Engine) Simulate(ctx context.Context, org string, r *peal.Rule, since, until time.Time) ([]Firing, error) {
	if until.IsZero() {
		until = e.now()
	}
	if since.IsZero() {
		since = until.Add(-simulatedFor)
	}
	switch {
	case !since.Before(until):
		return nil, peal.Invalid("until", "until is after since")
	case until.Sub(since) > maxSimulated:
		return nil, peal.Invalid("since", "a simulation is of at most %d days", maxSimulated/(24*time.Hour))
	}
	r.Disabled = false // what it would tell is asked
	rules := []*peal.Rule{r}
	for _, other := range directory.Rules.All(e.Directory, org) {
		if other.ID != r.ID {
			rules = append(rules, other)
		}
	}
	o, ok := e.Directory.Org(org)
	if !ok {
		return nil, peal.NotFound("org")
	}
	s := &Simulation{Store: e.Hours, Plan: NewPlan(o, e.Settings(org), rules, false), Rule: r, Since: since, Until: until}
	return s.Run(ctx)
}

// Simulation replays usage against one rule of a plan.
type Simulation struct {
	Store        HourStore
	Plan         *Plan
	Rule         *peal.Rule
	Since, Until time.Time

	firings  []Firing
	standing map[AlertID]bool
	meters   map[MeterID]*Meter
	before   []HourSum
	keys     map[string]KeyUse
}

// Run gives what would have been told, in its order.
func (s *Simulation) Run(ctx context.Context) ([]Firing, error) {
	s.standing, s.meters, s.keys = map[AlertID]bool{}, map[MeterID]*Meter{}, map[string]KeyUse{}
	calendar := s.Plan.Calendar
	hour, from := s.count, calendar.Month(s.Since)
	switch s.Rule.Kind {
	case peal.RuleBudget, peal.RuleQuota:
	case peal.RuleAnomaly:
		hour, from = s.close, calendar.Hour(s.Since.Add(-week))
	case peal.RuleCostLeak:
		// A key sleeps before it wakes, and was used before it slept.
		hour, from = s.close, calendar.Hour(s.Since.Add(-week-max(time.Duration(s.Rule.IdleKey), idleKeyFor)))
	default:
		return nil, peal.Errorf(peal.CodeUnprocessable,
			"usage is kept by the hour, against which rules of the kinds budget, quota, anomaly and cost_leak can be simulated, not %s", s.Rule.Kind)
	}
	for at := from.UnixMicro(); len(s.firings) < maxFirings; {
		next, ok, err := s.Store.NextHour(ctx, s.Plan.Org, at)
		if err != nil || !ok || next >= s.Until.UnixMicro() {
			return s.firings, err
		}
		if next > at && len(s.standing) > 0 {
			// An hour without usage ends what lasts.
			if err := hour(ctx, at, s.Plan.hourAfter(at)); err != nil {
				return nil, err
			}
		}
		end := s.Plan.hourAfter(next)
		if err := hour(ctx, next, end); err != nil {
			return nil, err
		}
		at = end
	}
	return s.firings, nil
}

// close does with an hour what a Closer does.
func (s *Simulation) close(ctx context.Context, start, end int64) error {
	h := newHour(start, end)
	if err := s.Store.HourRows(ctx, s.Plan.Org, start, end, h.add); err != nil {
		return err
	}
	s.before = slices.DeleteFunc(s.before, func(b HourSum) bool { return b.Start < start-week.Microseconds() })
	h.Before = s.before
	for key, k := range h.Keys {
		k.Before = s.keys[key]
		s.keys[key] = k.After(start)
	}
	for id := range s.standing {
		h.Standing = append(h.Standing, id)
	}
	told := time.UnixMicro(end).Add(lateness)
	if err := s.take(h.decide(s.Plan, s.Rule.ID.String(), told.UTC()), told); err != nil {
		return err
	}
	if h.Total != (Rollup{}) {
		s.before = append(s.before, HourSum{start, h.Total.Requests, h.Total.Cost})
	}
	return nil
}

// count does with an hour what a report of its usage does.
func (s *Simulation) count(ctx context.Context, start, end int64) error {
	at := time.UnixMicro(start)
	w := &Work{Plan: s.Plan, Now: at.Add(freshFor), Usage: &Usage{}} // too late for limits of a minute
	err := s.Store.HourRows(ctx, s.Plan.Org, start, end, func(id RollupID, sums Rollup) {
		w.Usage.Records = append(w.Usage.Records, Record{
			Time: at, Team: id.Team, Key: id.Key, User: id.User, Requests: sums.Requests, Tokens: sums.Tokens, Cost: sums.Cost,
		})
	})
	if err != nil {
		return err
	}
	g := NewGroup()
	g.Meters = s.meters
	for _, m := range s.meters {
		m.Changed = false
	}
	g.Need(w)
	if err := g.Apply(w); err != nil {
		return err
	}
	g.now = at.UTC()
	if err := g.Finish(); err != nil {
		return err
	}
	return s.take(g, at)
}

// take keeps what the rule tells for the first time.
func (s *Simulation) take(g *Group, at time.Time) error {
	for _, a := range g.Alerts {
		switch {
		case a.Rule != s.Rule.ID.String():
		case a.Over:
			delete(s.standing, a.AlertID)
		case !s.standing[a.AlertID]:
			s.standing[a.AlertID] = true
			if at.Before(s.Since) {
				continue
			}
			event, err := a.Event()
			if err != nil {
				return err
			}
			f := Firing{Time: at.UTC(), Type: event.Type, Subject: event.Subject, Data: event.Data}
			f.Value, f.Threshold = figure(event.Data, measured), figure(event.Data, compared)
			s.firings = append(s.firings, f)
		}
	}
	return nil
}

// The members of events that say what was measured, and with what it was compared.
var (
	measured = []string{"current_value", "daily_spent", "monthly_spent", "spent", "currentUsage", "amount"}
	compared = []string{"threshold_value", "daily_budget", "monthly_budget", "budget", "limit"}
)

// figure is the first number of data that has one of the names.
func figure(data json.RawMessage, names []string) (n json.Number) {
	// The data is an object that was made here.
	_ = strictjson.Fields(data, func(name string, value []byte) error {
		if n == "" && slices.Contains(names, name) && !strings.HasPrefix(string(value), `"`) {
			n = json.Number(value)
		}
		return nil
	})
	return n
}
