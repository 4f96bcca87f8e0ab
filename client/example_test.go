package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/peal-dev/peal/client"
)

// ExampleClient_Publish publishes an event so that a crash in between, and then the
// same call again, publishes it once.
func ExampleClient_Publish() {
	server := answering(http.StatusAccepted, `{"id":"evt_01h455vb4pex5vsknk084sn02q","deliveries":2,"duplicate":false}`)
	defer server.Close()

	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	a, err := c.Publish(context.Background(), client.Event{
		Type:    "invoice.paid",
		Subject: "inv_42",
		Data:    map[string]any{"total": "99.00"},
	}, client.IdempotencyKey("invoice-42-paid"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.ID, "goes to", a.Deliveries, "endpoints")
	// Output: evt_01h455vb4pex5vsknk084sn02q goes to 2 endpoints
}

// ExampleClient_PublishBatch publishes several events, all or none.
func ExampleClient_PublishBatch() {
	server := answering(http.StatusAccepted, `{"data":[{"id":"order-1","deliveries":1},{"id":"order-2","deliveries":1,"duplicate":true}]}`)
	defer server.Close()

	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	accepted, err := c.PublishBatch(context.Background(), []client.Event{
		{ID: "order-1", Type: "order.created", Data: json.RawMessage(`{"total":12}`)},
		{ID: "order-2", Type: "order.created", Data: json.RawMessage(`{"total":31}`)},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range accepted {
		fmt.Println(a.ID, a.Duplicate)
	}
	// Output:
	// order-1 false
	// order-2 true
}

// ExampleClient_CreateEndpoint creates an endpoint and keeps its secret, which is
// not shown again.
func ExampleClient_CreateEndpoint() {
	server := answering(http.StatusCreated, `{"id":"ep_01h455vb4pex5vsknk084sn02q","status":"active","secret":"whsec_c2VjcmV0"}`)
	defer server.Close()

	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	ep, err := c.CreateEndpoint(context.Background(), client.Endpoint{
		URL:    "https://example.com/hooks",
		Events: []string{"invoice.*"},
		Retry:  &client.Retry{Schedule: []client.Duration{client.Duration(time.Second), client.Duration(time.Minute)}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ep.Status, ep.Secret)
	// Output: active whsec_c2VjcmV0
}

// ExampleClient_UpdateEndpoint changes what an endpoint is subscribed to and leaves
// everything else as it is.
func ExampleClient_UpdateEndpoint() {
	server := answering(http.StatusOK, `{"id":"ep_01h455vb4pex5vsknk084sn02q","events":["invoice.paid"]}`)
	defer server.Close()

	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	ep, err := c.UpdateEndpoint(context.Background(), "ep_01h455vb4pex5vsknk084sn02q", client.EndpointUpdate{
		Events: &[]string{"invoice.paid"},
		Filter: new("event.data.total > 100.0"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ep.Events)
	// Output: [invoice.paid]
}

// ExampleClient_Deliveries retries by hand what died since yesterday. The loop
// fetches further pages as it goes.
func ExampleClient_Deliveries() {
	server := answering(http.StatusOK, `{"data":[{"id":"dlv_01h455vb4pex5vsknk084sn02q","status":"dead","last_status_code":500}],"next_cursor":null}`)
	defer server.Close()

	ctx := context.Background()
	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	for d, err := range c.Deliveries(ctx, client.DeliveryFilter{Status: "dead", Since: time.Now().AddDate(0, 0, -1)}) {
		if err != nil {
			log.Fatal(err)
		}
		if _, err := c.RetryDelivery(ctx, d.ID); err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.ID, d.LastStatusCode)
	}
	// Output: dlv_01h455vb4pex5vsknk084sn02q 500
}

// ExampleProblem shows how to tell failures apart.
func ExampleProblem() {
	server := answering(http.StatusBadRequest, `{"status":400,"code":"invalid","detail":"url must be https","field":"url"}`)
	defer server.Close()

	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	_, err := c.CreateEndpoint(context.Background(), client.Endpoint{URL: "http://example.com"})
	if p, ok := errors.AsType[*client.Problem](err); ok && p.Code == "invalid" {
		fmt.Printf("%s: %s\n", p.Field, p.Detail)
	}
	// Output: url: url must be https
}

// answering stands in for a server in these examples.
func answering(status int, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
}
