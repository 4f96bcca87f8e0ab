package filter

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
)

const (
	// costLimit bounds one run, in CEL's units: three milliseconds at the worst, and
	// enough to look for a word in the largest event (a tenth of a unit a character).
	costLimit = 30_000
	// staticLimit bounds what a run may cost with collections of assumedItems items
	// and strings of assumedChars characters. It allows two nested macros, not three.
	staticLimit  = 2_000_000
	assumedItems = 100
	assumedChars = 1000
	// regexLimit is in instructions of the compiled expression.
	regexLimit = 1000

	eventType = "peal.Event"
)

func newEnvironment() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("build CEL registry: %w", err)
	}
	return cel.NewEnv(
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(provider{registry}),
		cel.Variable("event", cel.ObjectType(eventType)),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(50),
		cel.ParserExpressionSizeLimit(MaxLen),
		cel.RegexProgramSizeLimit(regexLimit),
	)
}

// provider adds the event's type to the standard ones, so that a misspelt field is
// found when the filter is compiled.
type provider struct{ *types.Registry }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	if name == eventType {
		return types.NewTypeTypeWithParam(types.NewObjectType(eventType)), true
	}
	return p.Registry.FindStructType(name)
}

func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	if name != eventType {
		return p.Registry.FindStructFieldNames(name)
	}
	return fieldNames(), true
}

func fieldNames() []string {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if name != eventType {
		return p.Registry.FindStructFieldType(name, field)
	}
	for _, f := range fields {
		if f.name == field {
			return &types.FieldType{Type: f.typ, IsSet: f.isSet, GetFrom: f.get}, true
		}
	}
	return nil, false
}

// estimator assumes sizes for what is only known when an event is there.
type estimator struct{}

func (estimator) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	if len(node.Path()) == 0 {
		return nil // literals and results of calls have sizes of their own
	}
	switch node.Type().Kind() {
	case types.StringKind, types.BytesKind:
		return &cost.SizeEstimate{Max: assumedChars}
	}
	return &cost.SizeEstimate{Max: assumedItems}
}

func (estimator) EstimateCallCost(_, _ string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	return nil
}
