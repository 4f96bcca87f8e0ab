package governance

import (
	"fmt"

	"github.com/peal-dev/peal/internal/peal"
)

var quota = detector{
	kind:       peal.RuleQuota,
	thresholds: func(string) []int { return []int{90} },
	period:     func(*rule) Period { return Month },
	counted:    (*Group).quotaCounted,
	refuses:    (*Group).quotaRefuses,
}

func (g *Group) quotaCounted(p *Plan, r *rule, id MeterID, m *Meter) {
	limit := int64(r.Limit / peal.DecimalOne)
	for _, l := range r.levels {
		if m.Requests >= whole(l.at) {
			g.fire(r.thresholdID(p.Org, id.Ref, fmt.Sprint(l.percent), id.Start), "quota.warning", subjectOf(id), quotaData(m.Requests, limit)...)
		}
	}
	if m.Requests >= limit {
		g.quotaExceeded(p, r, id, m.Requests)
	}
}

// whole is the smallest whole number that reaches d.
func whole(d peal.Decimal) int64 {
	n := int64(d / peal.DecimalOne)
	if !d.Whole() {
		n++
	}
	return n
}

func (g *Group) quotaExceeded(p *Plan, r *rule, id MeterID, used int64) {
	g.fire(r.thresholdID(p.Org, id.Ref, "exceeded", id.Start), "quota.exceeded", subjectOf(id), quotaData(used, int64(r.Limit/peal.DecimalOne))...)
}

func quotaData(used, limit int64) []any {
	percentage := used / limit * 100
	percentage += used % limit * 100 / limit
	return []any{"currentUsage", used, "limit", limit, "percentage", percentage}
}

func (g *Group) quotaRefuses(p *Plan, w *Work) *refusal {
	for _, r := range p.rules[peal.RuleQuota] {
		ref, ok := r.applies(w.Reserve.who())
		if !ok {
			continue
		}
		id := MeterID{p.Org, r.Scope, ref, Month, w.Reserve.Month}
		m := g.Meters[id]
		if used := m.Requests + m.HeldRequests; used >= int64(r.Limit/peal.DecimalOne) {
			g.quotaExceeded(p, r, id, used)
			return &refusal{by: "quota", reason: fmt.Sprintf("the quota of %s requests is used up until the next billing cycle", r.Limit), rule: r}
		}
	}
	return nil
}
