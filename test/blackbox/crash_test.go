package blackbox

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The server is killed at random moments under load. Every event that was answered
// 202 arrives, under one id however often it is repeated.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	kills := 50
	if testing.Short() {
		kills = 5
	}
	s := newServer(t)
	r := newReceiver(t, func(n int) int {
		if n%4 == 0 {
			return 500
		}
		return 200
	})
	s.Admin().Endpoint(t, r.URL, "profile", "nembl", "retry", object{"schedule": slices.Repeat([]string{"30ms"}, 30)})

	var (
		url      atomic.Value
		stop     = make(chan struct{})
		next     atomic.Int64
		mu       sync.Mutex
		accepted = map[string]string{} // the event's number to its id
		wg       sync.WaitGroup
	)
	url.Store(s.URL)
	for range 4 {
		wg.Go(func() {
			for {
				n := strconv.FormatInt(next.Add(1), 10)
				id, ok := publishUntilAccepted(&url, n, stop)
				if !ok {
					return
				}
				mu.Lock()
				accepted[n] = id
				mu.Unlock()
			}
		})
	}
	for range kills {
		time.Sleep(20*time.Millisecond + rand.N(400*time.Millisecond))
		s.Kill()
		s.Start(t)
		url.Store(s.URL)
	}
	close(stop)
	wg.Wait()
	t.Logf("%d events were accepted over %d kills", len(accepted), kills)
	if len(accepted) < kills {
		t.Fatalf("only %d events were accepted", len(accepted))
	}

	eventually(t, func() error {
		got := arrivals(t, r)
		missing := 0
		for n := range accepted {
			if len(got[n]) == 0 {
				missing++
			}
		}
		if missing > 0 {
			return fmt.Errorf("%d of %d accepted events are missing", missing, len(accepted))
		}
		return nil
	})
	repeats := 0
	for n, ids := range arrivals(t, r) {
		for id, times := range ids {
			repeats += times - 1
			if want, ok := accepted[n]; ok && id != want {
				t.Errorf("event %s was accepted as %s and arrived as %s", n, want, id)
			}
		}
	}
	t.Logf("%d requests came again", repeats)
	// The books agree: nothing is left to do.
	c := s.Admin()
	eventually(t, func() error { return settled(c) })
}

// settled tells whether every delivery of the caller's org has succeeded.
func settled(c *caller) error {
	for _, status := range []string{"pending", "retrying", "dead"} {
		a, err := c.Do("GET", "/v1/deliveries?limit=1&status="+status, nil)
		if err != nil {
			return err
		}
		var page struct{ Data []object }
		if err := json.Unmarshal(a.Body, &page); err != nil || a.Status != 200 {
			return fmt.Errorf("listing deliveries: %d %s", a.Status, clip(a.Body))
		}
		if len(page.Data) > 0 {
			return fmt.Errorf("deliveries are %s, such as %v", status, page.Data[0])
		}
	}
	return nil
}

// publishUntilAccepted repeats an event, under one idempotency key, until a server
// answers 202; false means that it was told to stop before.
func publishUntilAccepted(url *atomic.Value, n string, stop <-chan struct{}) (string, bool) {
	for {
		select {
		case <-stop:
			return "", false
		default:
		}
		c := caller{URL: url.Load().(string), Key: adminKey}
		a, err := c.Do("POST", "/v1/events", `{"type":"load.event","data":{"n":`+n+`}}`, "Idempotency-Key", n)
		if err == nil && a.Status == 202 {
			var o struct{ ID string }
			if json.Unmarshal(a.Body, &o) == nil {
				return o.ID, true
			}
		}
		if err != nil || a.Status >= 500 {
			time.Sleep(5 * time.Millisecond) // the server is being restarted
		}
	}
}

// arrivals counts, for each event's number, how often it came under which id.
func arrivals(t *testing.T, r *receiver) map[string]map[string]int {
	t.Helper()
	out := map[string]map[string]int{}
	for _, a := range r.Got() {
		var o struct{ Data struct{ N int } }
		if err := json.Unmarshal(a.Body, &o); err != nil {
			t.Fatal(err)
		}
		n := strconv.Itoa(o.Data.N)
		if out[n] == nil {
			out[n] = map[string]int{}
		}
		out[n][a.Header.Get("webhook-id")]++
	}
	return out
}
