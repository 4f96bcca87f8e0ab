package profile

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/webhook"
)

// standard is Standard Webhooks, https://www.standardwebhooks.com: the signature
// covers the id, the attempt's time and the body, once for each valid secret.
func standard() *Profile {
	return &Profile{
		Name:        Default,
		Description: "Standard Webhooks: {type, timestamp, data}, signed with the id and the time of the attempt",
		Policy: peal.RetryPolicy{
			Schedule: []time.Duration{
				5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
				10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
			},
			Jitter:    0.1,
			Timeout:   15 * time.Second,
			Exhausted: peal.Dead,
		},
		Scheme:         webhook.Standard,
		SecretRequired: true,
		Render:         renderStandard,
		extra:          []header{filled("webhook-timestamp", "timestamp")},
	}
}

func renderStandard(ev *peal.Event) ([]byte, error) {
	b := appendText(newBody(ev), `{"type":`, ev.Type)
	b = appendTime(b, `,"timestamp":`, ev.Time, nanos)
	b = appendData(b, `,"data":`, ev)
	return append(b, '}'), nil
}
