package blackbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// An endpoint that hangs, with ten thousand events waiting, holds back nobody else,
// and gets all of them once it answers.
func TestHangingEndpointHoldsNobodyBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.Admin()
	waiting, healthyEvents := 10_000, 500
	if testing.Short() {
		waiting, healthyEvents = 1000, 100
	}

	release := make(chan struct{})
	var mu sync.Mutex
	seen := map[string]bool{}
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		<-release
		mu.Lock()
		defer mu.Unlock()
		seen[req.Header.Get("webhook-id")] = true
	}))
	defer hanging.Close()
	var once sync.Once
	letGo := func() { once.Do(func() { close(release) }) }
	defer letGo() // before Close, which waits for the handlers
	healthy := newReceiver(t, nil)

	slow := c.Endpoint(t, hanging.URL, "events", []string{"slow.event"}, "retry", object{"schedule": []string{"100ms"}, "timeout": "60s"})
	c.Endpoint(t, healthy.URL, "events", []string{"healthy.event"})
	const batch = 500
	for first := 0; first < waiting; first += batch {
		events := make([]object, batch)
		for i := range events {
			events[i] = object{"type": "slow.event", "data": object{"n": first + i}}
		}
		c.Call(t, 202, "POST", "/v1/events", events)
	}
	for i := range healthyEvents {
		c.Publish(t, "healthy.event", object{"n": i})
	}
	healthy.Wait(t, healthyEvents)
	if done := c.List(t, "/v1/deliveries?status=succeeded&endpoint="+text(slow, "id")); len(done) != 0 {
		t.Errorf("%d deliveries to the hanging endpoint ended while it hung", len(done))
	}

	letGo()
	eventually(t, func() error {
		mu.Lock()
		defer mu.Unlock()
		if len(seen) < waiting {
			return fmt.Errorf("%d of %d waiting events arrived after the endpoint answered again", len(seen), waiting)
		}
		return nil
	})
}
