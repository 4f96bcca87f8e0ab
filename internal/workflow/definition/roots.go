package definition

import (
	"slices"

	"github.com/peal-dev/peal/internal/filter"
)

// roots are what templates and conditions see, with the members of those that are always
// the same.
var roots = map[string][]string{
	"webhook":   {"body", "headers", "method", "query", "receivedAt"},
	"request":   {"id", "offering", "title", "description", "status", "priority", "created_by", "data", "parent", "created_at"},
	"steps":     nil,
	"execution": {"id", "startedAt"},
	"workflow":  {"id", "name", "version"},
}

// stepMembers are what templates see of a step.
var stepMembers = []string{"output", "status", "error"}

var conditions = filter.NewConditions(rootNames()...)

func rootNames() []string {
	var names []string
	for name := range roots {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
