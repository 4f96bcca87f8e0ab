package dispatch

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
)

// another is the session of another node.
const another = 99

// newSharedWorld is a world whose database others share.
func newSharedWorld(t *testing.T, answer func(context.Context, *peal.Endpoint, int) channel.Result) *world {
	w := idleWorld(t, answer)
	w.lanes = w.queue
	w.start()
	return w
}

// bind makes an endpoint.
func (w *world) bind(change func(*peal.Endpoint)) *peal.Endpoint {
	return w.endpoint("standard", func(ep *peal.Endpoint) {
		withSecret(ep)
		if change != nil {
			change(ep)
		}
	})
}

func (w *world) lane(ep *peal.Endpoint) lane {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if l := w.d.lanes[ep.ID]; l != nil {
		return *l
	}
	return lane{}
}

// setOwner makes a session the owner of a lane; zero frees it.
func (m *memory) setOwner(ep *peal.Endpoint, session int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if session == 0 {
		delete(m.lanes, ep.ID)
	} else {
		m.lanes[ep.ID] = session
	}
}

func (m *memory) ownerOf(ep *peal.Endpoint) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lanes[ep.ID]
}

func (m *memory) poke(ep *peal.Endpoint, change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	m.pokes[ep.ID]++
}

// insertElsewhere is what another node commits.
func (w *world) insertElsewhere(ep *peal.Endpoint) peal.DeliveryID {
	now := time.Now()
	ev := &peal.Event{ID: peal.NewEventID(now), Org: ep.Org, Type: "order.paid", Time: now, AcceptedAt: now, Data: []byte("{}")}
	id := peal.NewDeliveryID(now)
	m := w.queue
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	m.live[id] = &row{org: ev.Org, seq: m.seq, status: peal.Pending, job: Job{ID: id, Endpoint: ep.ID, Message: NewMessage(ev), DueAt: now, Size: ev.Size()}}
	return id
}

var bindings = map[string]func(*peal.Endpoint){
	"ordered":  func(ep *peal.Endpoint) { ep.Ordered = true },
	"rated":    func(ep *peal.Endpoint) { ep.RateLimit = 10 },
	"inFlight": func(ep *peal.Endpoint) { ep.MaxInFlight = 2 },
}

func TestLaneOfAnotherSession(t *testing.T) {
	for name, bind := range bindings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSharedWorld(t, accept)
				ep := w.bind(bind)
				w.queue.setOwner(ep, another)
				if w.d.Reserve(ep.ID, 10) {
					t.Error("a place was reserved in another's lane")
				}
				claims := w.queue.claims
				for range 50 {
					w.publish(ep)
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(5 * time.Second)
				if n := len(w.calls.to(ep.ID)); n != 0 {
					t.Errorf("%d attempts in another's lane", n)
				}
				if n := w.queue.claims - claims; n > 2 {
					t.Errorf("%d claims in another's lane", n)
				}
				// Once it is free, it is taken.
				w.queue.setOwner(ep, 0)
				freed := time.Now()
				time.Sleep(10 * time.Second)
				calls := w.calls.to(ep.ID)
				if len(calls) != 50 || calls[0].at.Sub(freed) > 1100*time.Millisecond {
					t.Errorf("%d attempts", len(calls))
				}
				w.stop()
				w.accountsAreEmpty()
			})
		})
	}
}

// The bucket of an owner is empty at first.
func TestTakeOverOfARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSharedWorld(t, accept)
		ep := w.bind(func(ep *peal.Endpoint) { ep.RateLimit = 100 })
		for range 200 {
			w.insertElsewhere(ep)
		}
		taken := time.Now()
		time.Sleep(2 * time.Second)
		n := 0
		for _, c := range w.calls.to(ep.ID) {
			if c.at.Sub(taken) <= time.Second {
				n++
			}
		}
		if n > 100 {
			t.Errorf("%d attempts in the first second", n)
		}
		w.stop()
	})
}

func TestOwnerSeesWhatOthersInsert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSharedWorld(t, accept)
		ep := w.bind(bindings["ordered"])
		w.publish(ep)
		w.settled()
		if w.queue.ownerOf(ep) == 0 {
			t.Fatal("nobody owns the lane")
		}
		for range 3 {
			time.Sleep(333 * time.Millisecond)
			inserted, before := time.Now(), len(w.calls.to(ep.ID))
			w.insertElsewhere(ep)
			time.Sleep(150 * time.Millisecond)
			calls := w.calls.to(ep.ID)
			if len(calls) != before+1 || calls[before].at.Sub(inserted) > lookEvery {
				t.Errorf("not seen within %v", lookEvery)
			}
		}
		// Idle, the lane is given up.
		time.Sleep(laneIdle + 2*time.Second)
		if w.queue.ownerOf(ep) != 0 {
			t.Error("an idle lane is kept")
		}
		w.stop()
	})
}

// A head that waits in memory is changed by another node.
func TestOwnerSeesWhatOthersChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSharedWorld(t, refuse)
		ep := w.bind(func(ep *peal.Endpoint) {
			ep.Ordered = true
			ep.Retry = &peal.RetryOverride{Schedule: slices.Repeat([]peal.Duration{peal.Duration(time.Hour)}, 5)}
		})
		head, next := w.publish(ep), w.publish(ep)
		time.Sleep(time.Second)
		if n := len(w.calls.to(ep.ID)); n != 1 {
			t.Fatalf("%d attempts", n)
		}
		w.queue.poke(ep, func() { w.queue.live[head].job.DueAt = time.Now() })
		time.Sleep(200 * time.Millisecond)
		if r := w.queue.get(head); len(r.attempts) != 2 {
			t.Errorf("retried %d times", len(r.attempts)-1)
		}
		w.queue.poke(ep, func() { w.queue.cancel(head, w.queue.live[head], "") })
		time.Sleep(200 * time.Millisecond)
		if r := w.queue.get(next); len(r.attempts) != 1 || len(w.queue.get(head).attempts) != 2 {
			t.Errorf("the next was tried %d times", len(r.attempts))
		}
		w.stop()
	})
}

// A node that holds deliveries of an endpoint that becomes bound gives them back, unless
// it becomes the owner.
func TestEndpointBecomesBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context, *peal.Endpoint, int) channel.Result {
			time.Sleep(time.Second)
			return channel.Result{StatusCode: 200}
		}
		w := newSharedWorld(t, slow)
		ep := w.bind(nil)
		for range 30 {
			w.publish(ep)
		}
		w.settled()
		w.queue.setOwner(ep, another)
		next := *ep
		next.RateLimit = 5
		w.put(&next)
		time.Sleep(500 * time.Millisecond)
		if l := w.lane(ep); len(l.queue) != 0 || l.owned != 8 || l.inFlight != 8 {
			t.Errorf("still held: queue=%d owned=%d in flight=%d", len(l.queue), l.owned, l.inFlight)
		}
		time.Sleep(10 * time.Second)
		if n := len(w.calls.to(ep.ID)); n != 8 {
			t.Errorf("%d attempts", n)
		}
		if live, done := w.queue.counts(); live != 22 || done != 8 {
			t.Errorf("%d live, %d done", live, done)
		}
		w.stop()
		w.accountsAreEmpty()
	})
}

// A lane is given up only when all that was started has ended.
func TestLanesAreSharedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context, *peal.Endpoint, int) channel.Result {
			time.Sleep(700 * time.Millisecond)
			return channel.Result{StatusCode: 200}
		}
		w := newSharedWorld(t, slow)
		w.queue.mu.Lock()
		w.queue.others = 2
		w.queue.mu.Unlock()
		var eps []*peal.Endpoint
		for range 12 {
			eps = append(eps, w.bind(bindings["ordered"]))
		}
		freed := map[*peal.Endpoint]bool{}
		for range 300 {
			for _, ep := range eps {
				if !freed[ep] {
					w.publish(ep)
				}
			}
			time.Sleep(200 * time.Millisecond)
			for _, ep := range eps {
				if !freed[ep] && w.queue.ownerOf(ep) == 0 {
					// memory.Leave has checked that nothing was owned.
					if n := w.calls.now[ep.ID]; n != 0 {
						t.Errorf("left with %d in flight", n)
					}
					w.queue.setOwner(ep, another)
					freed[ep] = true
				}
			}
		}
		if len(freed) != 7 {
			t.Errorf("%d of 12 lanes were given up for two others", len(freed))
		}
		w.stop()
	})
}

// What must not overlap with the attempts of whoever takes over is cut in time, and made
// again where the session turns out to live.
func TestUncertainSessionCutsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSharedWorld(t, hang)
		limited, free := w.bind(bindings["inFlight"]), w.bind(nil)
		id := w.publish(limited)
		w.publish(free)
		w.settled()
		w.uncertain.Store(true)
		time.Sleep(2 * time.Second)
		w.cut.Store(true)
		time.Sleep(300 * time.Millisecond)
		w.calls.mu.Lock()
		if w.calls.now[limited.ID] != 0 || w.calls.now[free.ID] != 1 {
			t.Errorf("in flight: %v", w.calls.now)
		}
		w.calls.answer = accept
		w.calls.mu.Unlock()
		w.uncertain.Store(false)
		w.cut.Store(false)
		time.Sleep(2 * time.Second)
		if r := w.queue.get(id); r.status != peal.Succeeded || len(r.attempts) != 1 {
			t.Errorf("%s after %d attempts", r.status, len(r.attempts))
		}
		time.Sleep(time.Minute)
		w.stop()
		w.accountsAreEmpty()
	})
}

// An attempt that outlives its session neither records for the next claim of its row nor
// lets it go.
func TestAttemptOutlivesSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := 0
		w := newSharedWorld(t, func(_ context.Context, _ *peal.Endpoint, n int) channel.Result {
			time.Sleep(time.Duration(n) * time.Second)
			answered++
			return channel.Result{StatusCode: 200}
		})
		ep := w.bind(nil)
		id := w.publish(ep)
		w.settled()
		w.queue.crash()
		w.d.Forget()
		time.Sleep(1500 * time.Millisecond)
		if n := len(w.calls.to(ep.ID)); n != 2 {
			t.Fatalf("%d attempts", n)
		}
		w.d.mu.Lock()
		if l := w.d.lanes[ep.ID]; l.held[id] != w.queue.number() {
			t.Error("the later claim is not held")
		}
		w.d.mu.Unlock()
		time.Sleep(time.Minute)
		if r := w.queue.get(id); r.finished != 1 || len(r.attempts) != 1 || answered != 2 {
			t.Errorf("finished %d times with %d attempts", r.finished, len(r.attempts))
		}
		w.stop()
		w.accountsAreEmpty()
	})
}
