package governance

import (
	"context"
	"encoding/json"
	"errors"
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
		if other.Kind != r.Kind { // a rule is asked alone, but a budget may be what an anomaly is of
			rules = append(rules, other)
		}
	}
	o, ok := e.Directory.Org(org)
	if !ok {
		return nil, peal.NotFound("org")
	}
	s := &Simulation{
		Store: e.Hours, History: e.History, Plan: NewPlan(o, e.Settings(org), rules, false), Rule: r, Since: since, Until: until,
	}
	return s.Run(ctx)
}

// Simulation replays what is stored against one rule of a plan.
type Simulation struct {
	Store        HourStore
	History      History
	Plan         *Plan
	Rule         *peal.Rule
	Since, Until time.Time

	firings  []Firing
	standing map[AlertID]bool
	meters   map[MeterID]*Meter
	memories map[MemoryID]*Memory
	before   []HourSum
	keys     map[string]KeyUse
	credits  []CreditEntry
	day      int64
}

// maxSimulation is how long a simulation may take.
const maxSimulation = 20 * time.Second

// errEnough ends a simulation that has told as much as it may.
var errEnough = errors.New("enough was told")

// Run gives what would have been told, in its order.
func (s *Simulation) Run(ctx context.Context) ([]Firing, error) {
	within, cancel := context.WithTimeout(ctx, maxSimulation)
	defer cancel()
	err := s.replay(within)
	switch {
	case errors.Is(err, errEnough):
		return s.firings, nil
	case err != nil && within.Err() != nil && ctx.Err() == nil:
		return nil, peal.Errorf(peal.CodeUnprocessable, "the simulation took longer than %s; ask for less time", maxSimulation)
	}
	return s.firings, err
}

func (s *Simulation) replay(ctx context.Context) error {
	s.standing, s.meters, s.memories, s.keys = map[AlertID]bool{}, map[MeterID]*Meter{}, map[MemoryID]*Memory{}, map[string]KeyUse{}
	calendar := s.Plan.Calendar
	switch s.Rule.Kind {
	case peal.RuleBudget, peal.RuleQuota:
		return s.hours(ctx, calendar.Month(s.Since), s.count)
	case peal.RuleAnomaly:
		return s.hours(ctx, calendar.Hour(s.Since.Add(-week)), s.close)
	case peal.RuleCostLeak:
		// A key sleeps before it wakes, and was used before it slept.
		return s.hours(ctx, calendar.Hour(s.Since.Add(-week-max(time.Duration(s.Rule.IdleKey), idleKeyFor))), s.close)
	case peal.RuleBalance:
		return s.balance(ctx)
	case peal.RuleRateLimit:
		return s.minutes(ctx)
	case peal.RuleModels, peal.RuleApproval:
		return s.asked(ctx)
	}
	return peal.Errorf(peal.CodeUnprocessable,
		"a rule of the kind %s goes by single records and their order, which are not kept, and cannot be simulated", s.Rule.Kind)
}

// hours calls f for the hours with usage from one on, in their order.
func (s *Simulation) hours(ctx context.Context, from time.Time, f func(ctx context.Context, start, end int64) error) error {
	for at := from.UnixMicro(); ; {
		next, ok, err := s.Store.NextHour(ctx, s.Plan.Org, at)
		if err != nil || !ok || next >= s.Until.UnixMicro() {
			return err
		}
		if next > at && len(s.standing) > 0 {
			// An hour without usage ends what lasts.
			if err := f(ctx, at, s.Plan.hourAfter(at)); err != nil {
				return err
			}
		}
		end := s.Plan.hourAfter(next)
		if err := f(ctx, next, end); err != nil {
			return err
		}
		at = end
	}
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

// take keeps what the rule tells for the first time.
func (s *Simulation) take(g *Group, at time.Time) error {
	for _, a := range g.Alerts {
		switch {
		case a.Rule != s.Rule.ID.String():
		case a.Over:
			delete(s.standing, a.AlertID)
		case !s.standing[a.AlertID]:
			s.standing[a.AlertID] = true
			event, err := a.Event()
			if err != nil {
				return err
			}
			if err := s.tell(event, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell notes an event, unless it is from before what is asked for.
func (s *Simulation) tell(event peal.Raised, at time.Time) error {
	if at.Before(s.Since) {
		return nil
	}
	s.firings = append(s.firings, Firing{
		Time: at.UTC(), Type: event.Type, Subject: event.Subject, Data: event.Data,
		Value: figure(event.Data, measured), Threshold: figure(event.Data, compared),
	})
	if len(s.firings) == maxFirings {
		return errEnough
	}
	return nil
}

// The members of events that say what was measured, and with what it was compared.
var (
	measured = []string{
		"current_value", "daily_spent", "monthly_spent", "spent", "currentUsage", "amount", "current_balance", "current_count", "hits", "estimated_cost",
	}
	compared = []string{
		"threshold_value", "daily_budget", "monthly_budget", "budget", "limit", "threshold", "rpm_limit", "tpm_limit", "hitl_threshold",
	}
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
