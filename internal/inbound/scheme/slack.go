package scheme

import (
	"context"
	"net/http"
)

// slack is Slack's "v0=HEX": HMAC-SHA256 over "v0:TIME:BODY". Slack asks for the
// challenge in url_verification when the URL is entered, and signs that too.
func slack() *Scheme {
	return &Scheme{
		Name:     "slack",
		Provider: "Slack",
		Fields: []Field{
			theirs("The signing secret on the Basic Information page of the app."),
			toleranceField(fiveMinutes),
		},
		Headers:   []string{"X-Slack-Signature", "X-Slack-Request-Timestamp"},
		Tolerance: fiveMinutes,
		Forms:     true,
		verify: func(_ context.Context, c *call) (Verdict, error) {
			if _, err := c.signedV0("X-Slack-Signature", "X-Slack-Request-Timestamp"); err != nil {
				return Verdict{}, err
			}
			var body struct {
				Type      string `json:"type"`
				Challenge string `json:"challenge"`
				EventID   string `json:"event_id"`
				Event     struct {
					Type string `json:"type"`
				} `json:"event"`
			}
			c.json(&body)
			if body.Type == "url_verification" {
				return Verdict{Event: body.Type, Reply: &Reply{http.StatusOK, "text/plain; charset=utf-8", []byte(body.Challenge)}}, nil
			}
			return Verdict{DeliveryID: body.EventID, Event: first(body.Event.Type, body.Type)}, nil
		},
	}
}
