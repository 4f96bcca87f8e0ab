package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/peal-dev/peal/internal/peal"
)

// Condition is a compiled expression over variables of any shape. It is safe for
// concurrent use.
type Condition struct {
	program cel.Program
}

// Conditions compiles conditions over one set of variables.
type Conditions struct {
	vars []string
	env  func() (*cel.Env, error)
}

// NewConditions makes the compiler for conditions over these variables.
func NewConditions(vars ...string) *Conditions {
	return &Conditions{vars, sync.OnceValues(func() (*cel.Env, error) {
		options := []cel.EnvOption{
			cel.CrossTypeNumericComparisons(true),
			cel.DefaultUTCTimeZone(true),
			cel.ParserRecursionLimit(50),
			cel.ParserExpressionSizeLimit(MaxLen),
			cel.RegexProgramSizeLimit(regexLimit),
		}
		for _, name := range vars {
			options = append(options, cel.Variable(name, cel.MapType(cel.StringType, cel.DynType)))
		}
		return cel.NewEnv(options...)
	})}
}

// Compile checks a condition as filters are checked.
func (c *Conditions) Compile(expr string) (*Condition, error) {
	if len(expr) > MaxLen {
		return nil, peal.Invalid("if", "a condition has at most %d bytes", MaxLen)
	}
	env, err := c.env()
	if err != nil {
		return nil, fmt.Errorf("condition: %w", err)
	}
	ast, issues := env.Compile(expr)
	if issues.Err() != nil {
		return nil, c.invalid(issues)
	}
	if t := ast.OutputType(); !t.IsEquivalentType(cel.BoolType) && !t.IsEquivalentType(cel.DynType) {
		return nil, peal.Invalid("if", "a condition must answer true or false, this one answers %s", t)
	}
	estimate, err := env.EstimateCost(ast, estimator{})
	if err != nil || estimate.Min > costLimit || estimate.Max > staticLimit {
		return nil, peal.Invalid("if", "the condition may cost too much: nest fewer macros such as exists and map")
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
	if err != nil {
		return nil, peal.Invalid("if", "%s", peal.Clip(err.Error(), clipLen))
	}
	return &Condition{program}, nil
}

// invalid spells the first issue for people.
func (c *Conditions) invalid(issues *cel.Issues) error {
	all := issues.Errors()
	if len(all) == 0 {
		return peal.Invalid("if", "the condition cannot be compiled")
	}
	message, _, _ := strings.Cut(all[0].Message, "\n")
	message = strings.ReplaceAll(message, " (in container '')", "")
	if strings.HasPrefix(message, "Syntax error") {
		message, _, _ = strings.Cut(message, " expecting ")
		message = strings.ReplaceAll(plainSyntax.Replace(message), "the filter", "the condition")
	}
	if strings.HasPrefix(message, "undeclared reference") {
		message += "; a condition sees " + strings.Join(slices.Sorted(slices.Values(c.vars)), ", ")
	}
	at := all[0].Location
	return peal.Invalid("if", "%d:%d: %s", max(1, at.Line()), max(1, at.Column()+1), peal.Clip(message, clipLen))
}

// Eval answers the condition. One that reads what is not there, compares what cannot be
// compared, or costs too much has no answer; the error says why.
func (c *Condition) Eval(vars map[string]any) (bool, error) {
	activation := make(map[string]any, len(vars))
	for name, v := range vars {
		activation[name] = plain(v)
	}
	out, _, err := c.program.Eval(activation)
	if err != nil {
		return false, errors.New(peal.Clip(err.Error(), clipLen))
	}
	answer, ok := out.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the condition answered %s, not true or false", out.Type().TypeName())
	}
	return bool(answer), nil
}
