package schedule

import (
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

func hours(t *testing.T, zone string, windows ...peal.MuteWindow) *Hours {
	t.Helper()
	h, err := ParseHours(&peal.MuteHours{TimeZone: zone, Windows: windows})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHoursGoByTheWall(t *testing.T) {
	night := hours(t, "Europe/Berlin", peal.MuteWindow{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "22:00", Until: "07:00"})
	weekend := hours(t, "America/New_York", peal.MuteWindow{Days: []string{"sat", "sun"}, From: "00:00", Until: "24:00"})
	always := hours(t, "", peal.MuteWindow{From: "00:00", Until: "00:00"})
	for _, c := range []struct {
		hours *Hours
		at    string
		want  bool
	}{
		{night, "2026-01-05T20:59:59Z", false}, // Monday 21:59:59 in Berlin
		{night, "2026-01-05T21:00:00Z", true},
		{night, "2026-01-06T05:59:59Z", true},
		{night, "2026-01-06T06:00:00Z", false},
		{night, "2026-01-10T05:00:00Z", true},  // Saturday morning is Friday's night
		{night, "2026-01-10T22:00:00Z", false}, // Saturday's is not
		{night, "2026-01-12T05:00:00Z", false}, // nor Sunday's
		{night, "2026-07-06T19:59:59Z", false}, // in summer an hour earlier by UTC
		{night, "2026-07-06T20:00:00Z", true},
		{night, "2026-07-07T04:59:59Z", true},
		{night, "2026-07-07T05:00:00Z", false},
		{weekend, "2026-01-10T04:59:59Z", false}, // Friday 23:59:59 in New York
		{weekend, "2026-01-10T05:00:00Z", true},
		{weekend, "2026-01-12T04:59:59Z", true},
		{weekend, "2026-01-12T05:00:00Z", false},
		{always, "2026-01-12T05:00:00Z", true},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.hours.Cover(at); got != c.want {
			t.Errorf("%s (%s): %v, want %v", c.at, at.In(c.hours.zone), got, c.want)
		}
	}
}

// The nights on which clocks are changed are an hour shorter and an hour longer.
func TestHoursOnTheNightsOfTheChange(t *testing.T) {
	h := hours(t, "Europe/Berlin", peal.MuteWindow{From: "01:00", Until: "04:00"})
	for day, want := range map[string]time.Duration{
		"2026-03-28T12:00:00Z": 2 * time.Hour, // 02:00 to 03:00 does not exist
		"2026-10-24T12:00:00Z": 4 * time.Hour, // and comes twice
		"2026-11-24T12:00:00Z": 3 * time.Hour,
	} {
		at, err := time.Parse(time.RFC3339, day)
		if err != nil {
			t.Fatal(err)
		}
		var covered time.Duration
		for end := at.Add(24 * time.Hour); at.Before(end); at = at.Add(time.Minute) {
			if h.Cover(at) {
				covered += time.Minute
			}
		}
		if covered != want {
			t.Errorf("the night after %s: %s covered, want %s", day, covered, want)
		}
	}
}

func TestHoursThatAreRefused(t *testing.T) {
	good := peal.MuteWindow{From: "22:00", Until: "07:00"}
	for name, m := range map[string]peal.MuteHours{
		"no windows":    {},
		"unknown zone":  {TimeZone: "Mars/Olympus", Windows: []peal.MuteWindow{good}},
		"the server's":  {TimeZone: "Local", Windows: []peal.MuteWindow{good}},
		"a path":        {TimeZone: "../../etc/passwd", Windows: []peal.MuteWindow{good}},
		"unknown day":   {Windows: []peal.MuteWindow{{Days: []string{"Monday"}, From: "22:00", Until: "07:00"}}},
		"no start":      {Windows: []peal.MuteWindow{{Until: "07:00"}}},
		"25 o'clock":    {Windows: []peal.MuteWindow{{From: "25:00", Until: "07:00"}}},
		"minute 60":     {Windows: []peal.MuteWindow{{From: "22:60", Until: "07:00"}}},
		"past midnight": {Windows: []peal.MuteWindow{{From: "22:00", Until: "24:01"}}},
		"from 24:00":    {Windows: []peal.MuteWindow{{From: "24:00", Until: "07:00"}}},
		"signed":        {Windows: []peal.MuteWindow{{From: "+1:00", Until: "07:00"}}},
	} {
		if _, err := ParseHours(&m); peal.CodeOf(err) != peal.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseHours(f *testing.F) {
	f.Add("Europe/Berlin", "mon", "22:00", "07:00")
	f.Add("", "", "00:00", "24:00")
	f.Fuzz(func(t *testing.T, zone, day, from, until string) {
		h, err := ParseHours(&peal.MuteHours{TimeZone: zone, Windows: []peal.MuteWindow{{Days: []string{day}, From: from, Until: until}}})
		if err != nil {
			if peal.CodeOf(err) != peal.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		h.Cover(time.Unix(1_800_000_000, 0)) // whatever it says, it says something
	})
}
