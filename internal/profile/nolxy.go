package profile

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
	"github.com/peal-dev/peal/webhook"
)

// nolxy is Nolxy's gateway webhook; its signature header holds bare hex.
func nolxy() *Profile {
	return &Profile{
		Name:        "nolxy",
		Description: "Nolxy: {event, userId, data, timestamp}, signed over the body",
		Policy: peal.RetryPolicy{
			Schedule:  []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second},
			Timeout:   5 * time.Second,
			Exhausted: peal.Dead,
		},
		Scheme:         webhook.Nolxy,
		SecretRequired: true,
		Render:         renderNolxy,
	}
}

func renderNolxy(ev *peal.Event) ([]byte, error) {
	b := appendText(newBody(ev), `{"event":`, ev.Type)
	b = append(b, `,"userId":`...)
	switch {
	case ev.Subject == "":
		b = append(b, "null"...)
	case strictjson.IsNumber(ev.Subject):
		b = append(b, ev.Subject...)
	default:
		b = strictjson.AppendString(b, ev.Subject)
	}
	b = appendData(b, `,"data":`, ev)
	b = appendTime(b, `,"timestamp":`, ev.Time, millis)
	return append(b, '}'), nil
}
