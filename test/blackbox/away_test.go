package blackbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/test/pgtest"
)

// answeredIn is how long a request may take, whatever becomes of the database.
const answeredIn = 15 * time.Second

// The database goes away, by a cut and by silence, while deliveries are under way.
// They finish, requests are refused in time, and when it is back, all is recorded and
// goes on by itself.
func TestDatabaseGoesAway(t *testing.T) {
	for name, fault := range map[string]struct{ break_, mend func(*pgtest.Wire) }{
		"cut":    {(*pgtest.Wire).Cut, (*pgtest.Wire).Mend},
		"silent": {(*pgtest.Wire).Freeze, (*pgtest.Wire).Thaw},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire, database := pgtest.NewWire(t, pgtest.Schema(t))
			s := newNode(t, database)
			c := s.Admin()
			held, answered := make(chan struct{}), make(chan struct{})
			slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				held <- struct{}{}
				<-answered
			}))
			t.Cleanup(slow.Close)
			quick := newReceiver(t, nil)
			c.Endpoint(t, slow.URL, "events", []string{"slow"}, "retry", object{"timeout": "30s"})
			c.Endpoint(t, quick.URL, "events", []string{"quick"})
			underWay := text(c.Publish(t, "slow", object{}), "id")
			<-held

			fault.break_(wire)
			accepted := refusals(t, c)
			within(t, answeredIn, func() error { return ready(c, 503) })
			close(answered)
			fault.mend(wire)
			since := time.Now()
			// Nothing is asked of it but whether it is ready.
			took := within(t, answeredIn, func() error { return ready(c, 200) })
			t.Logf("ready %s after the database was back", took.Round(10*time.Millisecond))
			d := c.Delivery(t, underWay, "succeeded")
			if number(t, d, "attempt_count") != 1 {
				t.Errorf("the delivery that was under way: %v", d)
			}
			t.Logf("recorded %s after the database was back", time.Since(since).Round(10*time.Millisecond))
			accepted = append(accepted, text(c.Publish(t, "quick", object{}), "id"))
			eventually(t, func() error { return arrived(quick, accepted) })
		})
	}
}

// refusals publishes from several clients while the database is away and gives what
// was accepted all the same.
func refusals(t *testing.T, c *caller) (accepted []string) {
	t.Helper()
	var mu sync.Mutex
	var publishing sync.WaitGroup
	refused := 0
	for range 8 {
		publishing.Go(func() {
			for range 3 {
				sent := time.Now()
				a, err := c.Do("POST", "/v1/events", object{"type": "quick", "data": object{}})
				took := time.Since(sent)
				mu.Lock()
				switch {
				case err != nil || took > answeredIn:
					t.Errorf("after %s: %v", took, err)
				case a.Status == 202:
					accepted = append(accepted, text(a.Object(t), "id"))
				case a.Status != 503 || a.Header.Get("Retry-After") == "":
					t.Errorf("refused with %d, Retry-After %q: %s", a.Status, a.Header.Get("Retry-After"), clip(a.Body))
				default:
					refused++
				}
				mu.Unlock()
			}
		})
	}
	publishing.Wait()
	if refused == 0 {
		t.Error("nothing was refused")
	}
	return accepted
}

// ready tells whether the server's readiness is as wanted.
func ready(c *caller, status int) error {
	sent := time.Now()
	a, err := c.Do("GET", "/readyz", nil)
	switch took := time.Since(sent); {
	case err != nil:
		return err
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
