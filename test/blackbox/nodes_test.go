package blackbox

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/peal-dev/peal/test/pgtest"
	"github.com/peal-dev/peal/webhook"
)

// soon is within what a change of the configuration acts on all nodes.
const soon = time.Second

// What one node answered to a change holds for the next event, whichever node accepts
// it, and for what all nodes have at hand soon after.
func TestNodesActOnChanges(t *testing.T) {
	t.Parallel()
	database := pgtest.Schema(t)
	a, b := newNode(t, database).Admin(), newNode(t, database).Admin()

	t.Run("made", func(t *testing.T) {
		r := newReceiver(t, nil)
		for n := range 20 {
			kind := fmt.Sprint("made.n", n)
			ep := a.Endpoint(t, r.URL, "events", []string{kind})
			if got := b.Publish(t, kind, object{}); number(t, got, "deliveries") != 1 {
				t.Fatalf("the other node missed an endpoint: %v", got)
			}
			a.Call(t, 204, "DELETE", "/v1/endpoints/"+text(ep, "id"), nil)
			if got := b.Publish(t, kind, object{}); number(t, got, "deliveries") != 0 {
				t.Fatalf("the other node did not miss a deleted endpoint: %v", got)
			}
		}
	})

	t.Run("paused", func(t *testing.T) {
		// Slow, so that both nodes hold some when it is paused.
		r := newReceiver(t, func(int) int { time.Sleep(20 * time.Millisecond); return 200 })
		ep := a.Endpoint(t, r.URL, "events", []string{"paused"}, "max_in_flight", 2)
		path := "/v1/endpoints/" + text(ep, "id")
		b.Call(t, 202, "POST", "/v1/events", slices.Repeat([]object{{"type": "paused"}}, 300))
		a.Call(t, 200, "POST", path+"/pause", nil)
		at := time.Now()
		after := text(b.Publish(t, "paused", object{}), "id")
		time.Sleep(soon + 200*time.Millisecond)
		for _, arrived := range r.Got() {
			if late := arrived.At.Sub(at); late > soon || arrived.Header.Get("webhook-id") == after {
				t.Errorf("%s arrived %s after the pause", arrived.Header.Get("webhook-id"), late)
			}
		}
		if len(r.Got()) == 301 {
			t.Fatal("nothing was left to hold back")
		}
		a.Call(t, 200, "POST", path+"/resume", nil)
		r.Wait(t, 301)
	})

	t.Run("rotated", func(t *testing.T) {
		r := newReceiver(t, nil)
		ep := a.Endpoint(t, r.URL, "events", []string{"rotated"})
		for n := range 10 {
			rotated := a.Call(t, 200, "POST", "/v1/endpoints/"+text(ep, "id")+"/rotate-secret", object{"overlap": "0s"})
			b.Publish(t, "rotated", object{})
			arrived := r.Wait(t, n+1)[n]
			if err := webhook.Standard.Verify(arrived.Header, arrived.Body, text(rotated, "secret")); err != nil {
				t.Errorf("signed with another secret than the newest: %v", err)
			}
		}
	})

	t.Run("key", func(t *testing.T) {
		made := a.Call(t, 201, "POST", "/v1/keys", object{"name": "k", "role": "viewer"})
		key := b.As(text(made, "key"))
		within(t, soon, func() error { return answers(key, 200) })
		a.Call(t, 204, "DELETE", "/v1/keys/"+text(made, "id"), nil)
		within(t, soon, func() error { return answers(key, 401) })
	})
}

func answers(c *caller, status int) error {
	got, err := c.Do("GET", "/v1/endpoints", nil)
	if err == nil && got.Status != status {
		err = fmt.Errorf("answered %d, want %d", got.Status, status)
	}
	return err
}
