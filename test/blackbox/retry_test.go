package blackbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// waits checks that the arrivals are at least the given times apart, and not so far
// beyond as to belong to another schedule.
func waits(t *testing.T, got []arrival, want ...time.Duration) {
	t.Helper()
	for i, least := range want {
		gap := got[i+1].At.Sub(got[i].At)
		// The wait counts from the record of the failed attempt, a moment after its arrival.
		if gap < least-10*time.Millisecond || gap > 2*least+5*time.Second {
			t.Errorf("retry %d came after %s, want %s", i+1, gap, least)
		}
	}
}

func TestCurateMeScheduleThenRetryByHand(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, func(n int) int {
		if n <= 6 {
			return 500
		}
		return 200
	})
	hook := c.Call(t, 201, "POST", "/api/v1/admin/webhooks",
		object{"url": r.URL, "events": []string{"agent.failed"}, "secret": "whsec_your_signing_secret"})
	event := c.Publish(t, "agent.failed", object{"runner_name": "frank"})
	dead := c.Delivery(t, text(event, "id"), "dead")
	got := r.Wait(t, 6)
	waits(t, got, time.Second, 2*time.Second, 4*time.Second, 8*time.Second, 16*time.Second)
	if number(t, dead, "attempt_count") != 6 || number(t, dead, "retry_count") != 5 || number(t, dead, "last_status_code") != 500 {
		t.Errorf("the dead delivery: %v", dead)
	}

	c.Call(t, 202, "POST", fmt.Sprintf("/api/v1/admin/webhooks/%s/deliveries/%s/retry", hook["id"], dead["id"]), nil)
	got = r.Wait(t, 7)
	done := c.Delivery(t, text(event, "id"), "succeeded")
	if done["id"] != dead["id"] || number(t, done, "attempt_count") != 7 {
		t.Errorf("after the retry by hand: %v", done)
	}
	for _, a := range got {
		verified(t, "curate-me", "whsec_your_signing_secret", a)
		if a.Header.Get("webhook-id") != got[0].Header.Get("webhook-id") || string(a.Body) != string(got[0].Body) {
			t.Errorf("attempts differ: %v %s", a.Header, a.Body)
		}
	}
}

func TestNolxySchedule(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, always(503))
	c.Endpoint(t, r.URL, "profile", "nolxy")
	event := c.Publish(t, "circuit.open", object{"route": "r1"})
	dead := c.Delivery(t, text(event, "id"), "dead")
	waits(t, r.Wait(t, 4), 5*time.Second, 10*time.Second, 20*time.Second)
	if number(t, dead, "retry_count") != 3 {
		t.Errorf("the dead delivery: %v", dead)
	}
}

func TestNemoNeverRetries(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, always(500))
	c.Endpoint(t, r.URL, "profile", "nemo")
	event := c.Publish(t, "guardrail.blocked", object{})
	dropped := c.Delivery(t, text(event, "id"), "dropped")
	if number(t, dropped, "attempt_count") != 1 || dropped["next_attempt_at"] != nil || text(dropped, "finished_at") == "" {
		t.Errorf("the dropped delivery: %v", dropped)
	}
	r.Wait(t, 1)
}

func TestRetryAfterLengthensTheWait(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newRaw(t, func(n int) string {
		if n == 1 {
			return "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n"
		}
		return "HTTP/1.1 204 No Content\r\n\r\n"
	})
	c.Endpoint(t, r.URL, "retry", object{"schedule": []string{"50ms"}})
	event := c.Publish(t, "any.thing", object{})
	done := c.Delivery(t, text(event, "id"), "succeeded")
	attempts := list(done, "attempts")
	if len(attempts) != 2 || number(t, attempts[0], "status_code") != 429 {
		t.Fatalf("attempts: %v", attempts)
	}
	if gap := started(t, attempts[1]).Sub(started(t, attempts[0])); gap < 2*time.Second {
		t.Errorf("tried again after %s, though the receiver asked for 2 s", gap)
	}
}

func started(t *testing.T, attempt object) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text(attempt, "started_at"))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A try by hand is refused while one hangs, and sends again once that has failed.
func TestRetryByHandWhileAnAttemptHangs(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	release := make(chan struct{})
	r := newReceiver(t, func(n int) int {
		if n == 1 {
			<-release
			return 503
		}
		return 200
	})
	end := sync.OnceFunc(func() { close(release) })
	defer end()
	c.Endpoint(t, r.URL, "retry", object{"schedule": []string{"1h"}, "timeout": "30s"})
	event := text(c.Publish(t, "invoice.paid", object{}), "id")
	r.Wait(t, 1)
	retry := "/v1/deliveries/" + text(c.Delivery(t, event, "pending"), "id") + "/retry"
	if p := c.Call(t, 409, "POST", retry, nil); text(p, "code") != "conflict" || !strings.Contains(text(p, "detail"), "under way") {
		t.Errorf("while it hangs: %v", p)
	}
	end()
	c.Call(t, 202, "POST", retry, nil) // also where the failure is not recorded yet
	r.Wait(t, 2)
	if d := c.Delivery(t, event, "succeeded"); number(t, d, "attempt_count") != 2 {
		t.Errorf("it ended as %v", d)
	}
}

// Each try by hand, of whatever became of a delivery, sends the same bytes again
// under the same ids.
func TestRetryAndReplayByHand(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	ep := c.Endpoint(t, r.URL)
	// One after the other, so that the first to arrive is the first.
	first := c.Publish(t, "invoice.paid", object{"total": json.Number("120.50")})
	d := c.Delivery(t, text(first, "id"), "succeeded")
	second := c.Publish(t, "invoice.sent", object{})
	c.Delivery(t, text(second, "id"), "succeeded")

	c.Call(t, 202, "POST", "/v1/deliveries/"+text(d, "id")+"/retry", nil)
	got := r.Wait(t, 3)
	c.Call(t, 202, "POST", "/v1/replays", object{"filter": object{"endpoint": ep["id"], "type": "invoice.paid"}})
	got = append(got[:0], r.Wait(t, 4)...)
	for _, a := range got[2:] {
		verified(t, "standard", text(ep, "secret"), a)
		if a.Header.Get("webhook-id") != got[0].Header.Get("webhook-id") || string(a.Body) != string(got[0].Body) {
			t.Errorf("sent again: %v %s", a.Header, a.Body)
		}
	}
	payload := c.Try(t, "GET", "/v1/deliveries/"+text(d, "id")+"/payload", nil)
	if payload.Status != 200 || string(payload.Body) != string(got[0].Body) {
		t.Errorf("payload: %d %s, sent %s", payload.Status, payload.Body, got[0].Body)
	}
	eventually(t, func() error {
		if d := c.Delivery(t, text(first, "id"), "succeeded"); number(t, d, "attempt_count") != 3 {
			return fmt.Errorf("the delivery: %v", d)
		}
		return nil
	})
}

func TestCancelStopsADelivery(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, always(500))
	c.Endpoint(t, r.URL, "retry", object{"schedule": []string{"1h"}})
	event := c.Publish(t, "any.thing", object{})
	d := c.Delivery(t, text(event, "id"), "retrying")
	c.Call(t, 200, "POST", "/v1/deliveries/"+text(d, "id")+"/cancel", nil)
	c.Delivery(t, text(event, "id"), "cancelled")
	c.Call(t, 409, "POST", "/v1/deliveries/"+text(d, "id")+"/cancel", nil)
}
