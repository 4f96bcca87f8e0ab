package scheme

import (
	"context"
	"errors"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/webhook"
)

// pealScheme is the hook's own format, Nembl's: HMAC-SHA256 over the body, in hex.
func pealScheme() *Scheme {
	return &Scheme{
		Name:     "peal",
		Provider: "Peal, Nembl and one's own programs",
		Fields:   []Field{ours("The secret with which callers sign.")},
		Headers:  []string{"X-Webhook-Signature"},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			if err := webhook.Nembl.VerifyAt(c.Now, c.Header, c.Body, c.Secrets...); err != nil {
				return Verdict{}, own(err, "X-Webhook-Signature")
			}
			return c.plain(), nil
		},
	}
}

// own gives an error of Peal's public package as a refusal.
func own(err error, header string) *peal.Error {
	switch {
	case errors.Is(err, webhook.ErrSignature):
		return mismatch()
	case errors.Is(err, webhook.ErrHeader):
		return malformed(header)
	}
	return refuse(ErrSecret, "the hook has no usable secret")
}

// plain is what a request says that follows no provider's custom: the ids of Peal's
// deliveries, of idempotent clients and of CloudEvents, and the usual names of a type.
func (c *call) plain() Verdict {
	v := Verdict{DeliveryID: first(c.Header.Get("webhook-id"), c.Header.Get("Idempotency-Key"))}
	if id := c.Header.Get("Ce-Id"); v.DeliveryID == "" && id != "" {
		// CloudEvents' ids are unique only together with the source.
		v.DeliveryID = c.Header.Get("Ce-Source") + " " + id
	}
	var body struct{ Event, Type any }
	c.json(&body)
	event, _ := body.Event.(string)
	kind, _ := body.Type.(string)
	v.Event = first(event, kind, c.Header.Get("Ce-Type"))
	return v
}

// first is the first text that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
