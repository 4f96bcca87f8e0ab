package scheme

import "context"

// apiKey is a key, the secret, in a header of the sender's choice.
func apiKey() *Scheme {
	return &Scheme{
		Name:     "api_key",
		Provider: "anything that sends a key in a header",
		Fields: []Field{
			{Name: "header", Type: String, Default: "X-API-Key", Help: "The header that holds the key."},
			ours("The key."),
		},
		check: func(o options) error { return checkHeaderName("header", o.setting("header")) },
		verify: func(_ context.Context, c *call) (Verdict, error) {
			header := c.setting("header")
			switch given := c.Header.Get(header); {
			case given == "":
				return Verdict{}, missing(header)
			case !knows(given, c.Secrets):
				return Verdict{}, refuse(ErrMismatch, "the key is wrong")
			}
			return c.plain(), nil
		},
	}
}
