package storetest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// month runs 30 days of a gateway, and asks its world what must be told.
type month struct {
	*storetest.Books
	g     *gateway
	world *world
	hours [][]governance.Record
	// waiting are reservations that nobody has ended yet.
	waiting []*governance.Reservation
}

// story is what happens in a month besides its usage, and whether anomalies and leaks are
// told of that.
type story struct {
	profile       string
	billing       int
	rules         []peal.Rule
	plant         func(*month)
	acts          func(*month) map[int]func()
	anomaly, leak bool
	records       int
	// least is how many of each type there are to be told.
	least map[string]int
}

func hourOf(day, hour int) int { return 24*day + hour }

// use plants usage at a time.
func (m *month) use(hour int, at time.Duration, r governance.Record) {
	r.ID, r.Time = fmt.Sprint("planted", hour, "/", len(m.hours[hour])), m.g.start.Add(time.Duration(hour)*time.Hour+at)
	m.hours[hour] = append(m.hours[hour], r)
}

// ask reserves, and compares the answer.
func (m *month) ask(model, cost string) *governance.Reservation {
	m.Helper()
	r := m.Ask(cost)
	r.Model, r.User, r.Team = model, "grace", "lab"
	m.Reserve(r)
	if want := m.world.ask(m.Now(), r); r.BlockedBy != want {
		m.Errorf("%s of %s was blocked by %q, want %q", cost, model, r.BlockedBy, want)
	}
	if r.Status != governance.Denied {
		m.waiting = append(m.waiting, r)
	}
	return r
}

// end does a deed to a reservation.
func (m *month) end(r *governance.Reservation, deed governance.Deed, cost string) {
	m.Helper()
	_, err := m.Close(r.ID, deed, cost)
	m.Check(err)
	if deed == governance.Approve {
		m.world.decided(m.Now(), r, "approved", "ada")
		return
	}
	m.waiting = slices.DeleteFunc(m.waiting, func(w *governance.Reservation) bool { return w == r })
	switch deed {
	case governance.Deny:
		m.world.decided(m.Now(), r, "denied", "ada")
	case governance.Settle:
		m.world.settled(m.Now(), r, storetest.Amount(cost))
		h := int(r.CreatedAt.Sub(m.g.start) / time.Hour)
		m.hours[h] = append(m.hours[h], governance.Record{Requests: 1, Cost: storetest.Amount(cost)})
	case governance.Release:
		m.world.hold(r.CreatedAt, r, -1)
	}
}

// expire gives up what is overdue.
func (m *month) expire() {
	m.Helper()
	overdue, err := m.L.Overdue(m.Ctx, m.Now(), 100)
	m.Check(err)
	for _, o := range overdue {
		m.Check(m.Do(&governance.Work{Close: &governance.Closing{ID: o.ID, Deed: governance.Expire}})[0])
	}
	m.waiting = slices.DeleteFunc(m.waiting, func(r *governance.Reservation) bool {
		if m.Now().Before(r.ExpiresAt) {
			return false
		}
		if r.Status == governance.Waiting {
			m.world.decided(m.Now(), r, "expired", "")
		} else {
			m.world.hold(r.CreatedAt, r, -1)
		}
		return true
	})
}

func (m *month) topUp(amount string) {
	m.Helper()
	m.Check(m.TopUp(amount))
	m.world.topUp(storetest.Amount(amount))
}

// run lives through the hours: what is asked in the middle of each, its usage at its end, and
// the closing of it when it is late.
func (m *month) run(acts map[int]func()) {
	m.Helper()
	c := closer(m.Books)
	for h := range m.hours {
		m.Pass(30 * time.Minute)
		m.expire()
		if act := acts[h]; act != nil {
			act()
		}
		m.Pass(30 * time.Minute)
		records := slices.DeleteFunc(slices.Clone(m.hours[h]), func(r governance.Record) bool { return r.ID == "" })
		slices.SortStableFunc(records, func(a, b governance.Record) int { return a.Time.Compare(b.Time) })
		m.Use(records...)
		m.world.report(m.Now(), records...)
		m.Pass(5 * time.Minute)
		m.Check(c.Round(m.Ctx))
		m.Pass(-5 * time.Minute)
	}
}

// told is what was raised, with data whose members are sorted: costs, which are compared by
// their figures, and everything else.
func (m *month) told() (costs, others []string) {
	m.Helper()
	for _, e := range m.ToldEvents() {
		if strings.HasPrefix(e.Type, "cost_") {
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(e.Data))
		decoder.UseNumber()
		var data object
		m.Check(decoder.Decode(&data))
		doc, err := json.Marshal(data)
		m.Check(err)
		others = append(others, fmt.Sprintf("%s %s %s", e.Type, e.Subject, doc))
	}
	return incidents(m.Books), others
}

const minuteLimit = 300

var overMinute = governance.Record{Key: "burst", Route: "chat", Model: "model4", Requests: minuteLimit + 10}

var stories = []story{
	{
		profile: "curate-me", billing: 15, anomaly: true, leak: true, records: 60,
		rules: []peal.Rule{
			{Kind: peal.RuleModels, Allow: []string{"gpt-4.1", "claude"}},
			{Kind: peal.RuleRateLimit, Scope: peal.ScopeKey, RPM: minuteLimit, TPM: 400_000},
			{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Daily, Limit: storetest.Amount("210")},
			{Kind: peal.RuleBudget, Scope: peal.ScopeKey, Period: peal.Daily, Limit: storetest.Amount("5")},
			{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Monthly, Limit: storetest.Amount("2400")},
			{Kind: peal.RuleBudget, Scope: peal.ScopeTeam, Ref: "research", Name: "Research", Period: peal.Monthly, Limit: storetest.Amount("50")},
			{Kind: peal.RuleApproval, Threshold: storetest.Amount("10")},
			gatewayRules[0], gatewayRules[1],
		},
		plant: func(m *month) {
			for _, day := range []int{12, 27} { // one day in each billing month
				for h := range 16 {
					m.use(hourOf(day, 8+h), 11*time.Minute, governance.Record{Team: "research", Requests: 1, Cost: storetest.Amount("6.01")})
				}
			}
			m.use(hourOf(3, 10), 20*time.Minute, overMinute)
			both := overMinute
			both.Tokens = 500_000
			m.use(hourOf(3, 10), 21*time.Minute, both)
			both.Requests = 10
			m.use(hourOf(19, 23), 59*time.Minute, both)
			m.use(hourOf(20, 0), 0, both)
		},
		acts: func(m *month) map[int]func() {
			return map[int]func(){
				hourOf(2, 10): func() {
					m.ask("llama", "0.1")
					m.ask("llama", "0.1")
					m.ask("mistral", "0.1")
					m.Pass(time.Minute)
					m.ask("llama", "0.1")
					m.Pass(-time.Minute)
				},
				hourOf(6, 9): func() {
					r := m.ask("claude", "12.5")
					m.end(r, governance.Approve, "0")
					m.end(r, governance.Settle, "6")
				},
				hourOf(7, 9):   func() { m.end(m.ask("claude", "20"), governance.Deny, "0") },
				hourOf(8, 9):   func() { m.ask("claude", "30") }, // nobody decides
				hourOf(9, 9):   func() { m.end(m.ask("gpt-4.1", "10"), governance.Settle, "0.5"); m.ask("gpt-4.1", "1") },
				hourOf(10, 9):  func() { m.end(m.ask("gpt-4.1", "3"), governance.Release, "0") },
				hourOf(16, 22): func() { m.ask("gpt-4.1", "150"); m.ask("gpt-4.1", "150"); m.ask("gpt-4.1", "0.5") },
			}
		},
		least: map[string]int{
			"budget.warning": 20, "budget.exceeded": 4, "budget_hierarchy_alert": 10, "guardrail.triggered": 8, "approval.requested": 3, "approval.decided": 3,
		},
	},
	{
		profile: "nemo", billing: 1, leak: true, records: 25,
		rules: []peal.Rule{
			{Kind: peal.RuleModels, Allow: []string{"gpt-4.1"}},
			{Kind: peal.RuleRateLimit, Scope: peal.ScopeKey, RPM: minuteLimit, Repeated: &peal.Repeated{Hits: 5, Within: peal.Duration(5 * time.Minute)}},
			{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Daily, Limit: storetest.Amount("90")},
			{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Monthly, Limit: storetest.Amount("1650")},
		},
		plant: func(m *month) {
			for minute, planted := range []bool{true, true, true, true, true, false, true, true} {
				if planted {
					m.use(hourOf(5, 9), time.Duration(minute)*time.Minute, overMinute)
				}
			}
			for minute := range 4 { // one too few
				m.use(hourOf(6, 9), time.Duration(minute)*time.Minute, overMinute)
			}
			for minute := range 11 { // twice, over an hour's end
				m.use(hourOf(7, 9)+(55+minute)/60, time.Duration((55+minute)%60)*time.Minute, overMinute)
			}
			m.use(hourOf(11, 12), 5*time.Minute, governance.Record{Requests: 1, Cost: storetest.Amount("60")})
		},
		acts: func(m *month) map[int]func() {
			return map[int]func(){
				0:              func() { m.topUp("500") },
				hourOf(2, 10):  func() { m.ask("llama", "0.1"); m.ask("llama", "0.1") },
				hourOf(8, 20):  func() { m.ask("gpt-4.1", "60") },
				hourOf(12, 9):  func() { m.topUp("700") },
				hourOf(26, 9):  func() { m.topUp("1000") },
				hourOf(27, 11): func() { m.end(m.ask("gpt-4.1", "5"), governance.Settle, "4.5") },
			}
		},
		least: map[string]int{"budget.threshold": 20, "balance.low": 2, "rate_limit.repeated": 3, "guardrail.blocked": 1},
	},
	{
		profile: "nolxy", billing: 15, records: 25,
		rules: []peal.Rule{
			{Kind: peal.RuleQuota, Scope: peal.ScopeUser, Period: peal.Month, Limit: storetest.Amount("1200")},
			{Kind: peal.RuleCircuit, Route: "embed", Failures: 5, Window: peal.Duration(time.Minute), Cooldown: peal.Duration(30 * time.Second)},
			{Kind: peal.RuleCircuit, Route: "image", Failures: 5, Window: peal.Duration(time.Minute), Cooldown: peal.Duration(30 * time.Second)},
			{Kind: peal.RuleCircuit, Route: "chat", Failures: 25, Window: peal.Duration(time.Minute), Cooldown: peal.Duration(30 * time.Second)},
		},
		plant: func(m *month) {
			for _, day := range []int{3, 20} { // one in each cycle
				m.use(hourOf(day, 10), 0, governance.Record{User: "heavy", Requests: 1000})
				m.use(hourOf(day, 11), 0, governance.Record{User: "heavy", Requests: 100})
				m.use(hourOf(day, 13), 0, governance.Record{User: "heavy", Requests: 300})
			}
			m.outage(hourOf(4, 10), 0, "embed")
			m.outage(hourOf(9, 10), 59*time.Minute+10*time.Second, "embed") // over an hour's end
			m.outage(hourOf(9, 10), 59*time.Minute+20*time.Second, "image")
			for i := range 4 { // one too few
				m.use(hourOf(15, 10), time.Duration(i)*time.Second, governance.Record{Route: "image", Requests: 1, Failed: true})
			}
			m.outage(hourOf(28, 3), 40*time.Minute, "image")
		},
		acts:  func(*month) map[int]func() { return nil },
		least: map[string]int{"quota.warning": 2, "quota.exceeded": 2, "circuit.open": 4, "circuit.closed": 4},
	},
}

// outage plants failures that open a circuit, a probe that fails and one that succeeds.
func (m *month) outage(hour int, at time.Duration, route string) {
	for _, step := range []struct {
		seconds int
		failed  bool
	}{{0, true}, {5, true}, {6, false}, {10, true}, {15, true}, {20, true}, {25, false}, {55, true}, {60, false}, {90, false}, {95, true}} {
		t := at + time.Duration(step.seconds)*time.Second
		m.use(hour+int(t/time.Hour), t%time.Hour, governance.Record{Route: route, Requests: 1, Failed: step.failed})
	}
}

// TestMonth plants incidents of every kind in 30 days of a gateway: each raises its event
// with the right figures, once, and again in the next period, and nothing else fires.
func TestMonth(t *testing.T) {
	t.Parallel()
	for _, s := range stories {
		t.Run(s.profile, func(t *testing.T) {
			t.Parallel()
			f := storetest.New(t, sqlite)
			settings := peal.DefaultGovernance(f.Org)
			settings.BillingDay = s.billing
			rules := slices.Clone(s.rules)
			m := &month{Books: f.BooksOf(settings, s.profile, rules...), world: newWorld(s.profile, s.billing, rules)}
			m.g = &gateway{random: rand.New(rand.NewPCG(6, uint64(s.billing))), start: f.Now().Truncate(24 * time.Hour), keys: 1000, records: s.records, each: 10}
			m.hours, _ = m.g.month()
			s.plant(m)
			f.Pass(m.g.start.Sub(f.Now()))
			m.run(s.acts(m))

			costs, others := m.told()
			slices.Sort(others)
			slices.Sort(m.world.want)
			if diff := cmp.Diff(m.world.want, others); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(s.costs(m), costs); diff != "" {
				t.Errorf("anomalies and leaks (-want +got):\n%s", diff)
			}
			counts := map[string]int{}
			for _, e := range others {
				kind, _, _ := strings.Cut(e, " ")
				counts[kind]++
			}
			for kind, least := range s.least {
				if counts[kind] < least {
					t.Errorf("%d of %s, want %d or more: the month has too little of it", counts[kind], kind, least)
				}
			}
		})
	}
}

// costs are the anomalies and leaks of the month, where the org is told of them.
func (s *story) costs(m *month) []string {
	want := []string{}
	for _, e := range withoutTimes(m.g.want(m.hours, hourOf)) {
		if strings.HasPrefix(e, "cost_leak") && s.leak || strings.HasPrefix(e, "cost_anomaly") && s.anomaly {
			want = append(want, e)
		}
	}
	return want
}
