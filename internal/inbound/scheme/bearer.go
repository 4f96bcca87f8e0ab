package scheme

import (
	"context"
	"strings"
)

// bearer is a token, the secret (RFC 6750).
func bearer() *Scheme {
	return &Scheme{
		Name:     "bearer",
		Provider: "anything that sends a bearer token",
		Fields:   []Field{ours("The token.")},
		Headers:  []string{"Authorization"},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			kind, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
			if !strings.EqualFold(kind, "Bearer") || token == "" {
				return Verdict{}, malformed("Authorization")
			}
			if !knows(token, c.Secrets) {
				return Verdict{}, refuse(ErrMismatch, "the token is wrong")
			}
			return c.plain(), nil
		},
	}
}
