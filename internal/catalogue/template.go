package catalogue

import (
	"slices"
	"strings"
)

// A template is text with values and choices in it:
//
//	{key}         the member key of the event's data, or event.subject, event.org
//	{key:format}  the same, written in one of the formats of format.go
//	[a|b|c]       the first of these texts whose values are all there, else nothing
//
// Values stand in choices, so that whatever is missing reads well. Choices do not
// nest. A template that is written wrongly is text.
type template []choice

// choice holds alternatives; plain text is a choice with one.
type choice []alternative

type alternative []piece

// piece is text, or a value where key is set.
type piece struct{ text, key, format string }

func parse(s string) template {
	var out template
	for s != "" {
		before, rest, found := strings.Cut(s, "[")
		if before != "" {
			out = append(out, choice{parseAlternative(before)})
		}
		inside, after, closed := strings.Cut(rest, "]")
		if !found || !closed {
			break
		}
		var c choice
		for a := range strings.SplitSeq(inside, "|") {
			c = append(c, parseAlternative(a))
		}
		out, s = append(out, c), after
	}
	return out
}

func parseAlternative(s string) alternative {
	var out alternative
	for s != "" {
		before, rest, found := strings.Cut(s, "{")
		if before != "" {
			out = append(out, piece{text: before})
		}
		value, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			break
		}
		key, format, _ := strings.Cut(value, ":")
		out, s = append(out, piece{key: key, format: format}), after
	}
	return out
}

// keys appends the members of data that the template reads, each once.
func (t template) keys(to []string) []string {
	for _, c := range t {
		for _, a := range c {
			for _, p := range a {
				if p.key != "" && !strings.HasPrefix(p.key, "event.") && !slices.Contains(to, p.key) {
					to = append(to, p.key)
				}
			}
		}
	}
	return to
}

// render writes the template for one event.
func (t template) render(f fields) string {
	if len(t) == 1 && len(t[0]) == 1 && len(t[0][0]) == 1 && t[0][0][0].key == "" {
		return t[0][0][0].text
	}
	out := make([]byte, 0, 128)
	for _, c := range t {
		for _, a := range c {
			longer, ok := a.append(out, f)
			if ok {
				out = longer
				break
			}
		}
	}
	return string(out)
}

func (a alternative) append(out []byte, f fields) ([]byte, bool) {
	for _, p := range a {
		if p.key == "" {
			text := p.text
			if strings.HasPrefix(text, ".") && endsSentence(out) {
				text = text[1:]
			}
			out = append(out, text...)
			continue
		}
		n := len(out)
		if out = appendFormat(out, p.format, f.get(p.key)); len(out) == n {
			return out, false
		}
	}
	return out, true
}

// endsSentence tells whether a value brought its own full stop.
func endsSentence(out []byte) bool {
	return len(out) > 0 && strings.IndexByte(".!?", out[len(out)-1]) >= 0
}
