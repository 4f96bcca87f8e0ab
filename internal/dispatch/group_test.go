package dispatch

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
)

// teller is a channel that tells people: it notes how many events each message had.
type teller struct {
	*receiver
	mu   sync.Mutex
	told []int
}

func (*teller) Kind() string { return "teller" }

func (c *teller) Get(kind string) (channel.Channel, bool) { return c, kind == "teller" }

func (c *teller) Render(_ *peal.Endpoint, m *channel.Message) ([]byte, []peal.Header, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, len(m.Events))
	return []byte(strings.Repeat("x", len(m.Events))), nil, nil
}

func (c *teller) messages() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int(nil), c.told...)
}

// tellingWorld is a world whose endpoints are told.
func tellingWorld(t *testing.T, answer func(context.Context, *peal.Endpoint, int) channel.Result) (*world, *teller, *peal.Endpoint) {
	w := newWorld(t, answer)
	w.stop()
	c := &teller{receiver: w.calls}
	w.channels = c
	w.start()
	return w, c, w.endpoint("standard", func(ep *peal.Endpoint) { ep.Kind = "teller" })
}

// collect commits a delivery of a group that is due later.
func (w *world) collect(ep *peal.Endpoint, group peal.GroupID, wait time.Duration) peal.DeliveryID {
	now := time.Now()
	ev := &peal.Event{
		ID: peal.NewEventID(now), Org: ep.Org, Type: "order.paid", Source: "test", Severity: peal.Info,
		Title: "t", Message: "m", Time: now, AcceptedAt: now, Data: []byte(`{"n":1}`),
	}
	id := peal.NewDeliveryID(now)
	w.queue.mu.Lock()
	w.queue.seq++
	w.queue.live[id] = &row{org: ev.Org, seq: w.queue.seq, status: peal.Pending, job: Job{
		ID: id, Endpoint: ep.ID, Message: NewMessage(ev), DueAt: now.Add(wait), Size: ev.Size(), Group: group,
	}}
	w.queue.mu.Unlock()
	w.d.Due(ep.ID, now.Add(wait))
	return id
}

func TestAGroupIsOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, told, ep := tellingWorld(t, accept)
		defer w.stop()
		var ids []peal.DeliveryID
		for range 50 {
			ids = append(ids, w.collect(ep, peal.GroupID{1}, 30*time.Second))
		}
		ids = append(ids, w.collect(ep, peal.GroupID{2}, 30*time.Second))
		other := w.publish(ep)
		w.settled()
		if got := told.messages(); len(got) != 1 || got[0] != 1 || w.queue.done[other] == nil {
			t.Fatalf("before they are due: %v", got)
		}
		claims := w.queue.claims
		time.Sleep(29 * time.Second)
		if more := w.queue.claims - claims; more > 1 {
			t.Errorf("%d claims while nothing is due", more)
		}
		time.Sleep(2 * time.Second)
		w.settled()
		if got := told.messages(); len(got) != 3 || got[1]+got[2] != 51 {
			t.Errorf("messages of %v events", got)
		}
		for i, id := range ids {
			r := w.queue.done[id]
			if r == nil || r.status != peal.Succeeded || len(r.attempts) != 1 || r.finished != 1 {
				t.Fatalf("%d: %+v", i, r)
			}
			if want := map[bool]int{true: 50, false: 0}[i < 50]; r.attempts[0].Events != want || r.attempts[0].Number != 1 {
				t.Errorf("%d: attempt %+v", i, r.attempts[0])
			}
		}
		w.accountsAreEmpty()
	})
}

// A message that fails is tried again with all of its events, and with those of its group
// that came meanwhile; each delivery goes by its own schedule all the same.
func TestAGroupIsRetriedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, told, ep := tellingWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
			if n < 3 {
				return refuse(ctx, ep, n)
			}
			return accept(ctx, ep, n)
		})
		defer w.stop()
		first := []peal.DeliveryID{w.collect(ep, peal.GroupID{1}, time.Second), w.collect(ep, peal.GroupID{1}, time.Second)}
		time.Sleep(2 * time.Second)
		w.settled()
		later := w.collect(ep, peal.GroupID{1}, 2*time.Second)
		time.Sleep(10 * time.Minute)
		w.settled()
		if got := told.messages(); len(got) < 3 || got[0] != 2 {
			t.Fatalf("messages of %v events", got)
		}
		for _, id := range append(first, later) {
			if r := w.queue.done[id]; r == nil || r.status != peal.Succeeded {
				t.Fatalf("%+v", r)
			}
		}
		for _, id := range first {
			for i, a := range w.queue.done[id].attempts {
				if a.Number != i+1 {
					t.Errorf("attempt %d has the number %d", i+1, a.Number)
				}
			}
		}
		a, b := w.queue.done[first[0]].attempts, w.queue.done[first[1]].attempts
		if len(a) != len(b) || !a[len(a)-1].StartedAt.Equal(b[len(b)-1].StartedAt) {
			t.Errorf("they were not retried together: %v %v", a, b)
		}
		w.accountsAreEmpty()
	})
}

func TestEveryEventOfADeadMessageIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, ep := tellingWorld(t, refuse)
		defer w.stop()
		ep.Retry = &peal.RetryOverride{Schedule: []peal.Duration{peal.Duration(time.Second)}}
		w.put(ep)
		for range 3 {
			w.collect(ep, peal.GroupID{1}, time.Second)
		}
		time.Sleep(time.Minute)
		w.settled()
		if len(w.queue.done) != 3 || len(w.queue.raised) != 3 {
			t.Fatalf("%d finished, %d raised", len(w.queue.done), len(w.queue.raised))
		}
		for _, r := range w.queue.done {
			if r.status != peal.Dead || len(r.attempts) != 2 {
				t.Errorf("%+v", r)
			}
		}
		w.accountsAreEmpty()
	})
}

// What is cancelled leaves its message, and what a paused or deleted endpoint holds is
// given up as a whole.
func TestAGroupThatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, told, ep := tellingWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
			time.Sleep(time.Minute)
			return accept(ctx, ep, n)
		})
		defer w.stop()
		ep.MaxInFlight, ep.Retry = 1, &peal.RetryOverride{Timeout: peal.Duration(2 * time.Minute)}
		w.put(ep)
		w.publish(ep) // keeps the lane busy
		var ids []peal.DeliveryID
		for range 4 {
			ids = append(ids, w.collect(ep, peal.GroupID{1}, time.Second))
		}
		time.Sleep(10 * time.Second)
		w.settled()
		for _, id := range []peal.DeliveryID{ids[2], ids[0]} {
			if err := w.d.Cancel(t.Context(), ep.Org, id); err != nil {
				t.Fatal(err)
			}
		}
		paused := *ep
		paused.Status = peal.Paused
		w.put(&paused)
		time.Sleep(5 * time.Minute)
		w.settled()
		for _, id := range []peal.DeliveryID{ids[1], ids[3]} {
			if r := w.queue.live[id]; r == nil || r.owner != 0 {
				t.Fatalf("held while paused: %+v", r)
			}
		}
		w.put(ep)
		time.Sleep(5 * time.Minute)
		w.settled()
		if got := told.messages(); len(got) != 2 || got[1] != 2 {
			t.Errorf("messages of %v events", got)
		}
		if r := w.queue.done[ids[0]]; r.status != peal.Cancelled {
			t.Errorf("%+v", r)
		}
		w.collect(ep, peal.GroupID{1}, time.Hour)
		w.write(ep, true)
		time.Sleep(2 * time.Hour)
		w.settled()
		if len(w.queue.live) != 0 {
			t.Errorf("%d live deliveries of a deleted endpoint", len(w.queue.live))
		}
		w.accountsAreEmpty()
	})
}
