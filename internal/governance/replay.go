package governance

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// History reads what is stored beside the hours of usage, for simulations.
type History interface {
	// Minutes hands the minutes that begin between two moments to f, of those that are
	// counted of a scope.
	Minutes(ctx context.Context, org string, scope peal.Scope, since, until int64, f func(MeterID, Meter)) error
	// Asked hands the reservations that were asked for between two moments to f, in their
	// order.
	Asked(ctx context.Context, org string, since, until time.Time, f func(*Reservation) error) error
	// CreditsSince are the changes of an org's credits from a moment on, in their order.
	CreditsSince(ctx context.Context, org string, since time.Time) ([]CreditEntry, error)
	Account(ctx context.Context, org string) (Account, error)
}

// group begins what one moment decides.
func (s *Simulation) group(at time.Time) *Group {
	g := NewGroup()
	g.Meters, g.Memories, g.now = s.meters, s.memories, at.UTC()
	for _, m := range s.meters {
		m.Changed, m.dropped = false, false
	}
	return g
}

// count does with an hour what a report of its usage does.
func (s *Simulation) count(ctx context.Context, start, end int64) error {
	at := time.UnixMicro(start)
	s.forget(at)
	// Who the rule does not count needs no meters.
	scope, used := cmp.Or(s.Rule.Scope, peal.ScopeOrg), map[string]*Record{}
	err := s.Store.HourRows(ctx, s.Plan.Org, start, end, func(id RollupID, sums Rollup) {
		ref, ok := who{id.Team, id.Key, id.User}.ref(scope)
		if !ok {
			return
		}
		r := used[ref]
		if r == nil {
			r = recordOf(scope, ref, at)
			used[ref] = r
		}
		r.Requests += sums.Requests
		r.Tokens += sums.Tokens
		r.Cost = r.Cost.Add(sums.Cost)
	})
	if err != nil {
		return err
	}
	w := &Work{Plan: s.Plan, Now: at.Add(freshFor), Usage: &Usage{}} // too late for limits of a minute
	for _, ref := range slices.Sorted(maps.Keys(used)) {
		w.Usage.Records = append(w.Usage.Records, *used[ref])
	}
	return s.do(w, at)
}

// recordOf is usage of somebody whom a scope counts.
func recordOf(scope peal.Scope, ref string, at time.Time) *Record {
	r := &Record{Time: at}
	switch scope {
	case peal.ScopeTeam:
		r.Team = ref
	case peal.ScopeKey:
		r.Key = ref
	case peal.ScopeUser:
		r.User = ref
	}
	return r
}

// do decides a work.
func (s *Simulation) do(w *Work, at time.Time) error {
	g := s.group(at)
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

// forget drops what periods that are over leave behind.
func (s *Simulation) forget(at time.Time) {
	day, month := s.Plan.Calendar.Day(at).UnixMicro(), s.Plan.Calendar.Month(at).UnixMicro()
	if day == s.day {
		return
	}
	s.day = day
	maps.DeleteFunc(s.meters, func(id MeterID, _ *Meter) bool {
		return id.Period == Day && id.Start < day || id.Period == Month && id.Start < month
	})
	over := month
	if s.Rule.Period == peal.Daily {
		over = day
	}
	maps.DeleteFunc(s.standing, func(id AlertID, _ bool) bool { return id.Period != 0 && id.Period < over })
}

// balance counts usage against the credits from what was left of them at the beginning.
func (s *Simulation) balance(ctx context.Context) error {
	org, from := s.Plan.Org, s.Plan.Calendar.Hour(s.Since)
	account, err := s.History.Account(ctx, org)
	if err != nil || !account.Open {
		return err
	}
	if s.credits, err = s.History.CreditsSince(ctx, org, from); err != nil {
		return err
	}
	if first := s.credits; len(first) == 0 || first[0].Balance != first[0].Amount {
		left, err := s.balanceAt(ctx, from, account)
		if err != nil {
			return err
		}
		s.meters[creditMeter(org)] = &Meter{Granted: left, Requests: 1}
		if left < s.Rule.Threshold {
			s.standing[AlertID{Org: org, Rule: s.Rule.ID.String(), Threshold: s.Rule.Threshold.String()}] = true
		}
	}
	err = s.hours(ctx, from, func(ctx context.Context, start, end int64) error {
		if err := s.topUp(end); err != nil {
			return err
		}
		return s.count(ctx, start, end)
	})
	if err != nil {
		return err
	}
	return s.topUp(s.Until.UnixMicro())
}

// balanceAt is what was left at the beginning of an hour, by what happened since.
func (s *Simulation) balanceAt(ctx context.Context, from time.Time, account Account) (peal.Decimal, error) {
	left := account.Balance()
	for _, c := range s.credits {
		left = left.Add(-c.Amount)
	}
	for at := from.UnixMicro(); ; {
		next, ok, err := s.Store.NextHour(ctx, s.Plan.Org, at)
		if err != nil || !ok {
			return left, err
		}
		at = s.Plan.hourAfter(next)
		err = s.Store.HourRows(ctx, s.Plan.Org, next, at, func(_ RollupID, sums Rollup) { left = left.Add(sums.Cost) })
		if err != nil {
			return left, err
		}
	}
}

// topUp makes the changes of the credits from before a moment.
func (s *Simulation) topUp(before int64) error {
	for len(s.credits) > 0 && s.credits[0].Time.UnixMicro() < before {
		c := s.credits[0]
		s.credits = s.credits[1:]
		if err := s.do(&Work{Plan: s.Plan, Now: c.Time, Credit: &c}, c.Time); err != nil {
			return err
		}
	}
	return nil
}

// minuteUse is what was counted in a minute, and who was denied more of it.
type minuteUse struct {
	meter  Meter
	denied []*Reservation
}

// minutes holds counted minutes against the rule, and what was denied in them.
func (s *Simulation) minutes(ctx context.Context) error {
	scope := cmp.Or(s.Rule.Scope, peal.ScopeOrg)
	for from := s.Since.Truncate(time.Minute); from.Before(s.Until); from = from.Add(time.Hour) {
		until, used := from.Add(time.Hour), map[MeterID]*minuteUse{}
		if until.After(s.Until) {
			until = s.Until
		}
		of := func(id MeterID) *minuteUse {
			if used[id] == nil {
				used[id] = &minuteUse{}
			}
			return used[id]
		}
		err := s.History.Minutes(ctx, s.Plan.Org, scope, from.UnixMicro(), until.UnixMicro(), func(id MeterID, m Meter) { of(id).meter = m })
		if err != nil {
			return err
		}
		err = s.History.Asked(ctx, s.Plan.Org, from, until, func(r *Reservation) error {
			if ref, ok := r.who().ref(scope); ok && r.BlockedBy == rateLimited {
				u := of(MeterID{s.Plan.Org, scope, ref, Minute, minuteOf(r.CreatedAt)})
				u.denied = append(u.denied, r)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, id := range slices.SortedFunc(maps.Keys(used), func(a, b MeterID) int { return cmp.Or(cmp.Compare(a.Start, b.Start), a.Compare(b)) }) {
			if err := s.minute(id, used[id]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Simulation) minute(id MeterID, u *minuteUse) error {
	clear(s.meters)
	at := time.UnixMicro(id.Start)
	used := recordOf(id.Scope, id.Ref, at)
	used.Requests, used.Tokens = u.meter.Requests, u.meter.Tokens
	if err := s.do(&Work{Plan: s.Plan, Now: at, Usage: &Usage{Records: []Record{*used}}}, at); err != nil {
		return err
	}
	for _, r := range u.denied {
		w := &Work{Plan: s.Plan, Now: r.CreatedAt, Reserve: r}
		g := s.group(r.CreatedAt)
		g.Need(w)
		if g.rateRefuses(s.Plan, w) == nil {
			m := s.meters[id]
			m.Requests++
			m.Tokens += r.Tokens
		}
		if err := s.take(g, r.CreatedAt); err != nil {
			return err
		}
	}
	return nil
}

// asked holds the reservations against the rule that the steps before it let pass.
func (s *Simulation) asked(ctx context.Context) error {
	refuses, passed := (*Group).modelsRefuses, func(by string) bool { return by != "plan" && by != "quota" }
	if s.Rule.Kind == peal.RuleApproval {
		refuses, passed = (*Group).approvalRefuses, func(by string) bool { return by == "" || by == "approval" }
	}
	return s.History.Asked(ctx, s.Plan.Org, s.Since, s.Until, func(r *Reservation) error {
		if !passed(r.BlockedBy) {
			return nil
		}
		g := s.group(r.CreatedAt)
		refused := refuses(g, s.Plan, &Work{Plan: s.Plan, Now: r.CreatedAt, Reserve: r})
		if refused != nil && refused.waits {
			r.Threshold = refused.threshold
			if err := g.askApproval(r); err != nil {
				return err
			}
		}
		for _, event := range g.Raised {
			if err := s.tell(event, r.CreatedAt); err != nil {
				return err
			}
		}
		return s.take(g, r.CreatedAt)
	})
}
