package scheme

import (
	"context"
	"net/http"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
)

// basic is a user name and a password, the secret (RFC 7617).
func basic() *Scheme {
	return &Scheme{
		Name:     "basic",
		Provider: "anything that sends a user name and a password",
		Fields: []Field{
			{Name: "username", Type: String, Required: true, Help: "The user name, without a colon."},
			ours("The password."),
		},
		Headers: []string{"Authorization"},
		check: func(o options) error {
			if strings.Contains(o.setting("username"), ":") {
				return peal.Invalid("username", "cannot contain a colon")
			}
			return nil
		},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			username, password, ok := (&http.Request{Header: c.Header}).BasicAuth()
			if !ok {
				return Verdict{}, malformed("Authorization")
			}
			named := knows(username, []string{c.setting("username")})
			if !knows(password, c.Secrets) || !named {
				return Verdict{}, refuse(ErrMismatch, "the user name or the password is wrong")
			}
			return c.plain(), nil
		},
	}
}
