package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// modifier is a filter: it changes a value on its way into a template.
type modifier struct {
	name        string
	usage       string
	least, most int // arguments
	// absent filters see null where a path leads nowhere.
	absent bool
	// weight is about how many bytes of memory become of a text, where that is not a text.
	weight func(s string, args []any) int
	apply  func(v any, args []any) (any, error)
}

// filters are all there are; a new one is a line here.
var filters = []modifier{
	{name: "default", usage: `default: "text"`, least: 1, most: 1, absent: true, apply: orDefault},
	{name: "upper", usage: "upper", apply: text(strings.ToUpper)},
	{name: "lower", usage: "lower", apply: text(strings.ToLower)},
	{name: "trim", usage: "trim", apply: text(strings.TrimSpace)},
	{name: "json", usage: "json", apply: toJSON},
	{name: "parse", usage: "parse", weight: parsedWeight, apply: fromJSON},
	{name: "string", usage: "string", apply: toText},
	{name: "join", usage: `join: ", "`, most: 1, apply: joined},
	{name: "split", usage: `split: ","`, least: 1, most: 1, weight: splitWeight, apply: split},
	{name: "replace", usage: `replace: "old", "new"`, least: 2, most: 2, apply: replaced},
	{name: "truncate", usage: "truncate: 80", least: 1, most: 1, apply: truncated},
	{name: "first", usage: "first", apply: first},
	{name: "last", usage: "last", apply: last},
	{name: "size", usage: "size", apply: size},
	{name: "round", usage: "round: 2", most: 1, apply: rounded},
	{name: "date", usage: `date: "2006-01-02"`, most: 1, apply: dated},
}

func filterNames() string {
	var names []string
	for _, f := range filters {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

var (
	errNoText   = errors.New("it is not a text")
	errNoNumber = errors.New("it is not a number")
	errNoList   = errors.New("it is not a list")
	errNoTime   = errors.New("it is neither an RFC 3339 time nor seconds since 1970")
)

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func text(f func(string) string) func(any, []any) (any, error) {
	return func(v any, _ []any) (any, error) {
		s, ok := v.(string)
		if !ok {
			return nil, errNoText
		}
		return f(s), nil
	}
}

func orDefault(v any, args []any) (any, error) {
	if v == nil || v == "" {
		return args[0], nil
	}
	return v, nil
}

func toJSON(v any, _ []any) (any, error) {
	b, err := AppendJSON(nil, v)
	return string(b), err
}

func toText(v any, _ []any) (any, error) {
	b, err := appendText(nil, v)
	return string(b), err
}

func fromJSON(v any, _ []any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, errNoText
	}
	return Decode([]byte(s))
}

// parsedWeight is that of the worst text, a list of digits.
func parsedWeight(s string, _ []any) int { return 20 * len(s) }

// Decode reads JSON into what templates see; numbers keep their spelling.
func Decode(doc []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, errors.New("it is not JSON")
	}
	if dec.More() {
		return nil, errors.New("it is more than one JSON value")
	}
	return v, nil
}

func joined(v any, args []any) (any, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, errNoList
	}
	between := ", "
	if len(args) > 0 {
		if between, ok = args[0].(string); !ok {
			return nil, errNoText
		}
	}
	var out []byte
	for i, item := range items {
		if i > 0 {
			out = append(out, between...)
		}
		var err error
		if out, err = appendText(out, item); err != nil {
			return nil, err
		}
		if len(out) > MaxRendered {
			return nil, errTooLong
		}
	}
	return string(out), nil
}

func split(v any, args []any) (any, error) {
	s, ok := v.(string)
	by, isText := args[0].(string)
	if !ok || !isText {
		return nil, errNoText
	}
	items := []any{}
	for part := range strings.SplitSeq(s, by) {
		items = append(items, part)
	}
	return items, nil
}

// splitWeight counts a text and its place in the list for each part.
func splitWeight(s string, args []any) int {
	by, _ := args[0].(string)
	return 32 * (strings.Count(s, by) + 1)
}

func replaced(v any, args []any) (any, error) {
	s, ok := v.(string)
	from, fromText := args[0].(string)
	to, toText := args[1].(string)
	if !ok || !fromText || !toText || from == "" {
		return nil, errNoText
	}
	if len(s)+strings.Count(s, from)*(len(to)-len(from)) > MaxRendered {
		return nil, errTooLong
	}
	return strings.ReplaceAll(s, from, to), nil
}

func truncated(v any, args []any) (any, error) {
	s, ok := v.(string)
	n, err := integer(args[0])
	if !ok || err != nil {
		return nil, errors.Join(errNoText, err)
	}
	if utf8.RuneCountInString(s) <= n {
		return s, nil
	}
	if n < 1 {
		return "", nil
	}
	return string([]rune(s)[:n-1]) + "…", nil
}

func integer(v any) (int, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, errNoNumber
	}
	i, err := n.Int64()
	if err != nil || i < 0 || i > MaxRendered {
		return 0, errNoNumber
	}
	return int(i), nil
}

func first(v any, _ []any) (any, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, errNoList
	}
	if len(items) == 0 {
		return nil, nil
	}
	return items[0], nil
}

func last(v any, _ []any) (any, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, errNoList
	}
	if len(items) == 0 {
		return nil, nil
	}
	return items[len(items)-1], nil
}

func size(v any, _ []any) (any, error) {
	n := 0
	switch v := v.(type) {
	case string:
		n = utf8.RuneCountInString(v)
	case []any:
		n = len(v)
	case map[string]any:
		n = len(v)
	default:
		return nil, errors.New("it has no size")
	}
	return json.Number(big.NewInt(int64(n)).String()), nil
}

// maxExponent keeps 1e1000000 from becoming as many digits.
const maxExponent = 400

// rounded rounds half away from zero, in decimal.
func rounded(v any, args []any) (any, error) {
	n, ok := v.(json.Number)
	if !ok {
		return nil, errNoNumber
	}
	places := 0
	if len(args) > 0 {
		var err error
		if places, err = integer(args[0]); err != nil || places > 30 {
			return nil, errNoNumber
		}
	}
	if i := strings.IndexAny(string(n), "eE"); i >= 0 && len(n)-i > len("e+400") {
		return nil, errNoNumber
	}
	r, ok := new(big.Rat).SetString(string(n))
	if !ok || len(n) > maxExponent {
		return nil, errNoNumber
	}
	return json.Number(r.FloatString(places)), nil
}

// dated spells a time in a layout of Go's, RFC 3339 without one.
func dated(v any, args []any) (any, error) {
	t, err := ParseTime(v)
	if err != nil {
		return nil, err
	}
	layout := time.RFC3339
	if len(args) > 0 {
		var ok bool
		if layout, ok = args[0].(string); !ok {
			return nil, errNoText
		}
	}
	return t.UTC().Format(layout), nil
}

// ParseTime reads a time: RFC 3339, or seconds since 1970.
func ParseTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t, nil
		}
	case json.Number:
		if s, err := v.Float64(); err == nil && s >= 0 && s < 1<<38 {
			return time.UnixMicro(int64(s * 1e6)).UTC(), nil
		}
	}
	return time.Time{}, errNoTime
}
