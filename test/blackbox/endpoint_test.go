package blackbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGoneDisables(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles {
		c := sharedOrg(t)
		gone := newReceiver(t, func(n int) int {
			if n == 1 {
				return http.StatusGone
			}
			return 200
		})
		watcher := newReceiver(t, nil)
		ep := c.Endpoint(t, gone.URL, "profile", profile)
		c.Endpoint(t, watcher.URL, "events", []string{"endpoint.disabled"})
		c.Publish(t, "first.event", object{})
		eventually(t, func() error {
			got := c.Call(t, 200, "GET", "/v1/endpoints/"+text(ep, "id"), nil)
			if text(got, "status") != "disabled" || text(got, "status_reason") == "" {
				return fmt.Errorf("%s: the endpoint is %v", profile, got)
			}
			return nil
		})
		var told object
		decode(t, watcher.Wait(t, 1)[0].Body, &told)
		data, _ := told["data"].(object)
		if text(told, "type") != "endpoint.disabled" || text(data, "endpoint_id") != text(ep, "id") {
			t.Errorf("%s: the others were told %v", profile, told)
		}
		if profile == "nemo" {
			continue // keeps nothing for later
		}
		// It keeps collecting, and goes on where it is enabled again.
		c.Publish(t, "second.event", object{})
		c.Call(t, 200, "POST", "/v1/endpoints/"+text(ep, "id")+"/resume", nil)
		eventually(t, func() error {
			types := map[string]bool{}
			for _, a := range gone.Got()[1:] {
				var o object
				decode(t, a.Body, &o)
				types[text(o, "type")+text(o, "event")] = true
			}
			if !types["second.event"] {
				return fmt.Errorf("%s: after resuming, these arrived: %v", profile, types)
			}
			return nil
		})
	}
}

func TestRedirectsAreFailures(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	secret := newReceiver(t, nil)
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.RedirectHandler(secret.URL, status))
		defer srv.Close()
		ep := c.Endpoint(t, srv.URL, "events", []string{fmt.Sprintf("redirect.%d", status)}, "retry", object{"schedule": []string{}})
		event := c.Publish(t, fmt.Sprintf("redirect.%d", status), object{})
		dead := c.Delivery(t, text(event, "id"), "dead")
		if number(t, dead, "last_status_code") != status || text(dead, "endpoint_id") != text(ep, "id") {
			t.Errorf("%d: %v", status, dead)
		}
	}
	if n := len(secret.Got()); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

func TestFilterAndExplain(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	filtered := c.Endpoint(t, r.URL+"/filtered", "filter", "event.data.total > 100.0")
	prefixed := c.Endpoint(t, r.URL+"/prefixed", "events", []string{"invoice.*"})
	other := c.Endpoint(t, r.URL+"/other", "events", []string{"order.paid"})
	curate := c.Endpoint(t, r.URL+"/curate", "profile", "curate-me", "events", []string{"invoice.paid"})
	for _, bad := range []string{"event.data.total >", "event.type", "nothing.known", `"a" == 1`, strings.Repeat("(", 5000)} {
		c.Call(t, 400, "POST", "/v1/endpoints", object{"url": r.URL, "filter": bad})
	}

	small := c.Publish(t, "invoice.paid", object{"total": 99.5})
	large := c.Publish(t, "invoice.paid", object{"total": 100.5})
	outcomes := func(event object) map[string]string {
		out := map[string]string{}
		for _, v := range list(c.Call(t, 200, "GET", "/v1/events/"+text(event, "id")+"?explain=true", nil), "explain") {
			out[text(v, "endpoint_id")] = text(v, "outcome")
		}
		return out
	}
	for _, test := range []struct {
		event, endpoint object
		want            string
	}{
		{small, filtered, "filter"},
		{large, filtered, "delivered"},
		{small, prefixed, "delivered"},
		{large, other, "type"},
		{small, curate, "delivered"},
		{large, curate, "dedup"},
	} {
		eventually(t, func() error {
			if got := outcomes(test.event)[text(test.endpoint, "id")]; got != test.want {
				return fmt.Errorf("endpoint %s is %q, want %q", test.endpoint["url"], got, test.want)
			}
			return nil
		})
	}
	paths := map[string]int{}
	for _, a := range r.Wait(t, 4) {
		paths[a.Path]++
	}
	if paths["/filtered"] != 1 || paths["/prefixed"] != 2 || paths["/curate"] != 1 {
		t.Errorf("arrived at %v", paths)
	}

	// A changed filter holds from the answer on.
	c.Call(t, 200, "PATCH", "/v1/endpoints/"+text(filtered, "id"), object{"filter": `event.type == "never.this"`})
	if o := c.Publish(t, "thing.happened", object{"total": 1000}); number(t, o, "deliveries") != 0 {
		t.Errorf("after the change: %v", o)
	}
}

func TestPauseKeepsAndResumeLosesNothing(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	ep := c.Endpoint(t, r.URL)
	path := "/v1/endpoints/" + text(ep, "id")
	if o := c.Call(t, 200, "POST", path+"/pause", nil); text(o, "status") != "paused" {
		t.Errorf("paused: %v", o)
	}
	const n = 200
	events := make([]object, n)
	for i := range events {
		events[i] = object{"type": "order.paid", "id": fmt.Sprint("paused-", i), "data": object{"n": i}}
	}
	c.Call(t, 202, "POST", "/v1/events", events)
	waiting := c.List(t, "/v1/deliveries?status=pending&endpoint="+text(ep, "id"))
	if len(waiting) != n || len(r.Got()) != 0 {
		t.Errorf("%d wait, %d arrived while paused", len(waiting), len(r.Got()))
	}
	c.Call(t, 200, "POST", path+"/resume", nil)
	seen := map[string]bool{}
	for _, a := range r.Wait(t, n) {
		seen[string(a.Body)] = true
	}
	if len(seen) != n {
		t.Errorf("%d different events arrived, want %d", len(seen), n)
	}
}

func TestOrderedEndpoint(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, func(n int) int {
		if n%7 == 3 {
			return 500
		}
		return 200
	})
	c.Endpoint(t, r.URL, "ordered", true, "profile", "nembl", "retry", object{"schedule": []string{"20ms", "20ms", "20ms"}})
	const n = 60
	for i := range n {
		c.Publish(t, "step.done", object{"n": i})
	}
	eventually(t, func() error {
		if done := c.List(t, "/v1/deliveries?status=succeeded"); len(done) < n {
			return fmt.Errorf("%d of %d succeeded", len(done), n)
		}
		return nil
	})
	next := 0
	for _, a := range r.Got() {
		var o struct{ Data struct{ N int } }
		decode(t, a.Body, &o)
		switch o.Data.N {
		case next:
			next++
		case next - 1: // a retry
		default:
			t.Fatalf("event %d arrived where %d was due", o.Data.N, next)
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "rate_limit", 20)
	for i := range 40 {
		c.Publish(t, "order.paid", object{"n": i})
	}
	got := r.Wait(t, 40)
	// 20 a second with a burst of a tenth: 38 of them take 1.9 s at least.
	if took := got[39].At.Sub(got[0].At); took.Seconds() < 1.8 {
		t.Errorf("40 deliveries at 20/s arrived within %s", took)
	}
}

func TestEndpointTest(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	ep := c.Endpoint(t, r.URL, "profile", "curate-me", "events", []string{"nothing.else"})
	for n := 1; n <= 2; n++ { // the dedup window does not hold tests back
		c.Call(t, 200, "POST", "/v1/endpoints/"+text(ep, "id")+"/test", nil)
		verified(t, "curate-me", text(ep, "secret"), r.Wait(t, n)[n-1])
	}
}

func TestPlanWithoutWebhooks(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t, "plan", "free")
	c.Call(t, 402, "POST", "/v1/endpoints", object{"url": "https://192.0.2.1/", "profile": "nolxy"})
}

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	for i := range 25 {
		c.Publish(t, "order.paid", object{"n": i}, "id", fmt.Sprint("page-", i))
	}
	page := c.Call(t, 200, "GET", "/v1/events?limit=10", nil)
	if len(list(page, "data")) != 10 || text(page, "next_cursor") == "" {
		t.Errorf("the first page: %v", page)
	}
	seen := map[string]bool{}
	for _, ev := range c.List(t, "/v1/events?limit=10") {
		seen[text(ev, "id")] = true
	}
	if len(seen) != 25 {
		t.Errorf("%d different events over all pages", len(seen))
	}
	c.Call(t, 400, "GET", "/v1/events?cursor=garbage", nil)
}
