package storetest

import (
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
)

func dailyBudget(limit string) peal.Rule {
	return peal.Rule{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Daily, Limit: Amount(limit)}
}

// wantTold compares what was raised, in any order.
func (b *Books) wantTold(want []string, members ...string) {
	b.Helper()
	got := b.Told(members...)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("told:\n%s", diff)
	}
}

var ledgerTests = map[string]func(*Fixture){
	"counts an id once": func(f *Fixture) {
		b := f.Books("", dailyBudget("100"))
		record := func(id string) governance.Record {
			r := Spend("10")
			r.ID = id
			return r
		}
		if n := b.Use(record("a"), record("b"), record("a")); n != 1 {
			f.Errorf("%d duplicates in a report", n)
		}
		// Of two works in one group, one has it.
		one, other := b.Usage(record("c")), b.Usage(record("c"), record("a"))
		var settled sync.WaitGroup
		f.Together(func() {
			for _, w := range []*governance.Work{one, other} {
				settled.Add(1)
				w.Plan, w.Now, w.Done = b.Plan, b.Now(), func(error) { settled.Done() }
				f.Check(f.L.Submit(w))
			}
		})
		settled.Wait()
		if got := one.Usage.Duplicates + other.Usage.Duplicates; got != 2 {
			f.Errorf("%d duplicates in a group", got)
		}
		f.Reopen()
		if n := b.Use(record("a")); n != 1 {
			f.Errorf("%d duplicates after a restart", n)
		}
		// Another org's id is another, and one that expired is new.
		mine := f.Org
		f.Org = "other"
		if n := f.Books("").Use(record("a")); n != 0 {
			f.Error("the orgs share ids")
		}
		f.Org = mine
		f.Pass(25 * time.Hour)
		if n := b.Use(record("a")); n != 0 {
			f.Error("an id outlived its time")
		}
		sums := b.sums(governance.UsageQuery{})
		if len(sums) != 1 || sums[0].Requests != 4 || sums[0].Cost != Amount("40") {
			f.Errorf("counted %+v", sums)
		}
	},
	"tells each threshold once a period": func(f *Fixture) {
		b := f.Books("curate-me", dailyBudget("100"))
		for _, cost := range []string{"49.999999999", "0.000000001", "10", "20", "9.5", "1.5"} {
			b.Use(Spend(cost))
		}
		b.wantTold([]string{"budget.warning 50 50 100", "budget.warning 75 80 100", "budget.warning 90 91 100"}, "threshold_percent", "daily_spent", "daily_budget")
		b.Use(Spend("9"))
		if got := b.Told(); len(got) != 3 {
			f.Errorf("a full budget is not exceeded: %v", got)
		}
		b.Use(Spend("0.01"))
		b.Use(Spend("5"))
		if got := b.Told("blocked_by", "daily_spent"); len(got) != 4 || got[3] != `budget.exceeded "daily_budget" 100.01` {
			f.Errorf("told %v", got)
		}
		f.Pass(24 * time.Hour)
		b.Use(Spend("60"))
		if got := b.Told("threshold_percent", "daily_spent"); len(got) != 5 || got[4] != "budget.warning 50 60" {
			f.Errorf("the next day: %v", got)
		}
		// A late record is counted in its own day, which was told all there is.
		late := Spend("5")
		late.Time = f.Now().Add(-24 * time.Hour)
		b.Use(late)
		// And one of a day that nobody counted yet is told for that day.
		earlier := Spend("76")
		earlier.Time = f.Now().Add(-72 * time.Hour)
		b.Use(earlier)
		if got := b.Told("threshold_percent", "daily_spent"); len(got) != 7 || got[5] != "budget.warning 50 76" || got[6] != "budget.warning 75 76" {
			f.Errorf("late records: %v", got)
		}
	},
	"tells a threshold again under another limit": func(f *Fixture) {
		b := f.Books("curate-me", dailyBudget("10"))
		b.Use(Spend("5"))
		b = f.Books("curate-me", dailyBudget("20"))
		b.Use(Spend("1"))
		if got := b.Told(); len(got) != 1 {
			f.Errorf("half of the new limit is not reached: %v", got)
		}
		b.Use(Spend("4"))
		if got := b.Told("daily_spent"); len(got) != 2 || got[1] != "budget.warning 10" {
			f.Errorf("told %v", got)
		}
	},
	"tells nodes of a hierarchy": func(f *Fixture) {
		team, key := dailyBudget("10"), dailyBudget("10")
		team.Scope, team.Ref, team.Period, team.Name = peal.ScopeTeam, "research", peal.Monthly, "Research"
		key.Scope = peal.ScopeKey
		rules := []peal.Rule{dailyBudget("1000"), team, key}
		b := f.Books("curate-me", rules...)
		used := Spend("5")
		used.Team, used.Key = "research", "k1"
		other := Spend("7.5")
		other.Team, other.Key = "sales", "k2"
		b.Use(used, other)
		b.wantTold([]string{
			`budget_hierarchy_alert "research" "team" 5 50`, `budget_hierarchy_alert "k1" "key" 5 50`,
			`budget_hierarchy_alert "k2" "key" 7.5 50`, `budget_hierarchy_alert "k2" "key" 7.5 75`,
		}, "node_id", "node_type", "spent", "threshold_percent")
	},
	"speaks Nemo's names": func(f *Fixture) {
		key := dailyBudget("10")
		key.Scope = peal.ScopeKey
		b := f.Books("nemo", key, peal.Rule{Kind: peal.RuleModels, Allow: []string{"gpt-*"}})
		used := Spend("9.5")
		used.Key = "k"
		b.Use(used)
		ask := b.Ask("0.6")
		ask.Key = "k"
		if r := b.Reserve(ask); r.Status != governance.Denied || r.BlockedBy != "daily_budget" {
			f.Errorf("got %+v", r)
		}
		blocked := b.Ask("0.1")
		blocked.Model = "claude"
		b.Reserve(blocked)
		b.wantTold([]string{
			`budget.threshold "k" 50 9.5 10 "daily"`, `budget.threshold "k" 80 9.5 10 "daily"`, `budget.threshold "k" 100 9.5 10 "daily"`,
			`guardrail.blocked "model_blocked" "claude"`,
		}, "key_alias", "threshold", "spent", "budget", "period", "guardrail_name", "model")
	},
	"warns of quotas by user and billing month": func(f *Fixture) {
		settings := peal.DefaultGovernance(f.Org)
		settings.BillingDay = 15
		b := f.BooksOf(settings, "nolxy", peal.Rule{Kind: peal.RuleQuota, Scope: peal.ScopeUser, Limit: Amount("100")})
		use := func(user string, n int64) { b.Use(governance.Record{User: user, Requests: n}) }
		use("42", 89)
		use("7", 50)
		if got := b.Told(); len(got) != 0 {
			f.Errorf("told %v", got)
		}
		use("42", 1)
		use("42", 9)
		ask := b.Ask("0")
		ask.User = "42"
		if r := b.Reserve(ask); r.Status != governance.Allowed {
			f.Errorf("the last request: %+v", r)
		}
		again := b.Ask("0")
		again.User = "42"
		if r := b.Reserve(again); r.Status != governance.Denied || r.BlockedBy != "quota" {
			f.Errorf("past the quota: %+v", r)
		}
		b.wantTold([]string{"quota.warning 42 90 100 90", "quota.exceeded 42 100 100 100"}, "subject", "currentUsage", "limit", "percentage")
		f.Pass(14 * 24 * time.Hour) // the 15th
		next := b.Ask("0")
		next.User = "42"
		if r := b.Reserve(next); r.Status != governance.Allowed {
			f.Errorf("the next cycle: %+v", r)
		}
	},
	"tells a low balance until it is over": func(f *Fixture) {
		b := f.Books("nemo")
		b.Use(Spend("3"))
		if got := b.Told(); len(got) != 0 {
			f.Errorf("without credits: %v", got)
		}
		f.Check(b.TopUp("12"))
		b.Use(Spend("1"))
		b.Use(Spend("1.5"))
		b.Use(Spend("1"))
		f.Check(b.TopUp("0.5"))
		b.Use(Spend("0.5"))
		if got := b.Told("current_balance", "threshold"); len(got) != 1 || got[0] != "balance.low 9.5 10" {
			f.Errorf("told %v", got)
		}
		f.Check(b.TopUp("10"))
		f.WantCode(b.TopUp("-30"), peal.CodeUnprocessable)
		f.Check(b.TopUp("-9"))
		if got := b.Told("current_balance"); len(got) != 2 || got[1] != "balance.low 9.5" {
			f.Errorf("the next episode: %v", got)
		}
		if r := b.Reserve(b.Ask("9.51")); r.Status != governance.Denied || r.BlockedBy != "credit_balance" {
			f.Errorf("got %+v", r)
		}
	},
	"sums up by any dimension": func(f *Fixture) {
		b := f.Books("")
		one, two := governance.Record{Team: "a", Model: "m", Requests: 2, Tokens: 10, Cost: Amount("1.5")}, governance.Record{Team: "a", Model: "n", Requests: 1, Failed: true}
		b.Use(one, two, governance.Record{Team: "b", Model: "m", Requests: 1, Cost: Amount("0.25")})
		b.Use(one)
		got := map[string]governance.Rollup{}
		for _, s := range b.sums(governance.UsageQuery{By: []string{"team"}}) {
			got[s.By[0]] = s.Rollup
		}
		want := map[string]governance.Rollup{
			"a": {Requests: 5, Failed: 1, Tokens: 20, Cost: Amount("3")}, "b": {Requests: 1, Cost: Amount("0.25")},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Error(diff)
		}
		if sums := b.sums(governance.UsageQuery{By: []string{"model", "team"}, Hourly: true}); len(sums) != 3 || !sums[0].Start.Equal(f.Now()) {
			f.Errorf("got %+v", sums)
		}
	},
	"keeps sums at the largest number": func(f *Fixture) {
		b := f.Books("curate-me")
		for range 2 {
			for _, key := range []string{"a", "b"} {
				most := governance.Record{Key: key, Requests: 1, Cost: Amount("1000000000"), Failed: true}
				b.Use(slices.Repeat([]governance.Record{most}, 9)...)
			}
		}
		b.Reserve(b.Ask("1"))
		for _, sums := range [][]governance.UsageSum{b.sums(governance.UsageQuery{}), b.sums(governance.UsageQuery{By: []string{"key"}})[:1]} {
			if len(sums) != 1 || sums[0].Cost != peal.MaxDecimal {
				f.Errorf("got %+v", sums)
			}
		}
		_, meters, err := f.L.Meters(f.Ctx, governance.MeterID{
			Org: f.Org, Scope: peal.ScopeOrg, Period: governance.Day, Start: b.Plan.Calendar.Day(f.Now()).UnixMicro(),
		}, 1)
		if f.Check(err); len(meters) != 1 || meters[0].Cost != peal.MaxDecimal || meters[0].Requests != 36 {
			f.Errorf("got %+v", meters)
		}
	},
	"purges what is old": func(f *Fixture) {
		b := f.Books("curate-me", dailyBudget("10"), peal.Rule{Kind: peal.RuleRateLimit, RPM: 5, Repeated: &peal.Repeated{Hits: 1, Within: peal.Duration(time.Minute)}})
		id := Spend("6")
		id.ID, id.Requests = "a", 9
		b.Use(id)
		_, err := b.Close(b.Reserve(b.Ask("1")).ID, governance.Release, "0")
		f.WantCode(err, peal.CodeConflict) // over the limit, so denied
		purge := func() (total int) {
			for {
				n, err := f.L.Purge(f.Ctx, janitor.Retention{Events: 90 * 24 * time.Hour}, f.Now())
				f.Check(err)
				if n == 0 {
					return total
				}
				total += n
			}
		}
		if n := purge(); n != 0 {
			f.Errorf("purged %d rows at once", n)
		}
		f.Pass(25 * time.Hour)
		if n := purge(); n != 1 {
			f.Errorf("purged %d rows after a day, want the id", n)
		}
		f.Pass(91 * 24 * time.Hour)
		if n := purge(); n != 2 {
			f.Errorf("purged %d rows after three months, want the minute's meter and the reservation", n)
		}
		f.Pass(400 * 24 * time.Hour)
		if n := purge(); n != 7 {
			f.Errorf("purged %d rows after a year and more", n)
		}
	},
}

// sums reads sums of the org's usage of all time.
func (b *Books) sums(q governance.UsageQuery) (out []governance.UsageSum) {
	b.Helper()
	q.Org, q.Until = b.Org, b.Now().Add(time.Hour)
	b.Check(b.L.Usage(b.Ctx, q, func(s governance.UsageSum) error {
		out = append(out, s)
		return nil
	}))
	return out
}

// expire gives up what is overdue.
func (b *Books) expire() {
	b.Helper()
	overdue, err := b.L.Overdue(b.Ctx, b.Now(), 100)
	b.Check(err)
	for _, o := range overdue {
		if o.Org != b.Org {
			continue
		}
		b.Check(b.Do(&governance.Work{Close: &governance.Closing{ID: o.ID, Deed: governance.Expire}})[0])
	}
}

// wantAccount compares the org's credits; what is available is the rest.
func (b *Books) wantAccount(granted, spent, reserved string) {
	b.Helper()
	a, err := b.L.Account(b.Ctx, b.Org)
	b.Check(err)
	if a.Granted != Amount(granted) || a.Spent != Amount(spent) || a.Reserved != Amount(reserved) || a.Granted != a.Spent+a.Reserved+a.Available() {
		b.Errorf("got %+v, want %s granted, %s spent, %s reserved", a, granted, spent, reserved)
	}
}
