package governance

import "github.com/peal-dev/peal/internal/peal"

// detectors are the kinds of rules, in the order in which a reservation is held against
// them. A new one is a line here and a file.
var detectors = []detector{
	quota,
	models,
	rateLimit,
	balance,
	budget,
	approval,
	circuit,
	anomaly,
	costLeak,
}

// detector is how the rules of a kind work. What it does not do is nil.
type detector struct {
	kind peal.RuleKind
	// standard is the rule of an org that has none of the kind, by its profile; it
	// never limits anything.
	standard func(profile string) *rule
	// thresholds are the percentages of a rule that names none.
	thresholds func(profile string) []int
	// period is that of the meters that a rule is held against, counted is called for
	// each of them that a group changed.
	period  func(*rule) Period
	counted func(*Group, *Plan, *rule, MeterID, *Meter)
	// refuses tells why a reservation may not be, and raises what that raises.
	refuses func(*Group, *Plan, *Work) *refusal
	// remembers names what seen needs of a record; both are called for records that
	// have a route.
	remembers func(*Plan, *Record, func(MemoryID))
	seen      func(*Group, *Plan, *Work, *Record)
	// recalls names what refuses needs.
	recalls func(*Plan, who, func(MemoryID))
	// settled is called for each memory of a rule when hours are closed.
	settled func(g *Group, p *Plan, r *rule, id MemoryID, from, to int64)
	// closed is called for each hour of usage that is closed.
	closed func(*Group, *Plan, *rule, *Hour)
}

// refusal is why a reservation is not allowed, or what it waits for.
type refusal struct {
	by, reason string
	// waits tells that a person may still allow it.
	waits     bool
	threshold peal.Decimal
	rule      *rule
}
