package profile

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/webhook"
)

// nembl is Nembl's outbound event notification.
func nembl() *Profile {
	return &Profile{
		Name:        "nembl",
		Description: "Nembl: {event, timestamp, data}, signed over the body",
		Policy: peal.RetryPolicy{
			Schedule:  []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour},
			Timeout:   30 * time.Second,
			Exhausted: peal.Dead,
		},
		Scheme:         webhook.Nembl,
		SecretRequired: true,
		Render:         renderNembl,
	}
}

func renderNembl(ev *peal.Event) ([]byte, error) {
	b := appendText(newBody(ev), `{"event":`, ev.Type)
	b = appendTime(b, `,"timestamp":`, ev.Time, seconds)
	b = appendData(b, `,"data":`, ev)
	return append(b, '}'), nil
}
