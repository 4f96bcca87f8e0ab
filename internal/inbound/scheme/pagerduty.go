package scheme

import (
	"context"
	"crypto/sha256"
)

// pagerduty is the "v1=HEX,v1=HEX" of PagerDuty's webhooks v3: HMAC-SHA256 over the
// body, once for each live secret.
func pagerduty() *Scheme {
	return &Scheme{
		Name:     "pagerduty",
		Provider: "PagerDuty",
		Fields:   []Field{theirs("The secret that PagerDuty shows once, when the webhook subscription is made.")},
		Headers:  []string{"X-PagerDuty-Signature"},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			sigs, _, err := c.signatures("X-PagerDuty-Signature", ",", "v1", "")
			if err != nil {
				return Verdict{}, err
			}
			if _, err := c.signed(sha256.New, sigs, c.Body); err != nil {
				return Verdict{}, err
			}
			var body struct {
				Event struct {
					ID   string `json:"id"`
					Type string `json:"event_type"`
				} `json:"event"`
			}
			c.json(&body)
			return Verdict{DeliveryID: body.Event.ID, Event: body.Event.Type}, nil
		},
	}
}
