package governance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
)

// shelf keeps what groups decide, as a store does.
type shelf struct {
	*rapid.T
	plan     *Plan
	meters   map[MeterID]Meter
	memories map[MemoryID]string
	told     map[AlertID]bool
	events   []AlertID
}

// do decides works in a group of their own.
func (s *shelf) do(works ...*Work) {
	g := NewGroup()
	for _, w := range works {
		g.Need(w)
	}
	for id, m := range g.Meters {
		*m = s.meters[id]
	}
	s.read(g)
	for _, w := range works {
		s.check(g.Apply(w))
	}
	s.check(g.Finish())
	s.write(g)
}

func (s *shelf) read(g *Group) {
	for id, m := range g.Memories {
		m.Doc = []byte(s.memories[id])
	}
}

func (s *shelf) write(g *Group) {
	for id, m := range g.Meters {
		m.Changed, m.dropped = false, false
		s.meters[id] = *m
	}
	for id, m := range g.Memories {
		if m.Changed {
			s.memories[id] = string(m.Doc)
		}
	}
	for _, a := range g.Alerts {
		switch {
		case a.Over:
			delete(s.told, a.AlertID)
		case !s.told[a.AlertID]:
			s.told[a.AlertID] = true
			event, err := a.Event()
			s.check(err)
			if strings.Contains(string(event.Data), `"failureCount":0`) {
				s.Fatalf("told of no failures: %s", event.Data)
			}
			s.events = append(s.events, a.AlertID)
		}
	}
}

// close closes an hour.
func (s *shelf) close(from, to time.Time) {
	g := NewGroup()
	for id := range s.memories {
		g.Memories[id] = &Memory{}
	}
	s.read(g)
	h := newHour(from.UnixMicro(), to.UnixMicro())
	c := &Closed{Org: s.plan.Org, From: h.Start, To: h.End, Hour: h, Group: h.decide(s.plan, "", to.Add(lateness)), plan: s.plan}
	s.check(c.Settle(g))
	s.write(g)
}

func (s *shelf) check(err error) {
	if err != nil {
		s.Fatal(err)
	}
}

var anyDuration = rapid.Custom(func(t *rapid.T) peal.Duration {
	return peal.Duration(rapid.SampledFrom([]time.Duration{time.Second, 30 * time.Second, time.Minute, time.Hour, peal.MaxPeriod}).Draw(t, "duration"))
})

// anyRules are rules of the kinds that remember.
func anyRules(t *rapid.T) []*peal.Rule {
	rules := []*peal.Rule{
		{Kind: peal.RuleCircuit, Failures: rapid.IntRange(1, 4).Draw(t, "failures"), Window: anyDuration.Draw(t, "window"), Cooldown: anyDuration.Draw(t, "cooldown")},
		{
			Kind: peal.RuleRateLimit, Scope: peal.ScopeKey, RPM: rapid.Int64Range(1, 5).Draw(t, "rpm"), TPM: rapid.Int64Range(0, 5).Draw(t, "tpm"),
			Repeated: &peal.Repeated{Hits: rapid.IntRange(1, 4).Draw(t, "hits"), Within: anyDuration.Draw(t, "within")},
		},
		{Kind: peal.RuleQuota, Scope: peal.ScopeUser, Period: peal.Month, Limit: 10 * peal.DecimalOne},
		{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Daily, Limit: peal.DecimalOne},
		{Kind: peal.RuleBalance, Threshold: peal.DecimalOne},
	}
	for i, r := range rules {
		copy(r.ID[:], fmt.Sprintf("%016d", i))
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
	}
	return rules
}

// Whatever comes in whatever order, nothing is told twice, and what was told to be open is
// told to be closed once the route succeeds for good.
func TestAnyOrderEnds(t *testing.T) {
	t.Parallel()
	base := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		profile := rapid.SampledFrom([]string{"nemo", "curate-me", "nolxy"}).Draw(t, "profile")
		plan := func() *Plan {
			return NewPlan(peal.Org{ID: "acme", Profile: profile}, peal.DefaultGovernance("acme"), anyRules(t), false)
		}
		s := &shelf{T: t, plan: plan(), meters: map[MeterID]Meter{}, memories: map[MemoryID]string{}, told: map[AlertID]bool{}}
		now, closed := base, base
		move := func(by time.Duration) {
			for now = now.Add(by); !closed.Add(time.Hour + lateness).After(now); closed = closed.Add(time.Hour) {
				s.close(closed, closed.Add(time.Hour))
			}
		}
		record := rapid.Custom(func(t *rapid.T) Record {
			return Record{
				Time:  now.Add(time.Duration(rapid.OneOf(rapid.Int64Range(-90, 10), rapid.Int64Range(-24*3600, 24*3600)).Draw(t, "at")) * time.Second),
				Route: "embed", Key: "a", User: "42", Requests: rapid.SampledFrom([]int64{0, 1, 1, 2, 1e9}).Draw(t, "requests"),
				Tokens: rapid.SampledFrom([]int64{0, 1, 1e9}).Draw(t, "tokens"), Cost: peal.Decimal(rapid.SampledFrom([]int64{0, 1, 1e18}).Draw(t, "cost")),
				Failed: rapid.Bool().Draw(t, "failed"),
			}
		})
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 5: // somebody changes the rules
				s.plan = plan()
			case 0:
				move(time.Duration(rapid.Int64Range(1, 7200).Draw(t, "seconds")) * time.Second)
			case 1:
				r := &Reservation{ID: peal.NewReservationID(now), Org: "acme", Key: "a", User: "42", Model: "m", Tokens: 1, Cost: peal.DecimalOne / 10}
				s.do(&Work{Plan: s.plan, Now: now, Reserve: r})
			default:
				s.do(&Work{Plan: s.plan, Now: now, Usage: &Usage{Records: rapid.SliceOfN(record, 1, 8).Draw(t, "records")}})
			}
		}
		move(48 * time.Hour)
		for range 3 {
			move(2 * peal.MaxPeriod)
			s.do(&Work{Plan: s.plan, Now: now, Usage: &Usage{Records: []Record{{Time: now, Route: "embed", Requests: 1}}}})
		}
		open := map[AlertID]bool{}
		for _, id := range s.events {
			switch id.Threshold {
			case "open":
				open[id] = true
			case "closed":
				id.Threshold = "open"
				if !open[id] {
					t.Fatalf("closed what was not open: %v", id)
				}
				delete(open, id)
			}
		}
		if len(open) > 0 {
			t.Fatalf("never closed: %v, of %v", open, s.events)
		}
	})
}
