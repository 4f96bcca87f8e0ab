package blackbox

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// limits are endpoints whose promises hold across nodes, whatever happens to them.
type limits struct {
	ordered, paced, narrow *receiver
	// inFlight are the requests at the narrow receiver, peak the most there were.
	inFlight, peak atomic.Int64
}

const (
	paceOf   = 20.0 // attempts a second
	widthOf  = 3    // attempts at once
	overPace = 1.1
)

// newLimits makes an ordered endpoint, one with a rate, and a narrow one, and has
// clients publish more than the limits let through.
func newLimits(t *testing.T, c *caller, l *load) *limits {
	t.Helper()
	x := &limits{ordered: newReceiver(t, nil), paced: newReceiver(t, nil), narrow: &receiver{}}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		now := x.inFlight.Add(1)
		defer x.inFlight.Add(-1)
		for peak := x.peak.Load(); now > peak && !x.peak.CompareAndSwap(peak, now); peak = x.peak.Load() {
		}
		x.narrow.keep(req)
		select {
		case <-time.After(50 * time.Millisecond):
		case <-req.Context().Done(): // the node was killed, and attempts nothing any more
		}
	}))
	t.Cleanup(slow.Close)
	c.Endpoint(t, x.ordered.URL, "events", []string{"ordered"}, "ordered", true)
	c.Endpoint(t, x.paced.URL, "events", []string{"paced"}, "rate_limit", paceOf)
	c.Endpoint(t, slow.URL, "events", []string{"narrow"}, "max_in_flight", widthOf)
	// One client, since only what is published one after the other has an order.
	l.Publish("ordered", 10*time.Millisecond, time.Second, 0, 1, 2)
	l.Publish("paced", 30*time.Millisecond, time.Second, 0, 1, 2)
	l.Publish("narrow", 15*time.Millisecond, time.Second, 0, 1, 2)
	return x
}

// Hold waits until all has arrived and holds it to the promises.
func (x *limits) Hold(t *testing.T, l *load) {
	t.Helper()
	l.Arrived(t, "ordered", x.ordered)
	l.Arrived(t, "paced", x.paced)
	l.Arrived(t, "narrow", x.narrow)
	order, _, _ := first(t, x.ordered)
	newest := 0
	for _, n := range order {
		if _, accepted := l.answered[n]; !accepted {
			continue // where nothing was answered, the next was not published after it
		}
		if n < newest {
			t.Errorf("event %d first came after %d", n, newest)
		}
		newest = max(newest, n)
	}
	const window = 5 * time.Second
	got, start, most := x.paced.Got(), 0, 0
	for i := range got {
		for got[i].At.Sub(got[start].At) > window {
			start++
		}
		most = max(most, i-start+1)
	}
	if allowed := paceOf * window.Seconds() * overPace; float64(most) > allowed {
		t.Errorf("%d came within %s, and %v may", most, window, allowed)
	}
	if peak := x.peak.Load(); peak > widthOf {
		t.Errorf("%d were under way at once, and %d may", peak, widthOf)
	}
	t.Logf("%d came in order, %d at most within %s, %d at once", len(order), most, window, x.peak.Load())
}
