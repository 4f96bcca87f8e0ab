package scheme

import "context"

// paddle is Paddle Billing's "ts=TIME;h1=HEX": HMAC-SHA256 over "TIME:BODY".
func paddle() *Scheme {
	return &Scheme{
		Name:     "paddle",
		Provider: "Paddle",
		Fields: []Field{
			theirs("The secret key that Paddle shows for the notification destination, pdl_ntfset_…"),
			toleranceField(fiveMinutes),
		},
		Headers:   []string{"Paddle-Signature"},
		Tolerance: fiveMinutes,
		verify: func(_ context.Context, c *call) (Verdict, error) {
			if err := c.signedTimeAndBody("Paddle-Signature", ";", "h1", "ts", ":"); err != nil {
				return Verdict{}, err
			}
			var body struct {
				ID   string `json:"event_id"`
				Type string `json:"event_type"`
			}
			c.json(&body)
			return Verdict{DeliveryID: body.ID, Event: body.Type}, nil
		},
	}
}
