package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

var standingTests = map[string]func(*Fixture){
	"lists meters, the most spent first": func(f *Fixture) {
		b := f.Books("")
		for team, cost := range map[string]string{"a": "10", "b": "30", "c": "20"} {
			r := Spend(cost)
			r.Team = team
			b.Use(r)
		}
		b.Reserve(&governance.Reservation{ID: peal.NewReservationID(f.Now()), Org: f.Org, Team: "a", Model: "m", Cost: Amount("25")})
		day := b.Plan.Calendar.Day(f.Now()).UnixMicro()
		for _, c := range []struct {
			id    governance.MeterID
			limit int
			want  []string
		}{
			{governance.MeterID{Org: f.Org, Scope: peal.ScopeTeam, Period: governance.Day, Start: day}, 10, []string{"a 10 25", "b 30 0", "c 20 0"}},
			{governance.MeterID{Org: f.Org, Scope: peal.ScopeTeam, Period: governance.Day, Start: day}, 1, []string{"a 10 25"}},
			{governance.MeterID{Org: f.Org, Scope: peal.ScopeTeam, Ref: "c", Period: governance.Day, Start: day}, 10, []string{"c 20 0"}},
			{governance.MeterID{Org: f.Org, Scope: peal.ScopeOrg, Period: governance.Day, Start: day}, 10, []string{" 60 25"}},
			{governance.MeterID{Org: f.Org, Scope: peal.ScopeTeam, Period: governance.Day, Start: day + 1}, 10, nil},
			{governance.MeterID{Org: "other", Scope: peal.ScopeTeam, Period: governance.Day, Start: day}, 10, nil},
		} {
			ids, meters, err := f.L.Meters(f.Ctx, c.id, c.limit)
			f.Check(err)
			var got []string
			for i, id := range ids {
				got = append(got, id.Ref+" "+meters[i].Cost.String()+" "+meters[i].HeldCost.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				f.Errorf("%+v (-want +got):\n%s", c.id, diff)
			}
		}
	},

	"lists what was told and still holds": func(f *Fixture) {
		b := f.Books("", dailyBudget("100"), peal.Rule{Kind: peal.RuleCircuit, Failures: 1, Window: peal.Duration(time.Minute), Cooldown: peal.Duration(time.Second)})
		seen := func(route string, failed bool) {
			f.Pass(2 * time.Second)
			b.Use(governance.Record{Requests: 1, Time: f.Now(), Route: route, Failed: failed})
		}
		f.Pass(24 * time.Hour) // the month's first day begins when the month does
		b.Use(Spend("80"))
		seen("mended", true)
		seen("broken", true)
		seen("mended", false)
		told := func() (got []string) {
			periods := []int64{b.Plan.Calendar.Day(f.Now()).UnixMicro(), b.Plan.Calendar.Month(f.Now()).UnixMicro()}
			all, err := f.L.Told(f.Ctx, f.Org, periods, 10)
			f.Check(err)
			for _, t := range all {
				if t.At.IsZero() || t.Org != f.Org {
					f.Errorf("told: %+v", t)
				}
				got = append(got, t.Subject+" "+t.Threshold)
			}
			return got
		}
		if diff := cmp.Diff([]string{"broken open", " 50@100", " 75@100"}, told()); diff != "" {
			f.Errorf("told (-want +got):\n%s", diff)
		}
		f.Pass(24 * time.Hour)
		if diff := cmp.Diff([]string{"broken open"}, told()); diff != "" {
			f.Errorf("a day later (-want +got):\n%s", diff)
		}
		if other, err := f.L.Told(f.Ctx, "other", nil, 10); err != nil || len(other) > 0 {
			f.Errorf("another org: %v, %v", other, err)
		}
	},
}
