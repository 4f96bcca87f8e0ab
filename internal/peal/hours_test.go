package peal_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
)

// zones have their clocks changed at odd times: over midnight, by half an hour, by a day.
var zones = []string{"UTC", "Europe/Zurich", "America/New_York", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe", "Atlantic/Azores", "Pacific/Apia", "Asia/Kathmandu"}

func anyHours(t *rapid.T) *peal.WorkingHours {
	h := &peal.WorkingHours{
		Days: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}), 1, 7, rapid.ID[string]).Draw(t, "days"),
		Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
	}
	from := rapid.IntRange(0, 22).Draw(t, "from")
	to := rapid.IntRange(from+1, 24).Draw(t, "to")
	h.From = time.Date(2000, 1, 1, from, 0, 0, 0, time.UTC).Format("15:04")
	h.To = "24:00"
	if to < 24 {
		h.To = time.Date(2000, 1, 1, to, 0, 0, 0, time.UTC).Format("15:04")
	}
	if err := h.Validate(); err != nil {
		t.Fatal(err)
	}
	return h
}

func anyTime(t *rapid.T, name string) time.Time {
	// From 2009 on, so that Samoa's missing day is within reach.
	return time.Unix(rapid.Int64Range(1_230_768_000, 1_900_000_000).Draw(t, name), 0).UTC()
}

func span(t *rapid.T, name string) time.Duration {
	return time.Duration(rapid.Int64Range(1, 200*3600).Draw(t, name)) * time.Second
}

// What Add adds, Between finds again, and adding in two parts is adding in one.
func TestWorkingHoursAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, from, a, b := anyHours(t), anyTime(t, "time"), span(t, "a"), span(t, "b")
		due := h.Add(from, a)
		if due.Sub(from) < a {
			t.Fatalf("%s after %s is %s, which is sooner", a, from, due)
		}
		if got := h.Between(from, due); got != a {
			t.Fatalf("between %s and %s are %s, want %s", from, due, got, a)
		}
		if got, want := h.Add(due, b), h.Add(from, a+b); !got.Equal(want) {
			t.Fatalf("%s and %s after %s is %s, in one %s", a, b, from, got, want)
		}
		if got := h.Between(from, due.Add(-time.Nanosecond)); got >= a {
			t.Fatalf("%s is not the first time at which %s have passed", due, a)
		}
	})
}

// What lies between two times is the sum of what lies on both sides of a third.
func TestWorkingHoursBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, a := anyHours(t), anyTime(t, "time")
		b := a.Add(span(t, "first"))
		c := b.Add(span(t, "second"))
		if whole, parts := h.Between(a, c), h.Between(a, b)+h.Between(b, c); whole != parts {
			t.Fatalf("%s, in parts %s", whole, parts)
		}
		if back := h.Between(c, a); back != 0 {
			t.Fatalf("backwards %s", back)
		}
	})
}

// Hours that never end are no hours, however clocks are changed.
func TestWorkingHoursAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &peal.WorkingHours{Days: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, From: "00:00", To: "24:00", Zone: rapid.SampledFrom(zones).Draw(t, "zone")}
		from, d := anyTime(t, "time"), span(t, "d")
		if got := h.Add(from, d); !got.Equal(from.Add(d)) {
			t.Fatalf("%s after %s is %s, want %s", d, from, got, from.Add(d))
		}
	})
}

// The days on which clocks change, and others that are easy to get wrong.
func TestWorkingHoursExamples(t *testing.T) {
	office := peal.WorkingHours{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "17:00", Zone: "Europe/Zurich"}
	nights := peal.WorkingHours{Days: []string{"sun"}, From: "00:00", To: "06:00", Zone: "Europe/Zurich"}
	for _, tc := range []struct {
		name       string
		hours      *peal.WorkingHours
		from, want string
		d          time.Duration
	}{
		{"within a day", &office, "2026-04-01T10:00:00+02:00", "2026-04-01T12:00:00+02:00", 2 * time.Hour},
		{"up to the end of the day", &office, "2026-04-01T15:00:00+02:00", "2026-04-01T17:00:00+02:00", 2 * time.Hour},
		{"over night", &office, "2026-04-01T16:00:00+02:00", "2026-04-02T10:00:00+02:00", 2 * time.Hour},
		{"before work", &office, "2026-04-01T03:00:00+02:00", "2026-04-01T11:00:00+02:00", 2 * time.Hour},
		{"over a weekend and the change to summer time", &office, "2026-03-27T16:00:00+01:00", "2026-03-30T10:00:00+02:00", 2 * time.Hour},
		{"an hour is missing", &nights, "2026-03-29T00:00:00+01:00", "2026-03-29T06:00:00+02:00", 5 * time.Hour},
		{"an hour comes twice", &nights, "2026-10-25T00:00:00+02:00", "2026-10-25T06:00:00+01:00", 7 * time.Hour},
		{"always", nil, "2026-03-29T00:00:00+01:00", "2026-03-30T01:00:00+02:00", 24 * time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			from, err := time.Parse(time.RFC3339, tc.from)
			if err != nil {
				t.Fatal(err)
			}
			want, err := time.Parse(time.RFC3339, tc.want)
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.hours.Add(from, tc.d); !got.Equal(want) {
				t.Errorf("got %s, want %s", got, want.UTC())
			}
		})
	}
}
