package blackbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/peal-dev/peal/test/pgtest"
)

// answeredIn is how long a request may take, whatever becomes of the database.
const answeredIn = 15 * time.Second

// The database goes away under load, by a cut and by silence, while a delivery is under
// way. It finishes, requests are refused in time, and when the database is back, all is
// recorded and goes on by itself.
func TestDatabaseGoesAway(t *testing.T) {
	for name, fault := range map[string]struct {
		away, back func(*pgtest.Wire)
		// lasts is how long it stays away; silence, until nobody waits for it any more.
		lasts time.Duration
	}{
		"cut":    {(*pgtest.Wire).Cut, (*pgtest.Wire).Mend, time.Second},
		"silent": {(*pgtest.Wire).Freeze, (*pgtest.Wire).Thaw, 11 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire, database := pgtest.NewWire(t, pgtest.Schema(t))
			s := newNode(t, database)
			c := s.Admin()
			held, finish := make(chan struct{}), make(chan struct{})
			slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				held <- struct{}{}
				<-finish
			}))
			t.Cleanup(slow.Close)
			plain := newReceiver(t, nil)
			c.Endpoint(t, slow.URL, "events", []string{"slow"}, "retry", object{"timeout": "30s"})
			c.Endpoint(t, plain.URL, "events", []string{"plain"})
			underWay := text(c.Publish(t, "slow", object{}), "id")
			<-held

			l := newLoad(s)
			for range 8 {
				l.Publish("plain", 2*time.Millisecond, 2*answeredIn, 0)
			}
			time.Sleep(time.Second)
			fault.away(wire)
			close(finish)
			within(t, answeredIn, func() error { return ready(c, 503) })
			time.Sleep(fault.lasts)
			l.Stop(t)
			if l.refused == 0 || l.failed > 0 || l.slowest > answeredIn {
				t.Errorf("%d were refused, %d had no answer, and the slowest took %s", l.refused, l.failed, l.slowest)
			}

			fault.back(wire)
			// Nothing is asked of it but whether it is ready.
			took := within(t, answeredIn, func() error { return ready(c, 200) })
			t.Logf("ready %s after the database was back", took.Round(time.Millisecond))
			d := c.Delivery(t, underWay, "succeeded")
			if number(t, d, "attempt_count") != 1 {
				t.Errorf("the delivery that was under way: %v", d)
			}
			// With what was committed and could not be answered any more.
			within(t, patience/2, func() error { return settled(c) })
			l.Arrived(t, "plain", plain)
		})
	}
}

// Connections break every moment, in the midst of transactions and between them. Nothing
// is lost, nothing comes twice, and hardly anything is refused.
func TestConnectionsBreak(t *testing.T) {
	t.Parallel()
	wire, database := pgtest.NewWire(t, pgtest.Schema(t))
	s := newNode(t, database)
	c := s.Admin()
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "events", []string{"plain"})
	l := newLoad(s)
	for range 4 {
		l.Publish("plain", time.Millisecond, answerWithin, 0)
	}
	for range 40 {
		time.Sleep(20*time.Millisecond + rand.N(200*time.Millisecond))
		wire.Drop()
	}
	l.Stop(t)
	within(t, patience, func() error { return settled(c) })
	l.Arrived(t, "plain", r)
	order, _, again := first(t, r)
	if len(again) > 0 || len(order) < 20 {
		t.Errorf("%d of %d came again", len(again), len(order))
	}
}

// A connection that ended while it was idle costs nobody an error.
func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	wire, database := pgtest.NewWire(t, pgtest.Schema(t))
	c := newNode(t, database).Admin()
	for range 3 {
		c.Publish(t, "x", object{})
		c.Call(t, 200, "GET", "/v1/deliveries", nil)
		wire.Drop()
		c.Call(t, 200, "GET", "/v1/deliveries", nil)
		wire.Drop()
	}
}

// A stop is in time also while the database is away.
func TestStopWhileDatabaseIsAway(t *testing.T) {
	for name, away := range map[string]func(*pgtest.Wire){"cut": (*pgtest.Wire).Cut, "silent": (*pgtest.Wire).Freeze} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire, database := pgtest.NewWire(t, pgtest.Schema(t))
			s := newNode(t, database)
			r := newReceiver(t, nil)
			s.Admin().Endpoint(t, r.URL)
			l := newLoad(s)
			for range 4 {
				l.Publish("plain", time.Millisecond, answerWithin, 0)
			}
			time.Sleep(time.Second)
			away(wire)
			since := time.Now()
			if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			select {
			case <-s.ended:
				if code := s.cmd.ProcessState.ExitCode(); code != 0 {
					t.Errorf("ended with %d", code)
				}
				t.Logf("ended after %s", time.Since(since).Round(time.Millisecond))
			case <-time.After(30 * time.Second):
				t.Error("not ended after 30 s")
			}
			l.Stop(t)
		})
	}
}

// A node that nobody asks anything, and that has nothing to write, finds out by itself
// that its database is back.
func TestIdleNodeIsReadyAgain(t *testing.T) {
	t.Parallel()
	wire, database := pgtest.NewWire(t, pgtest.Schema(t))
	c := newNode(t, database).Admin()
	within(t, patience, func() error { return ready(c, 200) })
	wire.Cut()
	c.Call(t, 503, "POST", "/v1/events", object{"type": "x"})
	within(t, answeredIn, func() error { return ready(c, 503) })
	wire.Mend()
	within(t, 5*time.Second, func() error { return ready(c, 200) })
}

// takenOverIn is how soon others take over what a node owned that is cut off: within
// 15 s, and as long again where the database answers so late that heartbeats are missed.
const takenOverIn = 30 * time.Second

// One node is cut off from the database with deliveries under way and waiting. The
// other takes them over, and when the first is back, both go on.
func TestNodeIsCutOff(t *testing.T) {
	t.Parallel()
	direct := pgtest.Schema(t)
	wire, through := pgtest.NewWire(t, direct)
	lone, other := newNode(t, through), newNode(t, direct)
	block := make(chan struct{})
	r := newReceiver(t, nil)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-block:
		case <-req.Context().Done():
		}
	}))
	t.Cleanup(slow.Close)
	c := other.Admin()
	ep := c.Endpoint(t, slow.URL, "events", []string{"plain"}, "max_in_flight", 1, "retry", object{"timeout": "60s"})
	l := newLoad(lone, other)
	l.Publish("plain", time.Millisecond, answerWithin, 0)
	time.Sleep(time.Second)
	wire.Cut()
	cut := time.Now()
	// What the lone node owns waits behind one attempt that hangs, and would go to the
	// other receiver from now on.
	c.Call(t, 200, "PATCH", "/v1/endpoints/"+text(ep, "id"), object{"url": r.URL, "max_in_flight": 32})
	l.Stop(t)
	l.Arrived(t, "plain", r)
	took := time.Since(cut)
	t.Logf("all was taken over %s after the cut", took.Round(time.Millisecond))
	if took > takenOverIn {
		t.Errorf("taken over after %s", took)
	}
	close(block)
	wire.Mend()
	back := lone.Admin()
	within(t, answeredIn, func() error { return ready(back, 200) })
	id := text(back.Publish(t, "plain", object{}), "id")
	eventually(t, func() error { return arrived(r, []string{id}) })
	within(t, patience, func() error { return settled(c) })
}

// ready tells whether the server's readiness is as wanted.
func ready(c *caller, status int) error {
	sent := time.Now()
	a, err := c.Do("GET", "/readyz", nil)
	switch took := time.Since(sent); {
	case err != nil:
		return err
	case a.Status == 503 && a.Header.Get("Retry-After") == "":
		return errors.New("no Retry-After")
	case a.Status != status:
		return fmt.Errorf("readyz says %d, want %d: %s", a.Status, status, a.Body)
	case took > answeredIn:
		return fmt.Errorf("readyz took %s", took)
	}
	return nil
}

// arrived tells whether events with these ids came to a receiver.
func arrived(r *receiver, ids []string) error {
	got := map[string]bool{}
	for _, a := range r.Got() {
		got[a.Header.Get("webhook-id")] = true
	}
	missing := 0
	for _, id := range ids {
		if !got[id] {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d accepted events are missing", missing, len(ids))
	}
	return nil
}
