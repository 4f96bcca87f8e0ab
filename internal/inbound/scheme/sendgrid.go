package scheme

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"

	"github.com/peal-dev/peal/internal/peal"
)

// sendgrid is SendGrid's signed event webhook: ECDSA over "TIMEBODY". What the hook
// knows is the public key, so that nobody else can sign with it.
func sendgrid() *Scheme {
	const signature, sent = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
	return &Scheme{
		Name:     "sendgrid",
		Provider: "SendGrid",
		Fields: []Field{
			theirs("The verification key that SendGrid shows for the event webhook, in base64."),
			toleranceField(fiveMinutes),
		},
		Headers:   []string{signature, sent},
		Tolerance: fiveMinutes,
		check: func(o options) error {
			for _, key := range o.Secrets {
				if _, err := sendgridKey(key); err != nil {
					return peal.Invalid(SecretField, "must be the base64 of a public ECDSA key")
				}
			}
			return nil
		},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			sig, err := c.signature(signature, "", fromBase64)
			if err != nil {
				return Verdict{}, err
			}
			h := sha256.New()
			h.Write([]byte(c.Header.Get(sent)))
			h.Write(c.Body)
			sum := h.Sum(nil)
			for _, text := range c.Secrets {
				key, err := sendgridKey(text)
				if err != nil {
					return Verdict{}, refuse(ErrSecret, "the hook has no usable secret")
				}
				if ecdsa.VerifyASN1(key, sum, sig) {
					return Verdict{}, c.freshHeader(sent)
				}
			}
			return Verdict{}, mismatch()
		},
	}
}

func sendgridKey(text string) (*ecdsa.PublicKey, error) {
	der, err := fromBase64(text)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, ErrSecret
	}
	return key, nil
}
