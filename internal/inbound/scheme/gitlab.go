package scheme

import "context"

// gitlab is GitLab's X-Gitlab-Token, which is the secret itself. (Its newer signing
// tokens are the scheme standard.)
//
// The delivery id is not X-Gitlab-Event-UUID: one push to several branches gives all
// its events the same, and all but one would be lost.
func gitlab() *Scheme {
	return &Scheme{
		Name:     "gitlab",
		Provider: "GitLab",
		Fields:   []Field{ours("The secret token to enter in the settings of the webhook at GitLab.")},
		Headers:  []string{"X-Gitlab-Token"},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			if !knows(c.Header.Get("X-Gitlab-Token"), c.Secrets) {
				return Verdict{}, mismatch()
			}
			return Verdict{
				DeliveryID: c.Header.Get("Idempotency-Key"),
				Event:      c.Header.Get("X-Gitlab-Event"),
			}, nil
		},
	}
}
