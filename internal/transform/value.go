package transform

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/itchyny/gojq"

	"github.com/peal-dev/peal/internal/strictjson"
)

// Why AppendValue gives up.
var (
	ErrDeep  = errors.New("transform: nested too deep")
	ErrLarge = errors.New("transform: too large")
)

// AppendValue writes what a jq program gave, as JSON of at most so many bytes together with
// what dst holds. A value may be small and its text huge, as its parts can be shared, so the
// limit is kept while writing.
func AppendValue(dst []byte, v any, most int) ([]byte, error) { return appendValue(dst, v, most, 0) }

func appendValue(dst []byte, v any, most, depth int) ([]byte, error) {
	var err error
	if depth > strictjson.MaxDepth {
		return nil, ErrDeep
	}
	switch v := v.(type) {
	case string:
		dst = strictjson.AppendString(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendValue(dst, item, most, depth+1); err != nil {
				return nil, err
			}
		}
		dst = append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(strictjson.AppendString(dst, key), ':')
			if dst, err = appendValue(dst, v[key], most, depth+1); err != nil {
				return nil, err
			}
		}
		dst = append(dst, '}')
	case json.Number:
		// A program can hold numbers that JSON has no spelling for, such as .5.
		if !strictjson.IsNumber(v.String()) {
			f, _ := gojq.ToFloat64(v)
			return appendValue(dst, f, most, depth)
		}
		dst = append(dst, v...)
	default:
		text, err := gojq.Marshal(v)
		if err != nil {
			return nil, err
		}
		dst = append(dst, text...)
	}
	if len(dst) > most {
		return nil, ErrLarge
	}
	return dst, nil
}
