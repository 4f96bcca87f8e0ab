package workflow

import (
	"context"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/transform"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// transformKind makes a value of another by a jq program.
type transformKind struct{ programs Programs }

func (*transformKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "transform", Help: "Makes a value of another by a jq program.",
		Fields: []definition.Field{
			{Name: "jq", Type: definition.Text, Required: true, Help: "The program, such as {total: (.items | map(.price) | add)}; it gives one value."},
			{Name: "input", Type: definition.Any, Help: "What the program works on; the body of the webhook where absent."},
		},
		Check: func(s *definition.Step) error {
			if text, ok := s.With["jq"].Text(); ok {
				return transform.Check(text)
			}
			return nil
		},
	}
}

func (k *transformKind) Run(ctx context.Context, c *Call) Outcome {
	program, err := c.text("jq")
	if err == nil {
		err = transform.Check(program)
	}
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	value, given := c.With["input"]
	if hook, ok := c.Scope["webhook"].(map[string]any); ok && !given {
		value = hook["body"]
	}
	input, err := definition.AppendJSON(nil, value)
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	out, err := k.programs.Run(ctx, program, input)
	if err != nil {
		return Outcome{Err: err, Permanent: peal.CodeOf(err) != peal.CodeUnavailable}
	}
	return Outcome{Output: out}
}
