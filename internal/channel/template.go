package channel

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// A template is text with values in it, as an endpoint's title and message may be:
//
//	{{ event.title }}                 a member of the event
//	{{ event.data.total | usd }}      the same in one of the filters' formats
//
// What is missing is nothing.
type template struct {
	pieces []piece
}

// piece is text, or a value where path is set.
type piece struct {
	text   string
	path   []string
	format string
}

// filters are the formats that a template may name.
var filters = []string{"usd", "count", "percent", "times", "seconds", "ms", "words", "Words", "time"}

// members are those of an event beside its data.
var members = map[string]func(*peal.Event) string{
	"id":       (*peal.Event).PublicID,
	"org":      func(ev *peal.Event) string { return ev.Org },
	"type":     func(ev *peal.Event) string { return ev.Type },
	"source":   func(ev *peal.Event) string { return ev.Source },
	"subject":  func(ev *peal.Event) string { return ev.Subject },
	"severity": func(ev *peal.Event) string { return string(ev.Severity) },
	"title":    func(ev *peal.Event) string { return ev.Title },
	"message":  func(ev *peal.Event) string { return ev.Message },
	"time":     func(ev *peal.Event) string { return catalogue.Time(ev.Time) },
}

// maxTemplate is how long a template may be, in bytes.
const maxTemplate = 4 << 10

// parseTemplate reads a template; field is what an error names.
func parseTemplate(field, s string) (*template, error) {
	if len(s) > maxTemplate {
		return nil, peal.Invalid(field, "%s is at most %d bytes", field, maxTemplate)
	}
	t := &template{}
	for s != "" {
		before, rest, found := strings.Cut(s, "{{")
		if before != "" {
			t.pieces = append(t.pieces, piece{text: before})
		}
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, peal.Invalid(field, "%s: {{ without }}", field)
		}
		p, err := parseValue(field, inside)
		if err != nil {
			return nil, err
		}
		t.pieces, s = append(t.pieces, p), after
	}
	return t, nil
}

func parseValue(field, s string) (piece, error) {
	path, format, piped := strings.Cut(s, "|")
	p := piece{path: strings.Split(strings.TrimSpace(path), "."), format: strings.TrimSpace(format)}
	if piped && !slices.Contains(filters, p.format) {
		return p, peal.Invalid(field, "%s: there is no filter %q; there are %s", field, peal.Clip(p.format, clipLen), strings.Join(filters, ", "))
	}
	known := len(p.path) == 2 && p.path[0] == "event" && members[p.path[1]] != nil ||
		len(p.path) > 2 && p.path[0] == "event" && p.path[1] == "data"
	if !known {
		return p, peal.Invalid(field, "%s: %q is no value; there are event.data.… and event.id, org, type, source, subject, severity, title, message and time",
			field, peal.Clip(strings.TrimSpace(path), clipLen))
	}
	return p, nil
}

// clipLen is how much of a bad value an error repeats.
const clipLen = 64

// maxRendered bounds what a template that repeats a long value makes, in bytes.
const maxRendered = 64 << 10

func (t *template) render(ev *peal.Event) string {
	var out strings.Builder
	for _, p := range t.pieces {
		switch {
		case out.Len() > maxRendered:
			return out.String()
		case p.path == nil:
			out.WriteString(p.text)
		case p.format != "":
			out.WriteString(catalogue.Format(p.format, p.value(ev)))
		default:
			out.WriteString(p.value(ev))
		}
	}
	return out.String()
}

// value is a member of the event as text; objects and arrays are JSON.
func (p piece) value(ev *peal.Event) string {
	if get := members[p.path[1]]; get != nil {
		return get(ev)
	}
	value := json.RawMessage(ev.Data)
	for _, name := range p.path[2:] {
		value = member(value, name)
	}
	switch {
	case len(value) == 0 || value[0] == 'n':
		return ""
	case value[0] == '"':
		s, _ := strictjson.String(value)
		return s
	}
	return string(value)
}

// member is nil where the value is no object or has no such member.
func member(value json.RawMessage, name string) (found json.RawMessage) {
	_ = strictjson.Fields(value, func(key string, inner []byte) error {
		if key == name {
			found = inner
		}
		return nil
	})
	return found
}

// wordsOf reads an endpoint's templates; one that cannot be read is none.
func wordsOf(ep *peal.Endpoint) words {
	var c struct {
		Title   string `json:"title"`
		Message string `json:"message"`
	}
	if len(ep.Private.Config) == 0 || json.Unmarshal(ep.Private.Config, &c) != nil {
		return words{}
	}
	var w words
	if c.Title != "" {
		w.title, _ = parseTemplate("config.title", c.Title)
	}
	if c.Message != "" {
		w.message, _ = parseTemplate("config.message", c.Message)
	}
	return w
}
