package channel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/peal"
)

// What the channels share that post JSON for people.

// jsonBody writes a document, leaving < > & as they are: they are escaped for their
// receiver, not for HTML.
func jsonBody(doc any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, peal.Wrap(peal.CodeInternal, err, "the message cannot be written as JSON")
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// jsonHeaders are those of a JSON body. The event's id tells a repeat from news, as it
// does for webhooks.
func jsonHeaders(m *Message) []peal.Header {
	return []peal.Header{
		{Name: "Content-Type", Value: "application/json; charset=utf-8"},
		{Name: "webhook-id", Value: m.Single().ID.String()},
	}
}

// severityWord is how people are told a severity.
func severityWord(s peal.Severity) string { return strings.ToUpper(string(s)) }

// mark ends a text that was cut.
const mark = "…"

// units is the length of s in UTF-16, which is how the receivers' limits are counted at
// the strictest.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// cut shortens s to at most limit units, the mark included.
func cut(s string, limit int) string {
	return cutWritten(s, limit, func(r rune) string { return string(r) })
}

// cutWritten writes each rune of s by write and ends with the mark where the whole is
// longer than limit units. What write gives for a rune is never cut through.
func cutWritten(s string, limit int, write func(rune) string) string {
	var out strings.Builder
	n, whole := 0, 0 // whole is where the mark still fits
	for _, r := range s {
		w := write(r)
		if n += units(w); n > limit {
			return out.String()[:whole] + mark
		}
		out.WriteString(w)
		if n < limit {
			whole = out.Len()
		}
	}
	return out.String()
}

// origin is what people look for at the end of a message: how bad it is, what it is,
// and whose.
func origin(m *Message) []string {
	words := []string{severityWord(m.Severity)}
	if len(m.Events) == 1 {
		words = append(words, m.Single().Type)
	}
	if m.Subject != "" {
		words = append(words, m.Subject)
	}
	if m.Org != peal.DefaultOrg {
		words = append(words, m.Org)
	}
	return words
}

// mostItems is how many of several events a message in a chat names: the last ones.
const mostItems = 10

// lastItems are the events that are named, and how many are not.
func lastItems(items []Item, most int) (named []Item, hidden int) {
	hidden = max(0, len(items)-most)
	return items[hidden:], hidden
}

// footer is the origin and the time on one line.
func footer(m *Message) string {
	return strings.Join(append(origin(m), catalogue.Time(m.Time)), " · ")
}

// itemText tells one of several events.
func itemText(it Item) string {
	if it.Text == it.Title {
		return ""
	}
	return it.Text
}

// more says how many were left out.
func more(n int, what string) string { return fmt.Sprintf("%d more %s", n, what) }
