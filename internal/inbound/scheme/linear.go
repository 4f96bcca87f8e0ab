package scheme

import (
	"context"
	"net/http"
	"time"
)

// linear is Linear's Linear-Signature: HMAC-SHA256 over the body, in hex. The body
// holds the time at which it was sent, in milliseconds.
func linear() *Scheme {
	return &Scheme{
		Name:     "linear",
		Provider: "Linear",
		Fields: []Field{
			theirs("The signing secret that Linear shows for the webhook, lin_wh_…"),
			toleranceField(fiveMinutes),
		},
		Headers:   []string{"Linear-Signature"},
		Tolerance: fiveMinutes,
		Accepted:  http.StatusOK,
		verify: func(_ context.Context, c *call) (Verdict, error) {
			if err := c.signedBody("Linear-Signature", "", fromHex); err != nil {
				return Verdict{}, err
			}
			var body struct {
				Action, Type     string
				WebhookTimestamp int64 `json:"webhookTimestamp"`
			}
			c.json(&body)
			if body.WebhookTimestamp <= 0 {
				return Verdict{}, refuse(ErrMissing, "the body has no webhookTimestamp")
			}
			if err := c.fresh(time.UnixMilli(body.WebhookTimestamp)); err != nil {
				return Verdict{}, err
			}
			v := Verdict{DeliveryID: c.Header.Get("Linear-Delivery"), Event: body.Type}
			if body.Action != "" {
				v.Event += " " + body.Action
			}
			return v, nil
		},
	}
}
