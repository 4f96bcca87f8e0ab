package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// transformKind makes a value of another by a jq program. Files, the environment and
// further inputs are out of the program's reach.
type transformKind struct{}

// transformTime bounds one run, and with it the memory that a program can fill.
const transformTime = 250 * time.Millisecond

// maxProgram is how long a program may be, in bytes.
const maxProgram = 8 << 10

func (*transformKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "transform", Help: "Makes a value of another by a jq program.",
		Fields: []definition.Field{
			{Name: "jq", Type: definition.Text, Required: true, Help: "The program, such as {total: (.items | map(.price) | add)}; it gives one value."},
			{Name: "input", Type: definition.Any, Help: "What the program works on; the body of the webhook where absent."},
		},
		Check: func(s *definition.Step) error {
			if text, ok := s.With["jq"].Text(); ok {
				_, err := compileProgram(text)
				return err
			}
			return nil
		},
	}
}

func compileProgram(text string) (*gojq.Code, error) {
	if len(text) > maxProgram {
		return nil, peal.Invalid("jq", "a program has at most %d bytes", maxProgram)
	}
	query, err := gojq.Parse(text)
	if err != nil {
		return nil, peal.Invalid("jq", "not a jq program: %s", peal.Clip(err.Error(), 200))
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, peal.Invalid("jq", "not a jq program: %s", peal.Clip(err.Error(), 200))
	}
	return code, nil
}

func (*transformKind) Run(ctx context.Context, c *Call) Outcome {
	text, err := c.text("jq")
	if err != nil {
		return refusal("%v", err)
	}
	code, err := compileProgram(text)
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	ctx, cancel := context.WithTimeout(ctx, transformTime)
	defer cancel()
	input, given := c.With["input"]
	if hook, ok := c.Scope["webhook"].(map[string]any); ok && !given {
		input = hook["body"]
	}
	results := code.RunWithContext(ctx, ownCopy(input))
	v, ok := results.Next()
	if !ok {
		return refusal("the program gives nothing")
	}
	if err, failed := v.(error); failed {
		return transformFailure(ctx, err)
	}
	if _, more := results.Next(); more {
		return refusal("the program gives more than one value; put them in a list")
	}
	doc, err := fromProgram(v, 0)
	if err != nil {
		return refusal("%v", err)
	}
	return output(doc)
}

func transformFailure(ctx context.Context, err error) Outcome {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return refusal("the program took longer than %s", transformTime)
	}
	return refusal("the program failed: %s", peal.Clip(strings.TrimPrefix(err.Error(), "error: "), 200))
}

// ownCopy keeps a program, which may write into its input, off what others see.
func ownCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for k, e := range out {
			out[k] = ownCopy(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = ownCopy(e)
		}
		return out
	}
	return v
}

// fromProgram turns the numbers of a result into text. Parts that are shared could make
// a small value long, so that depth is bounded here and length where it is written.
func fromProgram(v any, depth int) (any, error) {
	if depth > strictjson.MaxDepth {
		return nil, errors.New("the result is nested too deep")
	}
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			n, err := fromProgram(e, depth+1)
			if err != nil {
				return nil, err
			}
			v[k] = n
		}
	case []any:
		for i, e := range v {
			n, err := fromProgram(e, depth+1)
			if err != nil {
				return nil, err
			}
			v[i] = n
		}
	case json.Number:
		if strictjson.IsNumber(v.String()) {
			return v, nil
		}
		f, _ := gojq.ToFloat64(v)
		return fromProgram(f, depth)
	case int, float64, *big.Int:
		text, err := gojq.Marshal(v)
		return json.Number(text), err
	}
	return v, nil
}
