package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// closeHours closes the org's hours that are due.
func (b *Books) closeHours() {
	b.Helper()
	c := &governance.Closer{
		Store: b.L, Orgs: func() []string { return []string{b.Org} }, Plan: func(string) *governance.Plan { return b.Plan }, Now: b.Now,
		Lateness: 5 * time.Minute,
	}
	for range 2 { // the first round only finds where they begin
		b.Check(c.Round(b.Ctx))
	}
}

var orderRules = []peal.Rule{
	{Kind: peal.RuleCircuit, Failures: 5, Window: peal.Duration(time.Minute), Cooldown: peal.Duration(30 * time.Second)},
	{Kind: peal.RuleRateLimit, Scope: peal.ScopeKey, RPM: 10, TPM: 100, Repeated: &peal.Repeated{Hits: 3, Within: peal.Duration(5 * time.Minute)}},
}

// failures are seconds at which a route fails and, where they are negative, succeeds.
var failures = []int{0, 5, -6, 10, 15, 20, -25, 55, -60, -90, 95}

// outage is when a route fails and recovers.
func outage(route string, at time.Time) (out []governance.Record) {
	for _, s := range failures {
		r := governance.Record{Route: route, Requests: 1, Failed: s >= 0, Time: at.Add(time.Duration(max(s, -s)) * time.Second)}
		out = append(out, r)
	}
	return out
}

// usualDay is 20 hours of two routes with outages, and of keys that go over their limits.
func usualDay(start time.Time) (out []governance.Record) {
	at := func(hour, minute int) time.Time {
		return start.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	}
	for i := range 20 * 60 {
		out = append(out, governance.Record{Route: []string{"embed", "image"}[i%2], Key: fmt.Sprint("key", i%7), Requests: 1, Time: at(0, i)})
	}
	out = append(out, outage("embed", at(3, 10))...)
	out = append(out, outage("image", at(3, 10))...)
	out = append(out, outage("embed", at(5, 59))...)
	out = append(out, outage("image", at(9, 59).Add(30*time.Second))...)
	for minute, over := range []governance.Record{{Requests: 11}, {Requests: 1, Tokens: 101}, {Requests: 12, Tokens: 200}, {Requests: 5}, {Requests: 20}} {
		over.Key, over.Time = "burst", at(7, 57+minute)
		out = append(out, over)
	}
	for minute := range 2 { // one too few
		out = append(out, governance.Record{Key: "brief", Requests: 11, Time: at(12, minute)})
	}
	for minute := range 12 { // three times
		out = append(out, governance.Record{Key: "long", Requests: 11, Time: at(13, minute)})
	}
	slices.SortStableFunc(out, func(a, b governance.Record) int { return a.Time.Compare(b.Time) })
	return out
}

// report reports records in batches and gives what was told, before any hour is closed and
// after.
func (b *Books) report(records []governance.Record) (before, after []string) {
	b.Helper()
	told := func() []string {
		all := b.Told("routeId", "failureCount", "recoveryTime", "limit_type", "limit", "hits", "rpm_limit", "tpm_limit", "key_alias")
		slices.Sort(all)
		return all
	}
	for batch := range slices.Chunk(records, 20) {
		b.Use(batch...)
	}
	before = told()
	b.closeHours()
	return before, told()
}

var orderTests = map[string]func(*Fixture){
	"tells the same whatever the order": func(f *Fixture) {
		stream := usualDay(f.Now().Add(-20 * time.Hour))
		_, want := f.Books("curate-me", orderRules...).report(slices.Clone(stream))
		b := f.Books("curate-me", orderRules...)
		if before := b.Told(); len(before) != len(want) || len(want) != 8+18+4 {
			f.Errorf("told %d, of which %d at once: %v", len(want), len(before), want)
		}
		random := rand.New(rand.NewPCG(6, 6))
		for round := range 4 {
			f.Org = fmt.Sprint("order", round)
			random.Shuffle(len(stream), func(i, j int) { stream[i], stream[j] = stream[j], stream[i] })
			_, got := f.Books("curate-me", orderRules...).report(slices.Clone(stream))
			if diff := cmp.Diff(want, got); diff != "" {
				f.Errorf("another order tells otherwise:\n%s", diff)
			}
		}
	},
	"takes records of no requests for nothing": func(f *Fixture) {
		b := f.Books("curate-me", peal.Rule{Kind: peal.RuleCircuit, Failures: 1, Window: peal.Duration(time.Minute), Cooldown: peal.Duration(time.Minute)})
		b.Use(governance.Record{Route: "embed", Failed: true}, governance.Record{Route: "embed"})
		b.closeHours()
		if got := b.Told(); len(got) != 0 {
			f.Errorf("told %v", got)
		}
	},
	"tells once what late records make look otherwise": func(f *Fixture) {
		b := f.Books("curate-me", orderRules...)
		start := f.Now().Add(-3 * time.Hour)
		all := outage("embed", start.Add(time.Minute))
		b.Use(governance.Record{Route: "embed", Requests: 1, Time: start})
		b.Use(all[1:]...) // opens five seconds too late
		if got := b.Told("recoveryTime"); len(got) != 2 || got[1] != "circuit.closed 35000" {
			f.Errorf("in time: %v", got)
		}
		b.Use(governance.Record{Route: "embed", Requests: 1, Time: start.Add(time.Hour)})
		b.Use(all[0])
		b.closeHours()
		if got := b.Told("recoveryTime"); len(got) != 2 {
			f.Errorf("told again: %v", got)
		}
	},
	"counts what comes after its hour was closed, and tells nothing of it": func(f *Fixture) {
		b := f.Books("curate-me", orderRules...)
		start := f.Now().Add(-3 * time.Hour)
		b.Use(governance.Record{Route: "embed", Requests: 1, Time: start}, governance.Record{Route: "embed", Requests: 1, Time: f.Now()})
		b.closeHours()
		b.Use(outage("embed", start.Add(10*time.Minute))...)
		f.Pass(2 * time.Hour)
		b.closeHours()
		if got := b.Told(); len(got) != 0 {
			f.Errorf("told %v", got)
		}
		sums := b.sums(governance.UsageQuery{})
		if len(sums) != 1 || sums[0].Requests != int64(2+len(failures)) || sums[0].Failed != 7 {
			f.Errorf("counted %+v", sums)
		}
		// What comes in time is told at once.
		b.Use(outage("embed", f.Now())...)
		if got := b.Told(); len(got) != 2 {
			f.Errorf("told %v", got)
		}
	}, "is not held up by a clock that is ahead": func(f *Fixture) {
		b := f.Books("curate-me", orderRules...)
		for _, route := range []string{"embed", "image"} {
			b.Use(governance.Record{Route: route, Requests: 9, Failed: true, Time: f.Now().Add(20 * time.Hour)})
		}
		b.closeHours()
		start := f.Now()
		f.Pass(10 * time.Minute)
		b.Use(outage("embed", f.Now())...)
		if got := b.Told("routeId", "recoveryTime"); len(got) != 2 {
			f.Errorf("told %v at once", got)
		}
		b.Use(governance.Record{Route: "image", Requests: 1})
		b.Use(outage("image", start)...)
		f.Pass(2 * time.Hour)
		b.closeHours()
		if got := b.Told("routeId", "recoveryTime"); len(got) != 4 {
			f.Errorf("told %v when the hour was closed", got)
		}
		f.Pass(20 * time.Hour)
		b.closeHours()
		if got := b.Told("routeId", "failureCount"); len(got) != 6 || got[5] != `circuit.open "image" 5` {
			f.Errorf("told %v in the end", got)
		}
	},
}
