package directory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/peal-dev/peal/internal/peal"
)

// Limits of a schema.
const (
	MaxSchemaSize  = 64 << 10
	maxSchemaParts = 5_000 // objects and arrays
	maxSchemaDepth = 128
	maxNumberLen   = 5_000
)

// Schema is a compiled JSON Schema; a nil one takes everything. Validations of one
// schema run one after the other, so that a costly one keeps one processor busy at the
// most.
type Schema struct {
	mu       sync.Mutex
	compiled *jsonschema.Schema
	steps    steps
}

// Every schema is compiled as this document, which is the only one there is.
const schemaURL = "mem:///schema"

// CompileSchema compiles a JSON Schema (draft 2020-12 where it names no other). It may
// refer to itself and to the drafts' own schemas; nothing is loaded. An empty or null
// document gives nil.
func CompileSchema(doc json.RawMessage) (*Schema, error) {
	if len(doc) == 0 || string(doc) == "null" {
		return nil, nil
	}
	if len(doc) > MaxSchemaSize {
		return nil, peal.Invalid("schema", "a schema has at most %d bytes", MaxSchemaSize)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return nil, peal.Invalid("schema", "the schema is not JSON")
	}
	w := walk{field: "schema"}
	if err := w.value(v, 1); err != nil {
		return nil, err
	}
	if w.parts > maxSchemaParts {
		return nil, peal.Invalid("schema", "a schema has at most %d objects and arrays", maxSchemaParts)
	}
	s := &Schema{}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nothing{})
	s.steps.watch(c)
	if err := c.AddResource(schemaURL, v); err != nil {
		return nil, invalidSchema(err)
	}
	if s.compiled, err = c.Compile(schemaURL); err != nil {
		return nil, invalidSchema(err)
	}
	return s, nil
}

// nothing loads nothing.
type nothing struct{}

var errRemote = errors.New("a schema may only refer to itself")

func (nothing) Load(string) (any, error) { return nil, errRemote }

func invalidSchema(err error) error {
	var bad *jsonschema.SchemaValidationError
	var at *jsonschema.ValidationError
	if errors.As(err, &bad) && errors.As(bad.Err, &at) {
		first := misfit("schema", at)
		if strings.HasSuffix(first.Field, ".type") && first.Message == noAlternative {
			first.Message = "a type is string, number, integer, boolean, object, array or null, or a list of these"
		}
		return first
	}
	return peal.Invalid("schema", "not a JSON Schema: %s", peal.Clip(strings.ReplaceAll(err.Error(), schemaURL, ""), clipLen))
}

// Check reports where a JSON document does not fit the schema; the path of the place
// begins with field.
func (s *Schema) Check(field string, doc []byte) error {
	if s == nil {
		return nil
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return peal.Invalid(field, "%s is not JSON", field)
	}
	if err := (&walk{field: field}).value(v, 1); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.steps.within(len(doc), func() error { return s.compiled.Validate(v) })
	var at *jsonschema.ValidationError
	switch {
	case errors.As(err, &at):
		return misfit(field, at)
	case err != nil:
		return peal.Invalid(field, "%s takes too many steps to check against the type's schema", field)
	}
	return nil
}

// walk looks for what the schema library cannot take: it computes with exact numbers,
// so that a short exponent may stand for a million digits.
type walk struct {
	field string
	parts int
}

func (w *walk) value(v any, depth int) error {
	if depth > maxSchemaDepth {
		return peal.Invalid(w.field, "nested more than %d levels deep", maxSchemaDepth)
	}
	switch v := v.(type) {
	case json.Number:
		_, exponent, _ := strings.Cut(strings.ToLower(string(v)), "e")
		e, err := strconv.Atoi(exponent)
		if exponent != "" && (err != nil || e > 400 || e < -400) || len(v) > maxNumberLen {
			return peal.Invalid(w.field, "a number is larger, smaller or longer than a schema can check")
		}
	case []any:
		w.parts++
		for _, e := range v {
			if err := w.value(e, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		w.parts++
		for _, e := range v {
			if err := w.value(e, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// misfit is the first place, in the order of paths, that does not fit.
func misfit(field string, err *jsonschema.ValidationError) *peal.Error {
	type place struct{ path, message string }
	var places []place
	english := message.NewPrinter(language.English)
	var visit func(e *jsonschema.ValidationError)
	visit = func(e *jsonschema.ValidationError) {
		message := e.ErrorKind.LocalizedString(english)
		switch e.ErrorKind.(type) {
		case *kind.AnyOf, *kind.OneOf:
			// Each alternative fails for a reason of its own.
			message = noAlternative
		default:
			for _, c := range e.Causes {
				visit(c)
			}
			if len(e.Causes) > 0 {
				return
			}
		}
		places = append(places, place{path(field, e.InstanceLocation), message})
	}
	visit(err)
	first := slices.MinFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.message, b.message))
	})
	return peal.Invalid(first.path, "%s", peal.Clip(first.message, clipLen))
}

const noAlternative = "fits none of the alternatives, or more than one"

// path writes a place as data.items[2].price.
func path(field string, tokens []string) string {
	var b strings.Builder
	b.WriteString(field)
	for _, t := range tokens {
		if _, err := strconv.ParseUint(t, 10, 32); err == nil {
			b.WriteString("[" + t + "]")
		} else {
			b.WriteString("." + peal.Clip(t, clipLen))
		}
	}
	return b.String()
}

// clipLen is how much of a library's message or of a name is shown.
const clipLen = 200
