package catalogue

import (
	"strings"

	"github.com/peal-dev/peal/internal/peal"
)

// Fallback describes an event whose type is not in the catalogue by the type's own
// words: "invoice.paid" reads "Invoice paid".
func Fallback(ev *peal.Event) (title, message string, severity peal.Severity) {
	words := []byte(strings.Trim(ev.Type, "._:/-"))
	for i, c := range words {
		if strings.IndexByte("._:/-", c) >= 0 {
			words[i] = ' '
		}
	}
	title = strings.Join(strings.Fields(string(words)), " ")
	if title == "" {
		title = "Event"
	}
	if c := title[0]; c >= 'a' && c <= 'z' {
		title = string(c-'a'+'A') + title[1:]
	}
	message = title + "."
	if ev.Subject != "" {
		message = title + ": " + line(ev.Subject) + "."
	}
	return title, message, peal.Info
}
