package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/peal-dev/peal/internal/peal"
)

// Input is one event as filters see it. Its data is decoded when the first filter
// asks for it, once for all of them. It is not for concurrent use.
type Input struct {
	event   *peal.Event
	data    any
	err     error
	decoded bool
}

// NewInput wraps an event for any number of filters.
func NewInput(ev *peal.Event) *Input { return &Input{event: ev} }

// ResolveName implements cel.Activation.
func (in *Input) ResolveName(name string) (any, bool) { return in, name == "event" }

// Parent implements cel.Activation.
func (in *Input) Parent() cel.Activation { return nil }

// field is one field of the variable event.
type field struct {
	name string
	typ  *cel.Type
	of   func(*Input) (any, error)
}

var fields = []field{
	text("id", func(ev *peal.Event) string { return ev.PublicID() }),
	text("type", func(ev *peal.Event) string { return ev.Type }),
	text("source", func(ev *peal.Event) string { return ev.Source }),
	text("subject", func(ev *peal.Event) string { return ev.Subject }),
	text("severity", func(ev *peal.Event) string { return string(ev.Severity) }),
	text("title", func(ev *peal.Event) string { return ev.Title }),
	text("message", func(ev *peal.Event) string { return ev.Message }),
	{"time", cel.TimestampType, func(in *Input) (any, error) { return in.event.Time, nil }},
	{"data", cel.DynType, (*Input).decode},
}

func text(name string, of func(*peal.Event) string) field {
	return field{name, cel.StringType, func(in *Input) (any, error) { return of(in.event), nil }}
}

var errNotEvent = errors.New("not an event")

func (f field) get(target any) (any, error) {
	in, ok := target.(*Input)
	if !ok {
		return nil, errNotEvent
	}
	return f.of(in)
}

// isSet answers has(event.…): every event has the field, but it may be empty.
func (f field) isSet(target any) bool {
	v, err := f.get(target)
	return err == nil && v != ""
}

// decode gives the data as maps, lists, strings, booleans, nulls and numbers:
// integers where they are spelled as such and fit into 64 bits, else doubles.
func (in *Input) decode() (any, error) {
	if in.decoded {
		return in.data, in.err
	}
	in.decoded = true
	dec := json.NewDecoder(bytes.NewReader(in.event.Data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		in.err = fmt.Errorf("event.data: %w", err)
		return nil, in.err
	}
	in.data = numbers(v)
	return in.data, nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = numbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = numbers(e)
		}
	case json.Number:
		return number(string(v))
	}
	return v
}

// plain is numbers for values that are shared: it copies what it changes.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = plain(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e)
		}
		return out
	case json.Number:
		return number(string(v))
	}
	return v
}

func number(s string) any {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
	}
	// Too large a number becomes an infinity, which still compares rightly.
	f, _ := strconv.ParseFloat(s, 64)
	return f
}
