package profile

import (
	"cmp"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/webhook"
)

// curateMe is Curate-Me's governance webhook: a CloudEvents 1.0 envelope, five
// quick retries, and one delivery a minute per org and type.
func curateMe() *Profile {
	const s = time.Second
	return &Profile{
		Name:        "curate-me",
		Description: "Curate-Me: a CloudEvents 1.0 envelope, signed over the body, one a minute per org and type",
		Policy: peal.RetryPolicy{
			Schedule:  []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s},
			Timeout:   10 * s,
			Exhausted: peal.Dead,
		},
		DedupWindow:    time.Minute,
		Scheme:         webhook.CurateMe,
		SecretRequired: true,
		Render:         renderCurateMe,
		extra:          []header{filled("X-Webhook-Event", "type"), filled("X-Webhook-Timestamp", "event_timestamp")},
	}
}

func renderCurateMe(ev *peal.Event) ([]byte, error) {
	b := appendText(newBody(ev), `{"id":`, ev.PublicID())
	b = appendText(b, `,"specversion":"1.0","type":`, ev.Type)
	// CloudEvents requires a source.
	b = appendText(b, `,"source":`, cmp.Or(ev.Source, "peal"))
	b = appendTime(b, `,"time":`, ev.Time, seconds)
	b = appendData(b, `,"data":`, ev)
	return append(b, '}'), nil
}
