package bench

import (
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	start := time.Unix(1_767_323_045, 0)
	r := newReport(Config{Duration: time.Second, Rounds: 3, Concurrency: 4, Payload: 1024, Profile: "standard"})
	for _, arrived := range []int{2000, 1000, 4000} {
		m := Measurement{BarePerSecond: 5000}
		m.fill(published{events: 1000, refused: 1, started: start, accepted: start.Add(time.Second / 2)},
			Count{Arrived: arrived, Repeated: 2, Checked: 10, Last: start.Add(2 * time.Second), P50: 1500 * time.Microsecond}, 4)
		r.add(Scenario{Name: "fanout"}, m)
	}
	got := r.Scenarios[0]
	if len(r.Scenarios) != 1 || len(got.Rounds) != 3 {
		t.Fatalf("%d scenarios, %d rounds", len(r.Scenarios), len(got.Rounds))
	}
	want := Measurement{
		AcceptedPerSecond: 2000, DeliveredPerSecond: 1000, BarePerSecond: 5000, Ratio: 0.2, P50: 1.5,
		Accepted: 3000, Delivered: 7000, Lost: 5000, Repeated: 6, Refused: 3, Checked: 30,
	}
	if got.Measurement != want {
		t.Errorf("got  %+v\nwant %+v", got.Measurement, want)
	}
	if r.Sound() {
		t.Error("a report with losses is sound")
	}
	var b strings.Builder
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "0.20") || !strings.Contains(b.String(), "fanout") {
		t.Errorf("the table reads\n%s", b.String())
	}
}

func TestSound(t *testing.T) {
	for _, tt := range []struct {
		m    Measurement
		want bool
	}{
		{Measurement{Checked: 1}, true},
		{Measurement{Checked: 1, Lost: 1}, false},
		{Measurement{Checked: 1, Bad: 1}, false},
		{Measurement{}, false},
		{Measurement{Checked: 1, Repeated: 1}, true}, // at least once
	} {
		r := &Report{}
		r.add(Scenario{Name: "single"}, tt.m)
		if r.Sound() != tt.want {
			t.Errorf("%+v: sound is %t", tt.m, !tt.want)
		}
	}
}
