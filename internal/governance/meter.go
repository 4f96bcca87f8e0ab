package governance

import (
	"cmp"

	"github.com/peal-dev/peal/internal/peal"
)

// Period is the kind of time that a meter counts.
type Period string

// The periods of meters. An org's credits are counted in one that never ends.
const (
	Minute Period = "minute"
	Day    Period = "day"
	Month  Period = "month"
	Credit Period = "credit"
)

// MeterID names a meter. Start is the period's beginning in microseconds since 1970.
type MeterID struct {
	Org    string
	Scope  peal.Scope
	Ref    string
	Period Period
	Start  int64
}

// Compare is the order in which meters are locked.
func (id MeterID) Compare(other MeterID) int {
	return cmp.Or(cmp.Compare(id.Org, other.Org), cmp.Compare(id.Scope, other.Scope), cmp.Compare(id.Ref, other.Ref),
		cmp.Compare(id.Period, other.Period), cmp.Compare(id.Start, other.Start))
}

func creditMeter(org string) MeterID {
	return MeterID{Org: org, Scope: peal.ScopeOrg, Period: Credit}
}

// Meter is what was used in a period, and what reservations hold of it.
type Meter struct {
	Requests, Tokens         int64
	Cost                     peal.Decimal
	HeldRequests, HeldTokens int64
	HeldCost                 peal.Decimal
	// Granted is what was topped up, in the meter of credits, whose Requests count
	// the top-ups.
	Granted peal.Decimal

	// Changed tells that the group changed it, dropped that the balance went down.
	Changed, dropped bool
}

// balance is what is left of the credits, reservations not taken off.
func (m *Meter) balance() peal.Decimal { return m.Granted.Add(-m.Cost) }

// open tells whether there are credits at all: without any, nothing is held against
// them.
func (m *Meter) open() bool { return m.Requests > 0 }

// used is what may no longer be spent.
func (m *Meter) used() peal.Decimal { return m.Cost.Add(m.HeldCost) }

// who are the people and programs of a record or reservation.
type who struct{ team, key, user string }

// ref is who a scope counts, and whether the scope has anybody here.
func (w who) ref(scope peal.Scope) (string, bool) {
	switch scope {
	case peal.ScopeTeam:
		return w.team, w.team != ""
	case peal.ScopeKey:
		return w.key, w.key != ""
	case peal.ScopeUser:
		return w.user, w.user != ""
	}
	return "", true
}

// standing calls f for the meters that are kept without any rule, so that one that is
// made later knows what was used.
func standing(org string, w who, day, month int64, f func(MeterID)) {
	for _, scope := range []peal.Scope{peal.ScopeOrg, peal.ScopeTeam, peal.ScopeKey, peal.ScopeUser} {
		ref, ok := w.ref(scope)
		if !ok {
			continue
		}
		f(MeterID{org, scope, ref, Month, month})
		if scope != peal.ScopeUser {
			f(MeterID{org, scope, ref, Day, day})
		}
	}
}
