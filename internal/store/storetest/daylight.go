package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// abroad are books in a zone whose clocks change, at a moment by its clock.
func (f *Fixture) abroad(at string, rules ...peal.Rule) (*Books, *time.Location) {
	f.Helper()
	settings := peal.DefaultGovernance(f.Org)
	settings.TimeZone = "Europe/Berlin"
	location, err := time.LoadLocation(settings.TimeZone)
	f.Check(err)
	begins, err := time.ParseInLocation("2006-01-02 15:04", at, location)
	f.Check(err)
	f.Pass(begins.Sub(f.Now()))
	return f.BooksOf(settings, "curate-me", rules...), location
}

// hourly uses 1 in each of so many hours, and gives when the budget was exceeded.
func (b *Books) hourly(hours int, location *time.Location) (days []string) {
	b.Helper()
	told := 0
	for range hours {
		b.Use(Spend("1"))
		if n := len(slices.DeleteFunc(b.Told(), func(s string) bool { return s != "budget.exceeded" })); n > told {
			told = n
			days = append(days, b.Now().In(location).Format("2006-01-02 15h"))
		}
		b.Pass(time.Hour)
	}
	return days
}

var daylightTests = map[string]func(*Fixture){
	"counts the hours of a day of 23 hours": func(f *Fixture) {
		b, location := f.abroad("2026-03-28 00:00", dailyBudget("23.5"))
		if diff := cmp.Diff([]string{"2026-03-28 23h", "2026-03-30 23h"}, b.hourly(24+23+24, location)); diff != "" {
			f.Errorf("exceeded (-want +got):\n%s", diff)
		}
	},
	"counts the hours of a day of 25 hours": func(f *Fixture) {
		b, location := f.abroad("2026-10-24 00:00", dailyBudget("24.5"))
		if diff := cmp.Diff([]string{"2026-10-25 23h"}, b.hourly(24+25+24, location)); diff != "" {
			f.Errorf("exceeded (-want +got):\n%s", diff)
		}
	},
	"bills months that begin on the 31st": func(f *Fixture) {
		settings := peal.DefaultGovernance(f.Org)
		settings.TimeZone, settings.BillingDay = "America/New_York", 31
		b := f.BooksOf(settings, "", peal.Rule{Kind: peal.RuleQuota, Scope: peal.ScopeOrg, Limit: Amount("10")})
		at := func(text string, requests int64) {
			t, err := time.Parse(time.RFC3339, text)
			f.Check(err)
			f.Pass(t.Sub(f.Now()))
			b.Use(governance.Record{Requests: requests})
		}
		at("2026-03-31T03:59:59Z", 8) // the 30th in New York: still the month that began on 28 February
		at("2026-03-31T04:00:00Z", 8)
		at("2026-04-30T03:59:59Z", 1) // the 29th
		at("2026-04-30T04:00:00Z", 8)
		b.wantTold([]string{"quota.warning 9"}, "currentUsage")
	},
	"takes averages of hours by the clock": func(f *Fixture) {
		b, location := f.abroad("2026-03-22 00:00", peal.Rule{Kind: peal.RuleAnomaly})
		closer := &governance.Closer{
			Store: b.L, Orgs: func() []string { return []string{b.Org} }, Plan: func(string) *governance.Plan { return b.Plan }, Now: b.Now,
		}
		for b.Now().Before(time.Date(2026, 3, 31, 12, 0, 0, 0, location)) {
			requests := int64(10) // but a hundred at nine each morning, also on the day of the change and after
			if b.Now().In(location).Hour() == 9 {
				requests = 100
				if b.Now().In(location).Day() == 31 {
					requests = 600
				}
			}
			b.Use(governance.Record{Requests: requests, Cost: Amount("0.5")})
			f.Pass(time.Hour + 5*time.Minute)
			f.Check(closer.Round(f.Ctx))
			f.Pass(-5 * time.Minute)
		}
		told := b.Told("current_value", "threshold_value", "details")
		if len(told) != 1 || !strings.HasPrefix(told[0], `cost_anomaly.volume_surge 600 100 `) || !strings.Contains(told[0], "2026-03-31T07:00:00Z") {
			f.Errorf("told %v", told)
		}
	},
}
