package webhook_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/peal-dev/peal/webhook"
)

// A receiver of Standard Webhooks that accepts two secrets while one is being
// replaced by the other.
func ExampleScheme_Verify() {
	const current, previous = newSecret, oldSecret
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "cannot read", http.StatusBadRequest)
			return
		}
		if err := webhook.Standard.Verify(r.Header, body, current, previous); err != nil {
			http.Error(w, "bad signature", http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}

	body := `{"type":"budget.exceeded","timestamp":"2026-05-04T14:23:00Z","data":{}}`
	now := time.Now()
	signature, err := webhook.Standard.Sign(webhook.Message{ID: "evt_1", Timestamp: now, Body: []byte(body)}, previous)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, sent := range []string{body, strings.Replace(body, "exceeded", "fine", 1)} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(sent))
		r.Header.Set("webhook-id", "evt_1")
		r.Header.Set("webhook-timestamp", fmt.Sprint(now.Unix()))
		r.Header.Set("webhook-signature", signature)
		w := httptest.NewRecorder()
		receive(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 204
	// 401
}

// Nembl's inbound webhooks are called with a signature over the body.
func ExampleScheme_Sign() {
	body := []byte(`{"event":"deployment.completed"}`)
	signature, err := webhook.Nembl.Sign(webhook.Message{Body: body}, "whsec_your_signing_secret")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(webhook.Nembl.Format().Header + ": " + signature)
	// Output: x-webhook-signature: sha256=d147911a6400019ed734681b63cff85c098f27c740540e7967fdb06b34ababe3
}

// Errors tell a stale request from a forged one.
func ExampleScheme_VerifyAt() {
	sent := time.Date(2026, 5, 4, 14, 23, 0, 0, time.UTC)
	body := []byte(`{}`)
	signature, err := webhook.Standard.Sign(webhook.Message{ID: "evt_1", Timestamp: sent, Body: body}, newSecret)
	if err != nil {
		fmt.Println(err)
		return
	}
	h := http.Header{}
	h.Set("webhook-id", "evt_1")
	h.Set("webhook-timestamp", fmt.Sprint(sent.Unix()))
	h.Set("webhook-signature", signature)

	err = webhook.Standard.VerifyAt(sent.Add(time.Hour), h, body, newSecret)
	fmt.Println(errors.Is(err, webhook.ErrTimestamp))
	err = webhook.Standard.VerifyAt(sent, h, []byte(`{ }`), newSecret)
	fmt.Println(errors.Is(err, webhook.ErrSignature))
	// Output:
	// true
	// true
}

// A format of one's own: Slack signs "v0:", the time and the body.
func ExampleNew() {
	slack, err := webhook.New(webhook.Format{
		Header: "X-Slack-Signature", Prefix: "v0=", Content: "v0:{timestamp}:{body}",
		TimestampHeader: "X-Slack-Request-Timestamp", Tolerance: 5 * time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	sent := time.Unix(1531420618, 0)
	signature, err := slack.Sign(webhook.Message{Timestamp: sent, Body: []byte("token=xyz")}, "8f742231b10e8888abcd99yyyzzz85a5")
	if err != nil {
		fmt.Println(err)
		return
	}
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", "1531420618")
	h.Set("X-Slack-Signature", signature)
	fmt.Println(slack.VerifyAt(sent, h, []byte("token=xyz"), "8f742231b10e8888abcd99yyyzzz85a5"))
	// Output: <nil>
}
