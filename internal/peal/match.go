package peal

import (
	"slices"
	"time"
)

// Match selects events. What is empty selects all; what is not must all hold.
type Match struct {
	Types      []Pattern  `json:"types,omitempty"`
	Severities []Severity `json:"severities,omitempty"`
	// Filter is a CEL expression over event.
	Filter string `json:"filter,omitempty"`
}

// MaxMatchTypes is how many patterns a match may have.
const MaxMatchTypes = 100

// TakesFields tells whether types and severities select an event; the filter is not
// asked.
func (m *Match) TakesFields(ev *Event) bool {
	return MatchAny(m.Types, ev.Type) && (len(m.Severities) == 0 || slices.Contains(m.Severities, ev.Severity))
}

// Validate reports what in the match cannot be, but for its filter.
func (m *Match) Validate() error {
	if len(m.Types) > MaxMatchTypes {
		return Invalid("match.types", "at most %d types", MaxMatchTypes)
	}
	for _, p := range m.Types {
		if CheckPattern(string(p)) != nil {
			return Invalid("match.types", "%q is not an event type, a prefix such as budget.*, or *", Clip(string(p), clipLen))
		}
	}
	for _, s := range m.Severities {
		if !s.Valid() {
			return Invalid("match.severities", "severities are info, warning, high, critical")
		}
	}
	return nil
}

// Binding routes what it matches to one endpoint. An endpoint that has bindings takes
// what any of them matches, instead of its own subscription.
type Binding struct {
	ID        BindingID  `json:"id"`
	Org       string     `json:"org"`
	Match     Match      `json:"match"`
	Endpoint  EndpointID `json:"endpoint"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}
