package governance

import (
	"cmp"
	"slices"
	"time"
	_ "time/tzdata" // one binary counts alike on every machine

	"github.com/peal-dev/peal/internal/peal"
)

// Plan is what an org's requests are held against. It never changes.
type Plan struct {
	Org      string
	Profile  string
	Calendar Calendar
	Currency string
	// Refused tells that the org's plan has no reservations.
	Refused bool

	rules map[peal.RuleKind][]*rule
	// watched finds the rules of a kind of meter.
	watched map[watch][]watcher
	// minutes are the scopes that count by the minute.
	minutes []peal.Scope
}

// rule is a rule with what its evaluation needs again and again.
type rule struct {
	peal.Rule
	id string
	// levels are the thresholds of the limit.
	levels []level
}

type level struct {
	percent int
	at      peal.Decimal
}

// watch is a kind of meter; ref is empty for all of the scope.
type watch struct {
	scope  peal.Scope
	period Period
	ref    string
}

type watcher struct {
	rule    *rule
	counted func(*Group, *Plan, *rule, MeterID, *Meter)
}

// NewPlan makes the plan of an org. Settings that cannot be read any more, such as a
// time zone that was renamed, are the defaults.
func NewPlan(o peal.Org, settings peal.Governance, rules []*peal.Rule, refused bool) *Plan {
	location, err := time.LoadLocation(settings.TimeZone)
	if err != nil {
		location = time.UTC
	}
	p := &Plan{
		Org: o.ID, Profile: o.Profile, Currency: settings.Currency, Refused: refused,
		Calendar: NewCalendar(location, max(settings.BillingDay, 1)),
		rules:    map[peal.RuleKind][]*rule{}, watched: map[watch][]watcher{},
	}
	for i := range detectors {
		d := &detectors[i]
		own := false // a rule that is disabled is one, too
		for _, r := range rules {
			own = own || r.Kind == d.kind
			if r.Kind == d.kind && !r.Disabled {
				p.add(d, &rule{Rule: *r, id: r.ID.String()})
			}
		}
		if d.standard != nil && !own {
			if r := d.standard(p.Profile); r != nil {
				p.add(d, r)
			}
		}
		slices.SortStableFunc(p.rules[d.kind], (*rule).compare)
	}
	return p
}

func (p *Plan) add(d *detector, r *rule) {
	if d.thresholds != nil {
		percents := r.Thresholds
		if percents == nil {
			percents = d.thresholds(p.Profile)
		}
		for _, percent := range percents {
			r.levels = append(r.levels, level{percent, r.Limit.Percent(percent)})
		}
	}
	p.rules[d.kind] = append(p.rules[d.kind], r)
	if d.period == nil {
		return
	}
	period := d.period(r)
	scope := cmp.Or(r.Scope, peal.ScopeOrg)
	at := watch{scope, period, r.Ref}
	p.watched[at] = append(p.watched[at], watcher{r, d.counted})
	if period == Minute && !slices.Contains(p.minutes, scope) {
		p.minutes = append(p.minutes, scope)
	}
}

// breadth is the order in which budgets are looked at: org, team, key.
var breadth = []peal.Scope{"", peal.ScopeOrg, peal.ScopeTeam, peal.ScopeKey, peal.ScopeUser}

// compare puts what is daily before what is monthly, and then the org's first.
func (r *rule) compare(other *rule) int {
	return cmp.Or(cmp.Compare(r.Period, other.Period),
		cmp.Compare(slices.Index(breadth, r.Scope), slices.Index(breadth, other.Scope)))
}

// applies tells whether the rule is for somebody, and who that is.
func (r *rule) applies(w who) (ref string, ok bool) {
	ref, ok = w.ref(r.Scope)
	return ref, ok && (r.Ref == "" || r.Ref == ref)
}

// watchers calls f for each rule that a meter is held against.
func (p *Plan) watchers(id MeterID, f func(watcher)) {
	at := watch{id.Scope, id.Period, ""}
	for _, w := range p.watched[at] {
		f(w)
	}
	if id.Ref == "" {
		return
	}
	at.ref = id.Ref
	for _, w := range p.watched[at] {
		f(w)
	}
}

// minuteMeters calls f for the meters of a minute that somebody counts in.
func (p *Plan) minuteMeters(w who, t time.Time, f func(MeterID)) {
	for _, scope := range p.minutes {
		if ref, ok := w.ref(scope); ok {
			f(MeterID{p.Org, scope, ref, Minute, minuteOf(t)})
		}
	}
}
