package webhook

import (
	"errors"
	"fmt"
	"strings"
)

// field is what a placeholder stands for.
type field string

const (
	idField        field = "id"
	timestampField field = "timestamp"
	bodyField      field = "body"
)

// template is text with placeholders, cut into parts: each is either a literal or
// a field.
type template []part

type part struct {
	literal string
	field   field
}

func parseTemplate(s string) (template, error) {
	var t template
	for s != "" {
		literal, rest, found := strings.Cut(s, "{")
		if literal != "" {
			t = append(t, part{literal: literal})
		}
		if !found {
			break
		}
		name, rest, closed := strings.Cut(rest, "}")
		switch f := field(name); {
		case !closed:
			return nil, errors.New("a { without a }")
		case f != idField && f != timestampField && f != bodyField:
			return nil, fmt.Errorf("{%s} is not one of {id}, {timestamp}, {body}", name)
		default:
			t = append(t, part{field: f})
		}
		s = rest
	}
	return t, nil
}

func (t template) count(f field) (n int) {
	for _, p := range t {
		if p.field == f {
			n++
		}
	}
	return n
}

func (t template) has(f field) bool { return t.count(f) > 0 }

// separable tells whether each field is followed by a literal, so that match can
// tell where it ends.
func (t template) separable() bool {
	for i, p := range t {
		if p.field != "" && (i+1 == len(t) || t[i+1].field != "") {
			return false
		}
	}
	return true
}

// append fills in all fields but the body, which must not be in t.
func (t template) append(dst []byte, v values) []byte {
	for _, p := range t {
		switch p.field {
		case idField:
			dst = append(dst, v.id...)
		case timestampField:
			dst = append(dst, v.timestamp...)
		default:
			dst = append(dst, p.literal...)
		}
	}
	return dst
}

// match reads a text that t is the beginning of: the fields go into v, and what
// follows is returned.
func (t template) match(s string, v *values) (rest string, ok bool) {
	for i, p := range t {
		if p.field == "" {
			if s, ok = strings.CutPrefix(s, p.literal); !ok {
				return "", false
			}
			continue
		}
		end := strings.Index(s, t[i+1].literal)
		if end < 0 {
			return "", false
		}
		if p.field == idField {
			v.id = s[:end]
		} else {
			v.timestamp = s[:end]
		}
		s = s[end:]
	}
	return s, true
}

// values are what the fields of one request are replaced by.
type values struct{ id, timestamp string }
