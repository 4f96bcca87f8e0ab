package blackbox

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/webhook"
)

// A Go program that uses the public packages alone: it publishes, receives,
// verifies, and reads what became of it.
func TestGoClient(t *testing.T) {
	t.Parallel()
	org := sharedOrg(t)
	r := newReceiver(t, nil)
	ctx := t.Context()
	c := &client.Client{BaseURL: org.URL, Key: org.Key, Org: org.Org}

	ep, err := c.CreateEndpoint(ctx, client.Endpoint{URL: r.URL, Events: []string{"invoice.*"}})
	if err != nil {
		t.Fatal(err)
	}
	event := client.Event{Type: "invoice.paid", Data: json.RawMessage(`{"total":120.50}`)}
	accepted, err := c.Publish(ctx, event, client.IdempotencyKey("one"))
	if err != nil || accepted.Deliveries != 1 || accepted.Duplicate {
		t.Fatalf("published: %+v, %v", accepted, err)
	}
	got := r.Wait(t, 1)[0]
	if err := webhook.Standard.Verify(got.Header, got.Body, ep.Secret); err != nil {
		t.Error(err)
	}
	eventually(t, func() error {
		for d, err := range c.EventDeliveries(ctx, accepted.ID) {
			if err != nil {
				return err
			}
			if d.Status == "succeeded" && d.EndpointID == ep.ID {
				return nil
			}
		}
		return errors.New("no succeeded delivery is listed")
	})

	event.Data = json.RawMessage(`{"total":1}`)
	_, err = c.Publish(ctx, event, client.IdempotencyKey("one"))
	if p := new(client.Problem); !errors.As(err, &p) || p.Status != 422 {
		t.Errorf("the key with another body: %v", err)
	}
	if err := c.DeleteEndpoint(ctx, ep.ID); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Endpoint(ctx, ep.ID); err == nil {
		t.Errorf("the endpoint %s is still there", ep.ID)
	}
}
