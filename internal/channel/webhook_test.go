package channel

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

var webhookSample = sample{
	endpoint: func(url string) *peal.Endpoint { return &peal.Endpoint{Kind: "webhook", URL: url} },
	invalid: map[string]*peal.Endpoint{
		"url":     {Kind: "webhook", URL: "https://10.0.0.1/"},
		"headers": {Kind: "webhook", URL: "https://hooks.example.com", Private: peal.Private{Headers: map[string]string{"X": "a\r\nb"}}},
	},
}

func withOwn(headers map[string]string) *peal.Endpoint {
	ep := webhookSample.endpoint("http://127.0.0.1:9/")
	ep.Private.Headers = headers
	return ep
}

func TestWebhookHeadersThatMayNotBeChosen(t *testing.T) {
	w := &webhook{egress: clientFor(t)}
	if err := w.Check(t.Context(), withOwn(map[string]string{"X-Custom-Header": "optional", "Authorization": "Bearer x"})); err != nil {
		t.Error(err)
	}
	for _, name := range []string{
		"Content-Type", "webhook-id", "Webhook-Signature", "webhook-timestamp", "X-Nemo-Signature", "X-Webhook-Signature", "X-Webhook-Event",
		"X-Webhook-Timestamp", "X-Nolxy-Signature", "User-Agent", "Host", "Content-Length", "Transfer-Encoding",
	} {
		if err := w.Check(t.Context(), withOwn(map[string]string{name: "x"})); peal.CodeOf(err) != peal.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := map[string]string{}
	for i := range maxHeaders + 1 {
		many["X-"+strconv.Itoa(i)] = "x"
	}
	if err := w.Check(t.Context(), withOwn(many)); peal.CodeOf(err) != peal.CodeInvalid {
		t.Errorf("%d headers: %v", len(many), err)
	}
}

func TestWebhookSendsWhatItWasGiven(t *testing.T) {
	var got http.Header
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header
		body, _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(srv.Close)
	ep := withOwn(map[string]string{"X-Own": "mine", "x-acme-signature": "forged"})
	ep.URL = srv.URL
	given := []peal.Header{{Name: "webhook-id", Value: "evt_1"}, {Name: "X-Acme-Signature", Value: "real"}, {Name: "spare", Value: "x"}}[:2]
	res := (&webhook{egress: clientFor(t)}).Send(t.Context(), ep, Request{Headers: given, Body: []byte(`{"n":1.50}`)})
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	want := http.Header{"Webhook-Id": {"evt_1"}, "X-Acme-Signature": {"real"}, "X-Own": {"mine"}, "User-Agent": {"Peal"}, "Content-Length": {"10"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if string(body) != `{"n":1.50}` {
		t.Errorf("body %q", body)
	}
	if spare := given[:3][2].Name; spare != "spare" {
		t.Errorf("the caller's array was written to: %q", spare)
	}
}
