package scheme

import "context"

// github is GitHub's X-Hub-Signature-256: HMAC-SHA256 over the body, in hex.
func github() *Scheme {
	return &Scheme{
		Name:     "github",
		Provider: "GitHub",
		Fields:   []Field{ours("The secret to enter in the settings of the webhook at GitHub.")},
		Headers:  []string{"X-Hub-Signature-256"},
		Forms:    true,
		verify: func(_ context.Context, c *call) (Verdict, error) {
			return Verdict{
				DeliveryID: c.Header.Get("X-GitHub-Delivery"),
				Event:      c.Header.Get("X-GitHub-Event"),
			}, c.signedBody("X-Hub-Signature-256", "sha256=", fromHex)
		},
	}
}
