package scheme

import "context"

// gitea is Gitea's and Forgejo's X-Gitea-Signature: HMAC-SHA256 over the body, in
// hex.
func gitea() *Scheme {
	return &Scheme{
		Name:     "gitea",
		Provider: "Gitea, Forgejo",
		Fields:   []Field{ours("The secret to enter in the settings of the webhook at Gitea.")},
		Headers:  []string{"X-Gitea-Signature"},
		Forms:    true,
		verify: func(_ context.Context, c *call) (Verdict, error) {
			return Verdict{
				DeliveryID: c.Header.Get("X-Gitea-Delivery"),
				Event:      c.Header.Get("X-Gitea-Event"),
			}, c.signedBody("X-Gitea-Signature", "", fromHex)
		},
	}
}
