package scheme

import (
	"context"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/webhook"
)

// standard is https://www.standardwebhooks.com.
func standard() *Scheme {
	s := standardAs("webhook-")
	s.Name, s.Provider = "standard", "Standard Webhooks"
	return s
}

// svix is the same under the names that it had before it was a standard.
func svix() *Scheme {
	s := standardAs("svix-")
	s.Name, s.Provider = "svix", "Svix, and who sends through it (Clerk, Resend)"
	return s
}

// standardAs is the standard with its three headers under a prefix.
func standardAs(prefix string) *Scheme {
	id, sent, signature := prefix+"id", prefix+"timestamp", prefix+"signature"
	f := webhook.Standard.Format()
	f.Header, f.IDHeader, f.TimestampHeader = signature, id, sent
	f.Tolerance = 0 // each hook has its own
	format := webhook.MustNew(f)
	return &Scheme{
		Fields: []Field{
			ours("The secret: whsec_ and the base64 of 24 to 64 bytes."),
			toleranceField(fiveMinutes),
		},
		Headers:   []string{id, sent, signature},
		Tolerance: fiveMinutes,
		check: func(o options) error {
			for _, secret := range o.Secrets {
				if webhook.Whsec.Check(secret) != nil {
					return peal.Invalid(SecretField, "must be whsec_ and the base64 of 24 to 64 bytes")
				}
			}
			return nil
		},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			if err := format.VerifyAt(c.Now, c.Header, c.Body, c.Secrets...); err != nil {
				return Verdict{}, own(err, signature)
			}
			if err := c.freshHeader(sent); err != nil {
				return Verdict{}, err
			}
			v := c.plain()
			v.DeliveryID = c.Header.Get(id)
			return v, nil
		},
	}
}
