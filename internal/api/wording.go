package api

import (
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/peal-dev/peal/internal/peal"
)

// explained says what huma found wrong with a field in words that tell what to do.
func (a *api) explained(op *huma.Operation, field, message string) ProblemField {
	const timeExample = "must be an RFC 3339 time such as 2026-05-04T14:23:00Z"
	switch message {
	case validation.MsgUnexpectedProperty:
		return ProblemField{peal.Clip(field, clipLen), a.unexpected(op, field)}
	case validation.MsgExpectedRFC3339DateTime:
		return ProblemField{field, timeExample}
	case "expected number > 0":
		return ProblemField{field, "must be more than 0; leave it out for no limit"}
	case "expected array length >= 1":
		return ProblemField{field, "must not be empty; leave it out for the default"}
	}
	if strings.HasPrefix(message, "invalid date/time") {
		return ProblemField{field, timeExample}
	}
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	if name, ok := strings.CutPrefix(message, before); ok {
		name = strings.TrimSuffix(name, after)
		return ProblemField{strings.TrimPrefix(field+"."+name, "."), name + " is required"}
	}
	return ProblemField{field, message}
}

// unexpected names the members that there are where one was met that is not.
func (a *api) unexpected(op *huma.Operation, field string) string {
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return "unknown member"
	}
	s := a.resolve(op.RequestBody.Content["application/json"].Schema)
	path := strings.Split(field, ".")
	for _, name := range path[:len(path)-1] {
		name, _, _ = strings.Cut(name, "[")
		if s = a.resolve(s.Properties[name]); s.Items != nil {
			s = a.resolve(s.Items)
		}
	}
	if len(s.Properties) == 0 {
		return "unknown member"
	}
	return "unknown member; there are " + strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ")
}

// resolve gives what a schema refers to; nothing is the schema of anything.
func (a *api) resolve(s *huma.Schema) *huma.Schema {
	switch {
	case s == nil:
		return &huma.Schema{}
	case s.Ref != "":
		return a.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}
