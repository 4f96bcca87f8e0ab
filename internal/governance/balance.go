package governance

import (
	"fmt"

	"github.com/peal-dev/peal/internal/peal"
)

var balance = detector{
	kind: peal.RuleBalance,
	standard: func(profile string) *rule {
		if profile != nemo {
			return nil
		}
		return &rule{id: "standard", Rule: peal.Rule{Kind: peal.RuleBalance, Threshold: 10 * peal.DecimalOne}}
	},
	period:  func(*rule) Period { return Credit },
	counted: (*Group).balanceCounted,
	refuses: (*Group).balanceRefuses,
}

// balanceCounted tells once that the balance dropped below the threshold, until it is no
// longer.
func (g *Group) balanceCounted(p *Plan, r *rule, _ MeterID, m *Meter) {
	id := AlertID{Org: p.Org, Rule: r.id, Threshold: r.Threshold.String()}
	left := m.balance()
	switch {
	case left >= r.Threshold:
		g.alert(Alert{AlertID: id, Over: true})
	case m.dropped && m.open():
		g.fire(id, "balance.low", p.Org, "org_id", p.Org, "current_balance", left, "threshold", r.Threshold,
			"action", "Top up credits to avoid service interruption")
	}
}

func (g *Group) balanceRefuses(p *Plan, w *Work) *refusal {
	m := g.Meters[creditMeter(p.Org)]
	left := m.balance().Add(-m.HeldCost)
	if !m.open() || w.Reserve.Cost <= left && left > 0 {
		return nil
	}
	return &refusal{by: "credit_balance", reason: fmt.Sprintf("%s are left of the credits, and the request would cost %s", left.Money(), w.Reserve.Cost.Money())}
}
