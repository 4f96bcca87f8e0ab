package profile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// header is one header whose value is put together for each attempt.
type header struct {
	name  string
	parts []part
}

// part is a literal, or a placeholder where fill is set.
type part struct {
	literal string
	fill    func(id string, in *Signing) string
}

// shortText is more than any id, time or severity has.
const shortText = 32

// placeholder gives what a word in braces stands for, and how long that is at the
// most; nil if it is none.
func placeholder(name string) (fill func(id string, in *Signing) string, most int) {
	switch name {
	case "id":
		return func(id string, _ *Signing) string { return id }, shortText
	case "timestamp":
		return func(_ string, in *Signing) string { return unix(in.Now) }, shortText
	case "event_id":
		return func(_ string, in *Signing) string { return in.Event.PublicID() }, peal.MaxClientIDLen
	case "event_timestamp":
		return func(_ string, in *Signing) string { return unix(in.Event.Time) }, shortText
	case "event_time":
		return func(_ string, in *Signing) string { return in.Event.Time.UTC().Format(time.RFC3339) }, shortText
	case "type":
		return func(_ string, in *Signing) string { return in.Event.Type }, peal.MaxTypeLen
	case "source":
		return func(_ string, in *Signing) string { return in.Event.Source }, peal.MaxFieldLen
	case "subject":
		return func(_ string, in *Signing) string { return in.Event.Subject }, peal.MaxFieldLen
	case "severity":
		return func(_ string, in *Signing) string { return string(in.Event.Severity) }, shortText
	}
	return nil, 0
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// parseHeader reads a value with placeholders. It must fit into a header whatever the
// event.
func parseHeader(name, value string) (header, error) {
	h, longest := header{name: name}, 0
	for value != "" {
		literal, rest, found := strings.Cut(value, "{")
		if literal != "" {
			h.parts = append(h.parts, part{literal: literal})
			longest += len(literal)
		}
		if !found {
			break
		}
		word, rest, closed := strings.Cut(rest, "}")
		fill, most := placeholder(word)
		if !closed || fill == nil {
			return h, fmt.Errorf("{%s} is not a placeholder; there are {id}, {timestamp}, {event_id}, {event_timestamp}, {event_time}, {type}, {source}, {subject}, {severity}", word)
		}
		h.parts = append(h.parts, part{fill: fill})
		longest += most
		value = rest
	}
	if longest > peal.MaxHeaderValue {
		return h, fmt.Errorf("the value may become longer than %d bytes", peal.MaxHeaderValue)
	}
	return h, nil
}

// filled is a header of a single placeholder, for the profiles that are built in.
func filled(name, word string) header {
	fill, _ := placeholder(word)
	return header{name: name, parts: []part{{fill: fill}}}
}

func (h *header) value(id string, in *Signing) string {
	if len(h.parts) == 1 && h.parts[0].fill != nil {
		return h.parts[0].fill(id, in)
	}
	var b strings.Builder
	for _, p := range h.parts {
		if p.fill != nil {
			b.WriteString(p.fill(id, in))
		} else {
			b.WriteString(p.literal)
		}
	}
	return b.String()
}
