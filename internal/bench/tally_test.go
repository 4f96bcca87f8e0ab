package bench

import (
	"testing"
	"time"
)

func TestTally(t *testing.T) {
	start := time.Unix(1_767_323_045, 0)
	arrival := func(seq int64) []byte {
		tpl := newTemplate(nil, body(minPayload, 1))
		tpl.stamp(seq, start.UnixNano())
		return tpl.bytes
	}
	c := &tally{copies: 10}
	for i := range int64(100) {
		for endpoint := range 10 {
			c.add(arrival(firstSeq+i), endpoint, start.Add(time.Duration(i+1)*time.Millisecond))
		}
	}
	c.add(arrival(firstSeq+7), 3, start.Add(time.Hour))           // a repeat
	c.add(arrival(firstSeq+7), 10, start)                         // no such endpoint
	c.add(arrival(firstSeq+maxEvents), 0, start)                  // beyond the last event
	c.add([]byte("{}"), 0, start)                                 // nothing to count by
	c.add(arrival(firstSeq+200), 9, start.Add(-time.Millisecond)) // clocks may step back

	got := c.count()
	want := Count{
		Arrived: 1001, Repeated: 1, Stray: 3, Last: start.Add(-time.Millisecond),
		P50: 50 * time.Millisecond, P99: 99 * time.Millisecond, P999: 100 * time.Millisecond,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if p := c.progress(); p.Arrived != 1001 {
		t.Errorf("progress %+v", p)
	}
}
