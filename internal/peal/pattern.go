package peal

import "strings"

// Pattern says which event types a subscription takes: an exact type, a prefix
// such as "budget.*", or "*" for all but the events about deliveries.
type Pattern string

// CheckPattern reports why s cannot be a pattern.
func CheckPattern(s string) error {
	if s == "*" {
		return nil
	}
	base, isPrefix := strings.CutSuffix(s, "*")
	if isPrefix && !strings.HasSuffix(base, ".") {
		return Invalid("events", "pattern %q: a * may only stand alone or after a final dot", Clip(s, clipLen))
	}
	if err := CheckType(base); err != nil {
		return Invalid("events", "pattern %q is not an event type, a prefix such as budget.*, or *", Clip(s, clipLen))
	}
	return nil
}

// Match tells whether the pattern takes events of a type.
func (p Pattern) Match(eventType string) bool {
	if p == "*" {
		return !aboutDeliveries(eventType)
	}
	if base, ok := strings.CutSuffix(string(p), "*"); ok {
		return strings.HasPrefix(eventType, base)
	}
	return string(p) == eventType
}

// MatchAny tells whether one of the patterns takes events of a type; no patterns
// take what "*" takes.
func MatchAny(patterns []Pattern, eventType string) bool {
	if len(patterns) == 0 {
		return Pattern("*").Match(eventType)
	}
	for _, p := range patterns {
		if p.Match(eventType) {
			return true
		}
	}
	return false
}
