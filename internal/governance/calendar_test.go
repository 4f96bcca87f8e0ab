package governance_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/governance"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, test := range []struct {
		zone             string
		anchor           int
		at               string
		hour, day, month string
	}{
		{"UTC", 1, "2026-05-04T14:23:00Z", "2026-05-04T14:00:00Z", "2026-05-04T00:00:00Z", "2026-05-01T00:00:00Z"},
		// The day on which the clocks go forward has 23 hours, the one on which they go back 25.
		{"Europe/Berlin", 1, "2026-03-29T21:59:59Z", "2026-03-29T21:00:00Z", "2026-03-28T23:00:00Z", "2026-02-28T23:00:00Z"},
		{"Europe/Berlin", 1, "2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z", "2026-02-28T23:00:00Z"},
		{"Europe/Berlin", 1, "2026-10-25T22:59:59Z", "2026-10-25T22:00:00Z", "2026-10-24T22:00:00Z", "2026-09-30T22:00:00Z"},
		// Midnight does not exist on 6 September 2026 in Santiago, and comes twice in Havana on 1 November.
		{"America/Santiago", 1, "2026-09-06T04:00:00Z", "2026-09-06T04:00:00Z", "2026-09-06T04:00:00Z", "2026-09-01T04:00:00Z"},
		{"America/Havana", 1, "2026-11-01T05:30:00Z", "2026-11-01T05:00:00Z", "2026-11-01T04:00:00Z", "2026-11-01T04:00:00Z"},
		{"Asia/Kolkata", 1, "2026-05-04T14:23:00Z", "2026-05-04T13:30:00Z", "2026-05-03T18:30:00Z", "2026-04-30T18:30:00Z"},
		// A month without the day begins on its last.
		{"UTC", 31, "2026-02-28T12:00:00Z", "2026-02-28T12:00:00Z", "2026-02-28T00:00:00Z", "2026-02-28T00:00:00Z"},
		{"UTC", 31, "2026-03-30T12:00:00Z", "2026-03-30T12:00:00Z", "2026-03-30T00:00:00Z", "2026-02-28T00:00:00Z"},
		{"UTC", 31, "2026-03-31T12:00:00Z", "2026-03-31T12:00:00Z", "2026-03-31T00:00:00Z", "2026-03-31T00:00:00Z"},
		{"UTC", 15, "2026-01-14T23:59:59Z", "2026-01-14T23:00:00Z", "2026-01-14T00:00:00Z", "2025-12-15T00:00:00Z"},
	} {
		c := governance.NewCalendar(zone(t, test.zone), test.anchor)
		for name, got := range map[string][2]time.Time{
			"hour":  {c.Hour(at(test.at)), at(test.hour)},
			"day":   {c.Day(at(test.at)), at(test.day)},
			"month": {c.Month(at(test.at)), at(test.month)},
		} {
			if !got[0].Equal(got[1]) {
				t.Errorf("%s, %d, %s: the %s begins at %s, want %s", test.zone, test.anchor, test.at, name, got[0].UTC(), got[1])
			}
		}
	}
}

// TestDaylightSaving counts the hours of the days around both changes of the clock, and the
// beginnings of months on days that not every month has.
func TestDaylightSaving(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		zone, day string // the one before the change
		hours     []int  // of that day and the next two
	}{
		{"Europe/Berlin", "2026-03-28", []int{24, 23, 24}},
		{"Europe/Berlin", "2026-10-24", []int{24, 25, 24}},
		{"America/New_York", "2026-03-07", []int{24, 23, 24}},
		{"America/New_York", "2026-10-31", []int{24, 25, 24}},
		{"America/Santiago", "2026-09-05", []int{24, 23, 24}}, // at midnight
		{"America/Havana", "2026-10-31", []int{24, 25, 24}},   // to midnight
		{"Asia/Beirut", "2026-03-28", []int{24, 23, 24}},      // at midnight
		{"Europe/London", "2026-10-24", []int{24, 25, 24}},
		{"Australia/Sydney", "2026-04-04", []int{24, 25, 24}},
		{"UTC", "2026-03-28", []int{24, 24, 24}},
	} {
		location := zone(t, test.zone)
		c := governance.NewCalendar(location, 1)
		noon, err := time.ParseInLocation("2006-01-02 15:04", test.day+" 12:00", location)
		if err != nil {
			t.Fatal(err)
		}
		day := c.Day(noon)
		for i, want := range test.hours {
			next := c.Day(noon.AddDate(0, 0, i+1))
			starts := map[time.Time]bool{}
			for at := day; at.Before(next); at = at.Add(15 * time.Minute) {
				if got := c.Day(at); !got.Equal(day) {
					t.Fatalf("%s: the day of %s begins at %s", test.zone, at.In(location), got.In(location))
				}
				starts[c.Hour(at).UTC()] = true
			}
			if got := next.Sub(day); got != time.Duration(want)*time.Hour || len(starts) != want {
				t.Errorf("%s, day %d from %s: %s, %d hours, want %d", test.zone, i, test.day, got, len(starts), want)
			}
			day = next
		}
	}
	for _, test := range []struct {
		zone   string
		anchor int
		starts []string // of months, in their zone
	}{
		{"Europe/Berlin", 31, []string{"2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"}},
		{"Europe/Berlin", 29, []string{"2027-12-29", "2028-01-29", "2028-02-29", "2028-03-29"}},
		{"Europe/Berlin", 29, []string{"2026-02-28", "2026-03-29", "2026-04-29"}}, // the clocks change that day
		{"Europe/Berlin", 25, []string{"2026-09-25", "2026-10-25", "2026-11-25"}}, // and that one
		{"America/Santiago", 6, []string{"2026-08-06", "2026-09-06", "2026-10-06"}},
	} {
		location := zone(t, test.zone)
		c := governance.NewCalendar(location, test.anchor)
		for i, start := range test.starts {
			noon, err := time.ParseInLocation("2006-01-02 15:04", start+" 12:00", location)
			if err != nil {
				t.Fatal(err)
			}
			begins := c.Month(noon)
			if !begins.Equal(c.Day(noon)) {
				t.Errorf("%s, %d: a month begins at %s, want %s", test.zone, test.anchor, begins.In(location), start)
			}
			if i == 0 {
				continue
			}
			before, err := time.ParseInLocation("2006-01-02 15:04", test.starts[i-1]+" 12:00", location)
			if err != nil {
				t.Fatal(err)
			}
			if last := c.Month(begins.Add(-time.Microsecond)); !last.Equal(c.Month(before)) {
				t.Errorf("%s, %d: the month before %s began at %s", test.zone, test.anchor, start, last.In(location))
			}
		}
	}
}

// Periods hold the moment that they are asked of, and begin where they end.
func TestCalendarProperties(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{}
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "America/Havana", "Asia/Kolkata", "Asia/Kathmandu",
		"Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Beirut", "America/St_Johns",
	} {
		zones = append(zones, zone(t, name))
	}
	rapid.Check(t, func(t *rapid.T) {
		loc := rapid.SampledFrom(zones).Draw(t, "zone")
		c := governance.NewCalendar(loc, rapid.IntRange(1, 31).Draw(t, "anchor"))
		at := time.Unix(rapid.Int64Range(1_700_000_000, 2_000_000_000).Draw(t, "at"), 0)
		for name, begin := range map[string]func(time.Time) time.Time{"hour": c.Hour, "day": c.Day, "month": c.Month} {
			start := begin(at)
			if start.After(at) || !begin(start).Equal(start) {
				t.Fatalf("the %s of %s begins at %s", name, at.In(loc), start.In(loc))
			}
			before := begin(start.Add(-time.Second))
			if !before.Before(start) {
				t.Fatalf("the %s before that of %s begins at %s", name, at.In(loc), before.In(loc))
			}
		}
		day := c.Day(at).In(loc)
		if y, m, d := at.In(loc).Date(); day.Year() != y || day.Month() != m || day.Day() != d {
			t.Fatalf("the day of %s is %s", at.In(loc), day)
		}
	})
}
