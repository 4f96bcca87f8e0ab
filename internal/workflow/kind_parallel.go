package workflow

import (
	"context"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// parallelKind runs branches of steps beside each other, which the run itself does.
type parallelKind struct{}

func (*parallelKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "parallel", Help: "Runs branches of steps beside each other, and goes on when all are over.", Branches: true,
		Fields: []definition.Field{
			{Name: "branches", Type: definition.Branches, Required: true, Help: "Lists of steps; later steps see them all."},
		},
		Check: func(s *definition.Step) error {
			if s.Timeout > 0 || s.Retry.Attempts > 1 {
				return peal.Invalid("branches", "timeout and retry belong to the steps inside")
			}
			return nil
		},
	}
}

func (*parallelKind) Run(context.Context, *Call) Outcome { return Outcome{} }
