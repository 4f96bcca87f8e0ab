package schedule

import (
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCronNext(t *testing.T) {
	for _, c := range []struct{ expr, zone, from, want string }{
		{"0 9 * * 1-5", "Europe/Berlin", "2026-01-05T07:59:59Z", "2026-01-05T08:00:00Z"},
		{"0 9 * * 1-5", "Europe/Berlin", "2026-01-05T08:00:00Z", "2026-01-06T08:00:00Z"},
		{"0 9 * * 1-5", "Europe/Berlin", "2026-01-09T08:00:00.5Z", "2026-01-12T08:00:00Z"}, // past the weekend
		{"0 9 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T07:00:00Z"},     // the day clocks go forward
		{"0 9 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T08:00:00Z"},     // and back
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T01:30:00Z"},    // the second 02:30 of the night
		{"*/15 * * * *", "", "2026-01-05T07:59:59.999Z", "2026-01-05T08:00:00Z"},
		{"0 0 1 1 *", "America/New_York", "2026-06-01T00:00:00Z", "2027-01-01T05:00:00Z"},
		{"0 0 29 2 *", "", "2026-06-01T00:00:00Z", "2028-02-29T00:00:00Z"},
	} {
		s, err := ParseCron(c.expr, c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Next(at(t, c.from)); !got.Equal(at(t, c.want)) {
			t.Errorf("%s in %s after %s: %s, want %s", c.expr, c.zone, c.from, got, c.want)
		}
	}
}

// A time that a spring night skips is not lost, and one that an autumn night has twice
// comes once.
func TestCronOnTheNightsOfTheChange(t *testing.T) {
	s, err := ParseCron("30 2 * * *", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, night := range []string{"2026-03-29", "2026-10-25", "2026-11-10"} {
		from, ticks := at(t, night+"T00:00:00Z").Add(-3*time.Hour), 0
		for end := from.Add(12 * time.Hour); from.Before(end); ticks++ {
			from = s.Next(from)
		}
		if ticks-1 != 1 {
			t.Errorf("%s: %d times", night, ticks-1)
		}
	}
	every, err := ParseCron("*/30 * * * *", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for from, end := at(t, "2026-10-24T22:00:00Z"), at(t, "2026-10-25T04:00:00Z"); from.Before(end); {
		next := every.Next(from)
		if !next.After(from) || next.Sub(from) > 90*time.Minute {
			t.Fatalf("after %s comes %s", from, next)
		}
		from = next
	}
}

func TestCronThatIsRefused(t *testing.T) {
	for name, c := range map[string][2]string{
		"empty":        {"", ""},
		"four fields":  {"0 9 * *", ""},
		"seconds":      {"0 0 9 * * 1-5", ""},
		"a tag":        {"@daily", ""},
		"words":        {"at nine on each day", ""},
		"no such hour": {"0 25 * * *", ""},
		"no such day":  {"0 0 31 2 *", ""},
		"a bad zone":   {"0 9 * * *", "Nowhere"},
	} {
		if _, err := ParseCron(c[0], c[1]); peal.CodeOf(err) != peal.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseCron(f *testing.F) {
	f.Add("0 9 * * 1-5")
	f.Add("*/15 0-23/2 L,15W * MON#2")
	f.Add("0 0 31 2 *")
	f.Fuzz(func(t *testing.T, expr string) {
		c, err := ParseCron(expr, "Europe/Berlin")
		if err != nil {
			if peal.CodeOf(err) != peal.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		from := time.Unix(1_800_000_000, 0)
		if next := c.Next(from); !next.After(from) {
			t.Errorf("%q: %s is not after %s", expr, next, from)
		}
	})
}
