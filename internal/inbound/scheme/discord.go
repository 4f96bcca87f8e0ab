package scheme

import (
	"context"
	"crypto/ed25519"
	"net/http"

	"github.com/peal-dev/peal/internal/peal"
)

// discord is the Ed25519 signature of Discord's interactions and webhook events, over
// "TIMEBODY". Discord sends a PING when the URL is entered, and forged ones to see
// them refused.
func discord() *Scheme {
	const signature, sent = "X-Signature-Ed25519", "X-Signature-Timestamp"
	return &Scheme{
		Name:     "discord",
		Provider: "Discord",
		Fields: []Field{
			theirs("The public key on the General Information page of the app, in hex."),
			toleranceField(fiveMinutes),
		},
		Headers:   []string{signature, sent},
		Tolerance: fiveMinutes,
		check: func(o options) error {
			for _, key := range o.Secrets {
				if _, err := discordKey(key); err != nil {
					return peal.Invalid(SecretField, "must be 64 hexadecimal digits, the public key")
				}
			}
			return nil
		},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			sig, err := c.signature(signature, "", fromHex)
			if err != nil {
				return Verdict{}, err
			}
			message := append([]byte(c.Header.Get(sent)), c.Body...)
			for _, text := range c.Secrets {
				key, err := discordKey(text)
				if err != nil {
					return Verdict{}, refuse(ErrSecret, "the hook has no usable secret")
				}
				if ed25519.Verify(key, message, sig) {
					return c.discordVerdict(), c.freshHeader(sent)
				}
			}
			return Verdict{}, mismatch()
		},
	}
}

func discordKey(text string) (ed25519.PublicKey, error) {
	key, err := fromHex(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, ErrSecret
	}
	return key, nil
}

// discordVerdict tells the PING of interactions, type 1, from that of webhook events,
// type 0; an event itself has type 1 too.
func (c *call) discordVerdict() Verdict {
	var body struct {
		ID    string `json:"id"`
		Type  *int   `json:"type"`
		Event *struct {
			Type string `json:"type"`
		} `json:"event"`
	}
	c.json(&body)
	switch {
	case body.Event != nil:
		return Verdict{Event: body.Event.Type}
	case body.Type == nil:
		return Verdict{}
	case *body.Type == 0:
		return Verdict{Event: "PING", Reply: &Reply{Status: http.StatusNoContent}}
	case *body.Type == 1:
		return Verdict{Event: "PING", Reply: &Reply{http.StatusOK, "application/json", []byte(`{"type":1}`)}}
	}
	return Verdict{DeliveryID: body.ID, Event: "interaction"}
}
