package scheme

import (
	"context"
	"crypto/sha256"
)

// stripe is Stripe's "t=TIME,v1=HEX": HMAC-SHA256 over "TIME.BODY", with as many v1
// as Stripe has live secrets.
func stripe() *Scheme {
	return &Scheme{
		Name:     "stripe",
		Provider: "Stripe",
		Fields: []Field{
			theirs("The signing secret that Stripe shows for the endpoint, whsec_…"),
			toleranceField(fiveMinutes),
		},
		Headers:   []string{"Stripe-Signature"},
		Tolerance: fiveMinutes,
		verify: func(_ context.Context, c *call) (Verdict, error) {
			if err := c.signedTimeAndBody("Stripe-Signature", ",", "v1", "t", "."); err != nil {
				return Verdict{}, err
			}
			var body struct{ ID, Type string }
			c.json(&body)
			return Verdict{DeliveryID: body.ID, Event: body.Type}, nil
		},
	}
}

// signedTimeAndBody verifies a header that holds the time and one or more signatures
// over it, the text between, and the body.
func (c *call) signedTimeAndBody(header, separator, name, timeName, between string) error {
	sigs, sent, err := c.signatures(header, separator, name, timeName)
	if err != nil {
		return err
	}
	at, ok := unixSeconds(sent)
	if !ok {
		return malformed(header)
	}
	if _, err := c.signed(sha256.New, sigs, []byte(sent+between), c.Body); err != nil {
		return err
	}
	return c.fresh(at)
}
