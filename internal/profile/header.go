package profile

import (
	"fmt"
	"strconv"
	"strings"
	"time"
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

// placeholder gives what a word in braces stands for, nil if it is none.
func placeholder(name string) func(id string, in *Signing) string {
	switch name {
	case "id":
		return func(id string, _ *Signing) string { return id }
	case "timestamp":
		return func(_ string, in *Signing) string { return unix(in.Now) }
	case "event_id":
		return func(_ string, in *Signing) string { return in.Event.PublicID() }
	case "event_timestamp":
		return func(_ string, in *Signing) string { return unix(in.Event.Time) }
	case "event_time":
		return func(_ string, in *Signing) string { return in.Event.Time.UTC().Format(time.RFC3339) }
	case "type":
		return func(_ string, in *Signing) string { return in.Event.Type }
	case "source":
		return func(_ string, in *Signing) string { return in.Event.Source }
	case "subject":
		return func(_ string, in *Signing) string { return in.Event.Subject }
	case "severity":
		return func(_ string, in *Signing) string { return string(in.Event.Severity) }
	}
	return nil
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// parseHeader reads a value with placeholders.
func parseHeader(name, value string) (header, error) {
	h := header{name: name}
	for value != "" {
		literal, rest, found := strings.Cut(value, "{")
		if literal != "" {
			h.parts = append(h.parts, part{literal: literal})
		}
		if !found {
			break
		}
		word, rest, closed := strings.Cut(rest, "}")
		fill := placeholder(word)
		if !closed || fill == nil {
			return h, fmt.Errorf("{%s} is not a placeholder; there are {id}, {timestamp}, {event_id}, {event_timestamp}, {event_time}, {type}, {source}, {subject}, {severity}", word)
		}
		h.parts = append(h.parts, part{fill: fill})
		value = rest
	}
	return h, nil
}

// filled is a header of a single placeholder, for the profiles that are built in.
func filled(name, word string) header {
	return header{name: name, parts: []part{{fill: placeholder(word)}}}
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
