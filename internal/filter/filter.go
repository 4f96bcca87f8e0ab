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

// MaxLen is how long a filter may be, in bytes.
const MaxLen = 2048

// Program is a compiled filter. It is safe for concurrent use.
type Program struct {
	program cel.Program
}

// One environment is shared by all programs: it costs milliseconds and half a
// megabyte to build, and never changes.
var environment = sync.OnceValues(newEnvironment)

// Compile checks a filter: its length, its syntax, its names, that it answers true
// or false, and that its cost is bounded. The error is a *peal.Error that names the
// line and column.
func Compile(expr string) (*Program, error) {
	if len(expr) > MaxLen {
		return nil, peal.Invalid("filter", "a filter has at most %d bytes", MaxLen)
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	ast, issues := env.Compile(expr)
	if err := issues.Err(); err != nil {
		return nil, invalid(issues)
	}
	// What is read from data has no type before it is read; Match checks it then.
	if t := ast.OutputType(); !t.IsEquivalentType(cel.BoolType) && !t.IsEquivalentType(cel.DynType) {
		return nil, peal.Invalid("filter", "a filter must answer true or false, this one answers %s", t)
	}
	estimate, err := env.EstimateCost(ast, estimator{})
	if err != nil {
		return nil, peal.Invalid("filter", "the cost of the filter cannot be bounded")
	}
	if estimate.Min > costLimit || estimate.Max > staticLimit {
		return nil, peal.Invalid("filter", "the filter may cost too much: nest fewer macros such as exists and map")
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
	if err != nil {
		return nil, peal.Invalid("filter", "%s", peal.Clip(err.Error(), clipLen))
	}
	return &Program{program: program}, nil
}

// invalid spells the first issue for people.
func invalid(issues *cel.Issues) error {
	all := issues.Errors()
	if len(all) == 0 {
		return peal.Invalid("filter", "the filter cannot be compiled")
	}
	first := all[0]
	message, _, _ := strings.Cut(first.Message, "\n")
	message = hinted(strings.ReplaceAll(message, " (in container '')", ""))
	if first.Location.Line() < 1 { // about the whole filter
		return peal.Invalid("filter", "%s", peal.Clip(message, clipLen))
	}
	return peal.Invalid("filter", "%d:%d: %s", first.Location.Line(), max(1, first.Location.Column()+1), peal.Clip(message, clipLen))
}

// plainSyntax puts the parser generator's words into plain ones.
var plainSyntax = strings.NewReplacer("Syntax error", "syntax error", "mismatched input", "unexpected", "extraneous input", "unexpected",
	"no viable alternative at input", "unexpected", "token recognition error at: '= '", "a single =; write == to compare",
	"token recognition error at:", "cannot read", "'<EOF>'", "end of the filter")

// hinted shortens what the parser says, and adds what the writer may have meant.
func hinted(message string) string {
	members := "event has " + strings.Join(fieldNames(), ", ")
	switch {
	case strings.HasPrefix(message, "Syntax error"):
		message, _, _ = strings.Cut(message, " expecting ") // a list of all tokens
		return plainSyntax.Replace(message)
	case strings.HasPrefix(message, "undefined field"):
		return message + "; " + members
	}
	name, ok := strings.CutPrefix(message, "undeclared reference to '")
	if name, _, _ = strings.Cut(name, "'"); !ok {
		return message
	}
	if slices.Contains(fieldNames(), name) {
		return message + "; write event." + name
	}
	return message + "; a filter sees event alone, " + members
}

// clipLen is how much of a library's message is shown.
const clipLen = 250

// MatchInput tells whether the filter takes the event. A filter that reads what the
// event lacks, compares what cannot be compared, or costs too much does not take it;
// the error says which.
func (p *Program) MatchInput(in *Input) (bool, error) {
	out, _, err := p.program.Eval(in)
	if err != nil {
		return false, errors.New(peal.Clip(err.Error(), clipLen))
	}
	answer, ok := out.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the filter answered %s, not true or false", out.Type().TypeName())
	}
	return bool(answer), nil
}
