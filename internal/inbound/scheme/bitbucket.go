package scheme

import "context"

// bitbucket is the X-Hub-Signature of Bitbucket Cloud and Data Center: HMAC-SHA256
// over the body, in hex.
func bitbucket() *Scheme {
	return &Scheme{
		Name:     "bitbucket",
		Provider: "Bitbucket Cloud, Bitbucket Data Center",
		Fields:   []Field{ours("The secret to enter in the settings of the webhook at Bitbucket.")},
		Headers:  []string{"X-Hub-Signature"},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			return Verdict{
				DeliveryID: first(c.Header.Get("X-Request-UUID"), c.Header.Get("X-Request-Id")),
				Event:      c.Header.Get("X-Event-Key"),
			}, c.signedBody("X-Hub-Signature", "sha256=", fromHex)
		},
	}
}
