package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// maxSteps bounds one validation, to about a second at the worst: a schema of a few
// lines can ask for more work than there is time, and the library cannot be stopped
// from outside. Ordinary schemas take some steps per value of the data.
const maxSteps = 1_000_000

// maxRegexp bounds a pattern, in instructions of the compiled expression.
const maxRegexp = 1_000

var errTooManySteps = errors.New("directory: too many steps")

// steps counts what a validation does, at the points where the library calls back.
type steps struct {
	left int
	size int // of the document, in bytes
}

// spent unwinds the library, which has no way out of its own.
type spent struct{}

func (s *steps) within(size int, work func() error) (err error) {
	s.left, s.size = maxSteps, size
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(spent); !ours {
				panic(r)
			}
			err = errTooManySteps
		}
	}()
	return work()
}

func (s *steps) spend(n int) {
	if s.left -= n; s.left < 0 {
		panic(spent{})
	}
}

// look is the price of looking at a value without its parts.
func look(v any) int {
	switch v := v.(type) {
	case map[string]any:
		return len(v)
	case []any:
		return len(v)
	case string:
		return len(v) / 1000
	case json.Number:
		return 2 + len(v)/20 // numbers are compared exactly
	}
	return 0
}

// compare is the price of comparing with a value in depth.
func (s *steps) compare(v any) int {
	switch v.(type) {
	case map[string]any, []any:
		return 1 + s.size/100
	}
	return 1 + look(v)
}

// watch makes the compiler put the counter into every subschema.
func (s *steps) watch(c *jsonschema.Compiler) {
	c.UseRegexpEngine(s.regexp)
	c.AssertVocabs()
	c.RegisterVocabulary(&jsonschema.Vocabulary{
		URL: "mem:///steps",
		Compile: func(ctx *jsonschema.CompilerContext, _ map[string]any) (jsonschema.SchemaExt, error) {
			schema := ctx.Enqueue(nil) // without a path: the one that is being compiled
			schema.Format = s.entry(schema)
			return s.values(schema), nil
		},
	})
}

// entry charges for a subschema when the library enters it, which asks the format
// before anything costly. Subschemas in place are charged for beforehand, because
// those that fail by type are not asked.
func (s *steps) entry(schema *jsonschema.Schema) *jsonschema.Format {
	inPlace := 1 + len(schema.AllOf) + len(schema.AnyOf) + len(schema.OneOf)
	unique, asked := schema.UniqueItems, schema.Format
	watched := &jsonschema.Format{Validate: func(v any) error {
		s.spend(inPlace + look(v))
		if unique {
			s.spend(s.compare(v))
		}
		if asked == nil {
			return nil
		}
		if text, ok := v.(string); ok {
			s.spend(len(text))
		}
		return asked.Validate(v)
	}}
	if asked != nil {
		watched.Name = asked.Name
	}
	return watched
}

// values takes enum and const over from the library, which compares before it asks
// the format.
func (s *steps) values(schema *jsonschema.Schema) jsonschema.SchemaExt {
	var v values
	if schema.Enum != nil {
		v = append(v, value{s, schema.Enum.Values, &kind.Enum{Want: schema.Enum.Values}})
		schema.Enum = nil
	}
	if schema.Const != nil {
		v = append(v, value{s, []any{*schema.Const}, &kind.Const{Want: *schema.Const}})
		schema.Const = nil
	}
	if v == nil {
		return nil
	}
	return v
}

type values []value

type value struct {
	steps *steps
	oneOf []any
	error jsonschema.ErrorKind
}

// Validate implements jsonschema.SchemaExt.
func (vs values) Validate(ctx *jsonschema.ValidatorContext, v any) {
	for _, want := range vs {
		if !want.takes(ctx, v) {
			ctx.AddError(want.error)
		}
	}
}

func (w *value) takes(ctx *jsonschema.ValidatorContext, v any) bool {
	for _, one := range w.oneOf {
		w.steps.spend(w.steps.compare(one) + look(v))
		if ok, err := ctx.Equals(v, one); ok && err == nil {
			return true
		}
	}
	return false
}

func (s *steps) regexp(expr string) (jsonschema.Regexp, error) {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(prog.Inst) > maxRegexp {
		return nil, fmt.Errorf("compiles to more than %d instructions", maxRegexp)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	return &watchedRegexp{re, s, len(prog.Inst)}, nil
}

type watchedRegexp struct {
	*regexp.Regexp
	steps *steps
	size  int
}

// MatchString takes time in proportion to both lengths at the worst.
func (w *watchedRegexp) MatchString(text string) bool {
	w.steps.spend(1 + len(text)*w.size/100)
	return w.Regexp.MatchString(text)
}
