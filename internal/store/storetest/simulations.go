package storetest

import (
	"encoding/json"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// simulate asks what a rule would have told of what is stored.
func (b *Books) simulate(profile string, rule peal.Rule, since time.Time) ([]governance.Firing, error) {
	b.Helper()
	s := &governance.Simulation{
		Store: b.L, History: b.L, Plan: b.Books(profile, rule).Plan, Rule: &rule, Since: since, Until: b.Now().Add(time.Microsecond),
	}
	return s.Run(b.Ctx)
}

// timeless is an event without when it was told.
func (b *Books) timeless(eventType, subject string, data []byte) string {
	b.Helper()
	var members map[string]any
	b.Decode(data, &members)
	delete(members, "timestamp")
	text, err := json.Marshal(members)
	b.Check(err)
	return eventType + " of " + subject + " " + string(text)
}

// alike holds a simulation of the rule to what it really told, which is n events, and gives
// what it would have told under a change.
func (b *Books) alike(profile string, rule peal.Rule, since time.Time, n int, change func(*peal.Rule)) []governance.Firing {
	b.Helper()
	told, simulated := []string{}, []string{}
	before := b.ToldEvents()
	for _, e := range before {
		if e.Type != "approval.decided" { // which a person does, not a rule
			told = append(told, b.timeless(e.Type, e.Subject, e.Data))
		}
	}
	firings, err := b.simulate(profile, rule, since)
	b.Check(err)
	for i, f := range firings {
		simulated = append(simulated, b.timeless(f.Type, f.Subject, f.Data))
		if f.Time.Before(since) || f.Time.After(b.Now()) || i > 0 && f.Time.Before(firings[i-1].Time) {
			b.Errorf("%s at %s", f.Type, f.Time)
		}
	}
	if diff := cmp.Diff(told, simulated); diff != "" || len(told) != n {
		b.Errorf("told %d, want %d (-told +simulated):\n%s", len(told), n, diff)
	}
	change(&rule)
	firings, err = b.simulate(profile, rule, since)
	b.Check(err)
	if more := len(b.ToldEvents()) - len(before); more != 0 {
		b.Errorf("a simulation told %d events", more)
	}
	return firings
}

// onTheHour waits for the beginning of an hour.
func (f *Fixture) onTheHour() time.Time {
	f.Pass(f.Now().Truncate(time.Hour).Add(time.Hour).Sub(f.Now()))
	return f.Now()
}

var simulationTests = map[string]func(*Fixture){
	"budget": func(f *Fixture) {
		start := f.onTheHour()
		rule := peal.Rule{Kind: peal.RuleBudget, Scope: peal.ScopeKey, Period: peal.Daily, Limit: Amount("10"), Thresholds: []int{50}}
		b := f.Books("curate-me", rule)
		rule = keptRule(rule)
		for range 60 { // two days and a half, of which each is told anew
			b.Use(governance.Record{Key: "a", Requests: 1, Cost: Amount("0.5")}, governance.Record{Key: "b", Requests: 1, Cost: Amount("0.1")})
			f.Pass(time.Hour)
		}
		told := len(b.ToldEvents())
		if told < 4 {
			f.Fatalf("told %d", told)
		}
		more := b.alike("curate-me", rule, start, told, func(r *peal.Rule) { r.Thresholds = []int{5, 50} })
		if len(more) < told+4 {
			f.Errorf("with a lower threshold: %v", more)
		}
	},
	"quota": func(f *Fixture) {
		start := f.onTheHour()
		rule := peal.Rule{Kind: peal.RuleQuota, Scope: peal.ScopeUser, Limit: Amount("20")}
		b := f.Books("nolxy", rule)
		for range 20 {
			b.Use(governance.Record{User: "42", Requests: 1}, governance.Record{User: "7", Requests: 0})
			f.Pass(time.Hour)
		}
		if half := b.alike("nolxy", keptRule(rule), start.Add(-time.Hour), 2, func(r *peal.Rule) { r.Limit = Amount("10") }); len(half) != 2 || half[0].Value != "9" {
			f.Errorf("with half: %v", half)
		}
	},
	"rate limit": func(f *Fixture) {
		start := f.onTheHour()
		rule := peal.Rule{
			Kind: peal.RuleRateLimit, Scope: peal.ScopeKey, RPM: 10,
			Repeated: &peal.Repeated{Hits: 2, Within: peal.Duration(10 * time.Minute)},
		}
		b := f.Books("", rule)
		b.Use(governance.Record{Key: "a", Requests: 12}, governance.Record{Key: "b", Requests: 10})
		f.Pass(time.Minute)
		for range 12 {
			r := b.Ask("0.1")
			r.Key = "a"
			b.Reserve(r)
		}
		f.Pass(90 * time.Second) // within another minute
		b.Use(governance.Record{Key: "b", Requests: 11})
		higher := b.alike("", keptRule(rule), start, 4, func(r *peal.Rule) { r.RPM = 11; r.Repeated = nil })
		if len(higher) != 2 || higher[0].Value != "12" || higher[0].Threshold != "11" || higher[1].Value != "12" {
			f.Errorf("with a higher limit: %v", higher)
		}
	},
	"models": func(f *Fixture) {
		start := f.onTheHour()
		rule := peal.Rule{Kind: peal.RuleModels, Allow: []string{"gpt-*"}}
		b := f.Books("", rule)
		ask := func(model string) {
			r := b.Ask("1")
			r.Model = model
			b.Reserve(r)
			f.Pass(10 * time.Second)
		}
		for _, model := range []string{"gpt-4.1", "claude", "claude", "llama"} {
			ask(model)
		}
		f.Pass(time.Minute)
		ask("claude")
		if none := b.alike("", keptRule(rule), start, 3, func(r *peal.Rule) { r.Allow = []string{"*"} }); len(none) != 0 {
			f.Errorf("with all models: %v", none)
		}
	},
	"approval": func(f *Fixture) {
		start := f.onTheHour()
		rule := peal.Rule{Kind: peal.RuleApproval, Threshold: Amount("10")}
		b := f.Books("", rule)
		ask := func(cost string) *governance.Reservation {
			f.Pass(time.Second)
			return b.Reserve(b.Ask(cost))
		}
		ask("5")
		asked := ask("12")
		ask("11")
		_, err := b.Close(asked.ID, governance.Deny, "0")
		f.Check(err)
		lower := b.alike("", keptRule(rule), start, 2, func(r *peal.Rule) { r.Threshold = Amount("4") })
		if len(lower) != 3 || lower[0].Value != "5" || lower[0].Threshold != "4" {
			f.Errorf("with a lower threshold: %v", lower)
		}
	},
	"balance": func(f *Fixture) {
		f.onTheHour()
		rule := peal.Rule{Kind: peal.RuleBalance, Threshold: Amount("10")}
		b := f.Books("", rule)
		b.Use(Spend("3")) // before there are credits
		f.Pass(time.Hour)
		first := f.Now()
		f.Check(b.TopUp("30"))
		for _, cost := range []string{"15", "7", "2"} { // 15, 8, 6
			f.Pass(time.Hour)
			b.Use(Spend(cost))
		}
		f.Pass(time.Hour)
		f.Check(b.TopUp("20"))
		f.Pass(time.Hour)
		b.Use(Spend("17")) // 9
		f.Pass(time.Hour)
		f.Check(b.TopUp("-2"))
		for _, since := range []time.Time{first.Add(-2 * time.Hour), first.Add(time.Hour)} {
			lower := b.alike("", keptRule(rule), since, 2, func(r *peal.Rule) { r.Threshold = Amount("7") })
			if len(lower) != 1 || lower[0].Value != "6" {
				f.Errorf("with a lower threshold: %v", lower)
			}
		}
	},
	"circuit": func(f *Fixture) {
		rule := peal.Rule{Kind: peal.RuleCircuit, Failures: 3, Window: peal.Duration(time.Minute), Cooldown: peal.Duration(time.Minute)}
		b := f.Books("", rule)
		if _, err := b.simulate("", keptRule(rule), f.Now().Add(-time.Hour)); peal.CodeOf(err) != peal.CodeUnprocessable {
			f.Errorf("a circuit's simulation fails with %v", err)
		}
	},
}

// keptRule is the rule under the id that Books gives it.
func keptRule(r peal.Rule) peal.Rule {
	copy(r.ID[:], "0000000000000001")
	r.Complete()
	return r
}
