package catalogue

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// fields are the members of one event's data that a type needs, as JSON.
type fields struct {
	event  *peal.Event
	names  []string
	values [][]byte
}

var errAllFound = errors.New("all found")

// readFields looks through the members of the data once, without decoding them,
// and stops at the last one that is needed.
func readFields(ev *peal.Event, names []string) fields {
	f := fields{event: ev, names: names}
	if len(names) == 0 || len(ev.Data) == 0 {
		return f
	}
	f.values = make([][]byte, len(names))
	left := len(names)
	// What cannot be read is missing, which every template allows for.
	_ = strictjson.Fields(ev.Data, func(key string, value []byte) error {
		i := slices.Index(names, key)
		if i < 0 {
			return nil
		}
		f.values[i] = value
		if left--; left == 0 {
			return errAllFound
		}
		return nil
	})
	return f
}

// maxValue is how many bytes of one value are told to people.
const maxValue = 300

// get gives a value as plain text on one line: "" where it is missing, null or not
// a single value.
func (f fields) get(key string) string {
	switch key {
	case "event.org":
		return line(f.event.Org)
	case "event.subject":
		return line(f.event.Subject)
	}
	i := slices.Index(f.names, key)
	if i < 0 || f.values == nil || len(f.values[i]) == 0 {
		return ""
	}
	switch v := f.values[i]; v[0] {
	case '"':
		s, _ := strictjson.String(v)
		return line(s)
	case '{', '[', 'n':
		return ""
	default:
		return line(string(v))
	}
}

// line makes s one line of bounded length.
func line(s string) string {
	if len(s) > maxValue {
		n := maxValue
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "…"
	}
	if strings.IndexFunc(s, breaksLine) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if breaksLine(r) {
			return ' '
		}
		return r
	}, s)
}

func breaksLine(r rune) bool {
	return r < 0x20 || r == 0x7f || r == '\u2028' || r == '\u2029'
}
