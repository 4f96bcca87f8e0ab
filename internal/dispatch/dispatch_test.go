package dispatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
)

// waits are the times between the calls of one delivery.
func waits(calls []call) []time.Duration {
	var out []time.Duration
	for i := 1; i < len(calls); i++ {
		out = append(out, calls[i].at.Sub(calls[i-1].at))
	}
	return out
}

func TestSchedulesOfTheProfiles(t *testing.T) {
	s, m, h := time.Second, time.Minute, time.Hour
	for name, want := range map[string]struct {
		waits []time.Duration
		ends  peal.Status
	}{
		"standard":  {[]time.Duration{5 * s, 5 * m, 30 * m, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h}, peal.Dead},
		"nemo":      {nil, peal.Dropped},
		"curate-me": {[]time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s}, peal.Dead},
		"nembl":     {[]time.Duration{30 * s, 2 * m, 10 * m, h, 6 * h}, peal.Dead},
		"nolxy":     {[]time.Duration{5 * s, 10 * s, 20 * s}, peal.Dead},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, refuse)
				defer w.stop()
				ep := w.endpoint(name, withSecret)
				id := w.publish(ep)
				for _, wait := range want.waits {
					time.Sleep(wait)
				}
				time.Sleep(m)
				w.settled()

				got := waits(w.calls.to(ep.ID))
				if fmt.Sprint(got) != fmt.Sprint(want.waits) {
					t.Errorf("waits %v, want %v", got, want.waits)
				}
				r := w.queue.get(id)
				if r.status != want.ends || r.finished != 1 || len(r.attempts) != len(want.waits)+1 {
					t.Errorf("ended as %s, finished %d times, with %d attempts", r.status, r.finished, len(r.attempts))
				}
				for _, c := range w.calls.to(ep.ID) {
					if c.event != w.calls.to(ep.ID)[0].event {
						t.Errorf("an attempt carried webhook-id %s, the first one %s", c.event, w.calls.to(ep.ID)[0].event)
					}
				}
				w.accountsAreEmpty()
			})
		})
	}
}

func withSecret(ep *peal.Endpoint) {
	ep.Private.Secrets = []peal.SigningSecret{{Value: "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}}
}

func TestADeadDeliveryIsReportedToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, refuse)
		defer w.stop()
		ep := w.endpoint("nolxy", withSecret)
		id := w.publish(ep)
		time.Sleep(time.Minute)
		w.settled()
		if len(w.queue.raised) != 1 {
			t.Fatalf("%d events were raised, want 1", len(w.queue.raised))
		}
		r := w.queue.raised[0]
		if r.Type != peal.TypeDeliveryDead || r.Subject != id.String() || r.Exclude != ep.ID {
			t.Errorf("raised %+v", r)
		}
	})
}

func TestRetryByHandStartsTheScheduleAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, refuse)
		defer w.stop()
		ep := w.endpoint("nolxy", withSecret)
		id := w.publish(ep)
		time.Sleep(time.Hour)
		if err := w.d.Retry(t.Context(), ep.Org, id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		w.settled()
		if got := waits(w.calls.to(ep.ID)); len(got) != 7 || got[4] != 5*time.Second || got[6] != 20*time.Second {
			t.Errorf("waits %v", got)
		}
		if r := w.queue.get(id); r.status != peal.Dead || len(r.attempts) != 8 || r.attempts[7].Number != 8 {
			t.Errorf("ended as %s with %d attempts", r.status, len(r.attempts))
		}
	})
}

func TestAHangingEndpointDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bad peal.EndpointID
		w := newWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
			if ep.ID == bad {
				return hang(ctx, ep, n)
			}
			return accept(ctx, ep, n)
		})
		defer w.stop()
		hanging := w.endpoint("standard", withSecret)
		bad = hanging.ID
		healthy := w.endpoint("standard", withSecret)
		for range 2000 {
			w.publish(hanging)
		}
		for i := range 600 {
			id := w.publish(healthy)
			w.settled()
			if r := w.queue.get(id); r.status != peal.Succeeded {
				t.Fatalf("delivery %d of the healthy endpoint is %s while the other hangs", i, r.status)
			}
		}
		if most := w.calls.most[bad]; most > 8 {
			t.Errorf("%d attempts hung at once, the lane allows 8", most)
		}
	})
}

func TestSuspectLanesShareAQuarterOfTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hang)
		defer w.stop()
		for range 40 {
			ep := w.endpoint("standard", func(ep *peal.Endpoint) {
				withSecret(ep)
				ep.Org = ep.ID.String()[3:]
			})
			for range 20 {
				w.publish(ep)
			}
		}
		time.Sleep(5 * time.Minute) // every lane has timed out by now
		w.settled()
		w.d.mu.Lock()
		suspects, healthy := w.d.suspect.inFlight, w.d.healthy.inFlight
		w.d.mu.Unlock()
		if suspects != 64/4 || healthy != 0 {
			t.Errorf("%d suspect and %d healthy attempts in flight, want 16 and 0", suspects, healthy)
		}
	})
}

func TestCircuitOpensAndRamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healed := false
		w := newWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
			time.Sleep(time.Millisecond)
			if healed {
				return accept(ctx, ep, n)
			}
			return refuse(ctx, ep, n)
		})
		defer w.stop()
		ep := w.endpoint("nembl", withSecret)
		for range 200 {
			w.publish(ep)
		}
		time.Sleep(time.Second)
		w.settled()
		w.d.mu.Lock()
		open := w.d.lanes[ep.ID].circuit.open
		w.d.mu.Unlock()
		if !open {
			t.Fatal("the circuit is closed after 200 failures")
		}
		w.calls.mu.Lock()
		w.calls.most[ep.ID], healed = 0, true
		w.calls.mu.Unlock()
		time.Sleep(30 * time.Second)
		w.settled()
		if live, done := w.queue.counts(); live != 0 || done != 200 {
			t.Errorf("%d live and %d done after the endpoint came back", live, done)
		}
		if most := w.calls.most[ep.ID]; most < 2 || most > 8 {
			t.Errorf("%d attempts at once after the ramp, want up to 8", most)
		}
		w.accountsAreEmpty()
	})
}

func TestRetryAfterClosesTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
			if n == 1 {
				return channel.Result{StatusCode: 429, RetryAfter: 90 * time.Second, Err: errors.New("answered 429")}
			}
			return accept(ctx, ep, n)
		})
		defer w.stop()
		ep := w.endpoint("nolxy", withSecret)
		w.publish(ep)
		w.settled()
		w.publish(ep) // another delivery of the same endpoint waits, too
		time.Sleep(89 * time.Second)
		w.settled()
		if n := len(w.calls.to(ep.ID)); n != 1 {
			t.Fatalf("%d calls while the receiver wants none", n)
		}
		time.Sleep(2 * time.Second)
		w.settled()
		if _, done := w.queue.counts(); done != 2 {
			t.Errorf("%d of 2 deliveries done after it", done)
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, accept)
		defer w.stop()
		ep := w.endpoint("standard", func(ep *peal.Endpoint) { withSecret(ep); ep.RateLimit = 20 })
		for range 400 {
			w.publish(ep)
		}
		time.Sleep(10 * time.Second)
		w.settled()
		if n := len(w.calls.to(ep.ID)); n < 195 || n > 220 {
			t.Errorf("%d calls in 10 s at 20 a second", n)
		}
		time.Sleep(15 * time.Second)
		w.settled()
		if _, done := w.queue.counts(); done != 400 {
			t.Errorf("%d of 400 deliveries done", done)
		}
	})
}

func TestMaxInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
			time.Sleep(time.Second)
			return accept(ctx, ep, n)
		})
		defer w.stop()
		ep := w.endpoint("standard", func(ep *peal.Endpoint) { withSecret(ep); ep.MaxInFlight = 3 })
		for range 9 {
			w.publish(ep)
		}
		time.Sleep(3 * time.Second)
		w.settled()
		if _, done := w.queue.counts(); done != 9 || w.calls.most[ep.ID] != 3 {
			t.Errorf("%d of 9 done, %d at once, want 3", done, w.calls.most[ep.ID])
		}
	})
}

func TestStrictOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
			if n%3 == 0 {
				return refuse(ctx, ep, n)
			}
			return accept(ctx, ep, n)
		})
		defer func() { w.stop() }()
		ep := w.endpoint("nolxy", func(ep *peal.Endpoint) { withSecret(ep); ep.Ordered = true })
		var want []string
		for range 50 {
			r := w.queue.get(w.publish(ep))
			want = append(want, r.job.Message.Event.ID.String())
		}
		time.Sleep(12 * time.Second)
		w.stop() // half way, as a rolling restart does
		w.start()
		time.Sleep(time.Hour)
		w.settled()
		var got []string
		for _, c := range w.calls.to(ep.ID) {
			if len(got) == 0 || got[len(got)-1] != c.event {
				got = append(got, c.event)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("first arrivals out of order:\n got %v\nwant %v", got, want)
		}
		w.accountsAreEmpty()
	})
}

// behind is more than half of what a lane holds, so that no claim comes to wake it.
const behind = 400

// orderedBehindAFailure makes an endpoint whose first delivery failed and waits for
// its hour, with others behind it.
func orderedBehindAFailure(t *testing.T) (*world, *peal.Endpoint, peal.DeliveryID) {
	w := newWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
		if n == 1 {
			return refuse(ctx, ep, n)
		}
		return accept(ctx, ep, n)
	})
	ep := w.endpoint("standard", func(ep *peal.Endpoint) {
		withSecret(ep)
		ep.Ordered = true
		ep.Retry = &peal.RetryOverride{Schedule: []peal.Duration{peal.Duration(time.Hour)}}
	})
	head := w.publish(ep)
	for range behind {
		w.publish(ep)
	}
	time.Sleep(time.Minute)
	w.settled()
	if n := len(w.calls.to(ep.ID)); n != 1 {
		t.Fatalf("%d calls while the head waits", n)
	}
	return w, ep, head
}

func TestARetryByHandHurriesTheHeadOfAnOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ep, head := orderedBehindAFailure(t)
		defer w.stop()
		if err := w.d.Retry(t.Context(), ep.Org, head); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.settled()
		if _, done := w.queue.counts(); done != 1+behind {
			t.Errorf("%d of %d done after the retry", done, 1+behind)
		}
		w.accountsAreEmpty()
	})
}

func TestCancellingTheHeadLetsTheNextGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ep, head := orderedBehindAFailure(t)
		defer w.stop()
		if err := w.d.Cancel(t.Context(), ep.Org, head); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.settled()
		if _, done := w.queue.counts(); done != 1+behind || len(w.calls.to(ep.ID)) != 1+behind {
			t.Errorf("%d of %d done, %d calls", done, 1+behind, len(w.calls.to(ep.ID)))
		}
		w.accountsAreEmpty()
	})
}

func TestTakingTheOrderAwayOpensTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ep, head := orderedBehindAFailure(t)
		defer w.stop()
		free := *ep
		free.Ordered = false
		w.put(&free)
		time.Sleep(time.Second)
		w.settled()
		if _, done := w.queue.counts(); done == 0 {
			t.Errorf("nothing is done, the head is %s", w.queue.get(head).status)
		}
	})
}

func TestTheBudgetBoundsClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hang)
		defer w.stop()
		w.d.mu.Lock()
		w.d.MemoryBudget = 20_000
		w.d.mu.Unlock()
		for range 30 {
			ep := w.endpoint("standard", withSecret)
			for range 50 {
				w.publish(ep)
			}
		}
		time.Sleep(time.Minute)
		w.settled()
		w.d.mu.Lock()
		defer w.d.mu.Unlock()
		size := 0
		for _, l := range w.d.lanes {
			if l.owned == 0 {
				t.Errorf("a lane holds nothing beside a full budget")
			}
			size = max(size, l.bytes/max(1, l.owned))
		}
		if most := w.d.MemoryBudget + 30*assuredOwned*size; w.d.bytes > most {
			t.Errorf("%d bytes held, want at most %d", w.d.bytes, most)
		}
	})
}

func TestAPanickingProfileFailsTheAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, accept)
		defer w.stop()
		ep := w.endpoint("nolxy", withSecret)
		broken, _ := w.d.Profiles.Get("nolxy")
		whole := broken.Render
		broken.Render = func(*peal.Event) ([]byte, error) { panic("boom") }
		id := w.publish(ep)
		w.settled()
		broken.Render = whole
		time.Sleep(time.Minute)
		w.settled()
		if r := w.queue.get(id); r.status != peal.Succeeded || len(r.attempts) != 2 || r.attempts[0].Error == "" {
			t.Errorf("%s after %d attempts", r.status, len(r.attempts))
		}
	})
}

func TestPauseKeepsAndResumeDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, accept)
		defer w.stop()
		ep := w.endpoint("standard", withSecret)
		paused := *ep
		paused.Status = peal.Paused
		w.put(&paused)
		for range 1500 {
			w.publish(&paused)
		}
		time.Sleep(time.Hour)
		w.settled()
		if n := len(w.calls.to(ep.ID)); n != 0 {
			t.Fatalf("%d calls to a paused endpoint", n)
		}
		w.put(ep)
		time.Sleep(time.Second)
		w.settled()
		if live, done := w.queue.counts(); live != 0 || done != 1500 {
			t.Errorf("after the resume %d live, %d done", live, done)
		}
		w.accountsAreEmpty()
	})
}

func TestGoneDisablesAndKeepsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(context.Context, *peal.Endpoint, int) channel.Result {
			return channel.Result{StatusCode: 410, Gone: true, Err: errors.New("answered 410")}
		})
		defer w.stop()
		ep := w.endpoint("standard", func(ep *peal.Endpoint) { withSecret(ep); ep.MaxInFlight = 1 })
		for range 5 {
			w.publish(ep)
		}
		time.Sleep(time.Hour)
		w.settled()
		now, _ := w.dir.Endpoint(ep.ID)
		live, done := w.queue.counts()
		if now.Status != peal.Disabled || len(w.calls.to(ep.ID)) != 1 || live != 5 || done != 0 {
			t.Errorf("status %s, %d calls, %d live, %d done", now.Status, len(w.calls.to(ep.ID)), live, done)
		}
	})
}

func TestFiveDaysOfFailingDisable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, refuse)
		defer w.stop()
		ep := w.endpoint("standard", withSecret)
		for day := range 6 {
			now, _ := w.dir.Endpoint(ep.ID)
			if now.Status != peal.Active {
				t.Fatalf("disabled on day %d", day)
			}
			w.publish(now)
			time.Sleep(24 * time.Hour)
		}
		w.settled()
		now, _ := w.dir.Endpoint(ep.ID)
		if now.Status != peal.Disabled || now.StatusReason == "" {
			t.Errorf("after six days of failing: %s, %q", now.Status, now.StatusReason)
		}
		resumed := *now
		resumed.Status, resumed.ActiveSince = peal.Active, time.Now()
		w.put(&resumed)
		w.publish(&resumed)
		time.Sleep(time.Hour)
		w.settled()
		if now, _ := w.dir.Endpoint(ep.ID); now.Status != peal.Active {
			t.Errorf("disabled again by its first failures after it was resumed")
		}
	})
}

func TestADeletedEndpointsDeliveriesAreCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, refuse)
		defer w.stop()
		ep := w.endpoint("nembl", withSecret)
		for range 700 {
			w.publish(ep)
		}
		time.Sleep(time.Second)
		w.write(ep, true)
		time.Sleep(10 * time.Second)
		w.settled()
		if live, done := w.queue.counts(); live != 0 || done != 700 {
			t.Errorf("%d live, %d done", live, done)
		}
		w.accountsAreEmpty()
	})
}

func TestAnUncertainNodeStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, accept)
		defer w.stop()
		ep := w.endpoint("standard", withSecret)
		w.uncertain.Store(true)
		for range 10 {
			w.publish(ep)
		}
		time.Sleep(time.Minute)
		w.settled()
		if n := len(w.calls.to(ep.ID)); n != 0 {
			t.Fatalf("%d attempts by a node that may be dead", n)
		}
		w.uncertain.Store(false)
		time.Sleep(2 * time.Second)
		w.settled()
		if _, done := w.queue.counts(); done != 10 {
			t.Errorf("%d of 10 done once it is certain", done)
		}
	})
}

func TestANewSessionTakesUpWhatTheOldOneHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
			time.Sleep(time.Second)
			return accept(ctx, ep, n)
		})
		defer w.stop()
		ep := w.endpoint("standard", withSecret)
		for range 100 {
			w.publish(ep)
		}
		w.settled()
		w.queue.crash() // others took the session for dead
		w.d.Forget()
		time.Sleep(time.Minute)
		w.settled()
		if live, done := w.queue.counts(); live != 0 || done != 100 {
			t.Errorf("%d live, %d done of 100", live, done)
		}
		if n := len(w.calls.to(ep.ID)); n != 108 {
			t.Errorf("%d attempts, want 100 and the 8 that were under way", n)
		}
		w.accountsAreEmpty()
	})
}

func TestDrainFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
			time.Sleep(3 * time.Second)
			return accept(ctx, ep, n)
		})
		ep := w.endpoint("standard", withSecret)
		for range 100 {
			w.publish(ep)
		}
		w.settled()
		begun := time.Now()
		w.stop()
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("the drain took %s", took)
		}
		live, done := w.queue.counts()
		owned, err := w.queue.Owned(t.Context())
		if done != 8 || live != 92 || len(owned) != 0 || err != nil {
			t.Errorf("%d done, %d live, %d still owned, %v", done, live, len(owned), err)
		}
	})
}

func TestDrainGivesUpOnWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hang)
		ep := w.endpoint("standard", func(ep *peal.Endpoint) {
			withSecret(ep)
			ep.Retry = &peal.RetryOverride{Timeout: peal.Duration(time.Minute)}
		})
		id := w.publish(ep)
		w.settled()
		begun := time.Now()
		w.stop()
		if took := time.Since(begun); took != 20*time.Second {
			t.Errorf("the drain took %s, want its 20 s", took)
		}
		if r := w.queue.get(id); r.owner != 0 || len(r.attempts) != 0 || r.status != peal.Pending {
			t.Errorf("the attempt that was cut short left %+v", r)
		}
	})
}

// Whatever receivers answer, and however often the process dies, every delivery
// ends exactly once and nothing stays behind in memory.
func TestEveryDeliveryEndsOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		answers := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 40).Draw(rt, "answers")
		endpoints := rapid.IntRange(1, 4).Draw(rt, "endpoints")
		events := rapid.IntRange(1, 120).Draw(rt, "events")
		crashes := rapid.IntRange(0, 3).Draw(rt, "crashes")
		ordered := rapid.Bool().Draw(rt, "ordered")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result {
				switch answers[n%len(answers)] {
				case 0:
					return refuse(ctx, ep, n)
				case 1:
					return hang(ctx, ep, n)
				case 2:
					time.Sleep(40 * time.Millisecond)
				}
				return accept(ctx, ep, n)
			})
			var eps []*peal.Endpoint
			for i := range endpoints {
				eps = append(eps, w.endpoint("nolxy", func(ep *peal.Endpoint) { withSecret(ep); ep.Ordered = ordered && i == 0 }))
			}
			for i := range events {
				w.publish(eps[i%endpoints])
			}
			for range crashes {
				time.Sleep(700 * time.Millisecond)
				w.queue.crash() // what the old dispatcher still does is fenced
				w.stop()
				w.start()
			}
			time.Sleep(2 * time.Hour)
			w.settled()
			if live, done := w.queue.counts(); live != 0 || done != events {
				t.Errorf("%d live, %d done of %d", live, done, events)
			}
			for id, r := range w.queue.done {
				if r.finished != 1 {
					t.Errorf("%s finished %d times", id, r.finished)
				}
			}
			w.accountsAreEmpty()
			w.stop()
		})
	})
}
