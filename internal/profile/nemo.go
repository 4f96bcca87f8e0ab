package profile

import (
	"cmp"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
	"github.com/peal-dev/peal/webhook"
)

// nemo is Nemo Router's alert webhook: canonical JSON as Python prints it with
// sorted keys, an optional secret, one try and no more.
func nemo() *Profile {
	return &Profile{
		Name:        "nemo",
		Description: "Nemo Router: {title, message, severity, details, service} in Python's canonical JSON, sent once",
		Policy:      peal.RetryPolicy{Timeout: 10 * time.Second, Exhausted: peal.Dropped},
		Scheme:      webhook.Nemo,
		// A paused channel keeps nothing, as nothing is tried later.
		DropWhilePaused: true,
		Render:          renderNemo,
	}
}

const nemoPrefix = "[Nemo Router]"

// renderNemo writes the members in the order of their sorted keys.
func renderNemo(ev *peal.Event) ([]byte, error) {
	b, err := strictjson.AppendPython(append(newBody(ev), `{"details":`...), ev.Data)
	if err != nil {
		return nil, peal.Wrap(peal.CodeInternal, err, "the event's data is not compact JSON")
	}
	python := func(piece, value string) {
		b = strictjson.AppendPythonString(append(b, piece...), value)
	}
	python(`,"message":`, ev.Message)
	python(`,"service":`, "nemo-backend")
	python(`,"severity":`, strings.ToUpper(string(cmp.Or(ev.Severity, peal.Info))))
	title := cmp.Or(ev.Title, ev.Type)
	if !strings.HasPrefix(title, nemoPrefix) {
		title = nemoPrefix + " " + title
	}
	python(`,"title":`, title)
	return append(b, '}'), nil
}
