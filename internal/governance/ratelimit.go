package governance

import (
	"fmt"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

var rateLimit = detector{
	kind:    peal.RuleRateLimit,
	period:  func(*rule) Period { return Minute },
	counted: (*Group).rateCounted,
	refuses: (*Group).rateRefuses,
	settled: (*Group).hitsSettled,
	recalls: func(p *Plan, w who, need func(MemoryID)) {
		for _, r := range p.rules[peal.RuleRateLimit] {
			if ref, ok := r.applies(w); ok && r.repeated(p) != nil {
				need(MemoryID{p.Org, r.id, ref})
			}
		}
	},
}

// standardRepeated is when Nemo says that a limit is hit repeatedly.
var standardRepeated = peal.Repeated{Hits: 5, Within: peal.Duration(5 * time.Minute)}

// repeated is how many hits are told, nil where they are not.
func (r *rule) repeated(p *Plan) *peal.Repeated {
	if r.Repeated == nil && p.Profile == nemo {
		return &standardRepeated
	}
	return r.Repeated
}

// rateLimited is what blocks a request that a limit a minute refuses.
const rateLimited = "rate_limit"

// hit is a limit that is reached.
type hit struct {
	kind         string // rpm or tpm
	count, limit int64
	model        string
}

// rateCounted tells that more was used within a minute than is allowed: requests, tokens, or
// both, whichever came first.
func (g *Group) rateCounted(p *Plan, r *rule, id MeterID, m *Meter) {
	var over []hit
	if r.RPM != 0 && m.Requests > r.RPM {
		over = append(over, hit{"rpm", m.Requests, r.RPM, ""})
	}
	if r.TPM != 0 && m.Tokens > r.TPM {
		over = append(over, hit{"tpm", m.Tokens, r.TPM, ""})
	}
	for _, h := range over {
		g.rateTold(p, r, id, h)
	}
	if repeated := r.repeated(p); repeated != nil && len(over) > 0 {
		g.minuteHit(p, r, id, over[0], *repeated)
	}
}

func (g *Group) rateRefuses(p *Plan, w *Work) *refusal {
	for _, r := range p.rules[peal.RuleRateLimit] {
		ref, ok := r.applies(w.Reserve.who())
		if !ok {
			continue
		}
		id := MeterID{p.Org, r.Scope, ref, Minute, minuteOf(w.Now)}
		m := g.Meters[id]
		h := hit{"rpm", m.Requests + 1, r.RPM, w.Reserve.Model}
		if r.RPM == 0 || h.count <= r.RPM {
			h = hit{"tpm", m.Tokens + w.Reserve.Tokens, r.TPM, w.Reserve.Model}
			if r.TPM == 0 || h.count <= r.TPM {
				continue
			}
		}
		g.rateTold(p, r, id, h)
		if repeated := r.repeated(p); repeated != nil {
			g.deniedHit(p, r, id, h, *repeated)
		}
		unit := "requests"
		if h.kind == "tpm" {
			unit = "tokens"
		}
		return &refusal{by: rateLimited, reason: fmt.Sprintf("%d %s a minute are allowed, and this would be %d", h.limit, unit, h.count), rule: r}
	}
	return nil
}

// rateTold tells a hit once a minute.
func (g *Group) rateTold(p *Plan, r *rule, id MeterID, h hit) {
	if p.Profile == nemo {
		return // which tells only of hits that repeat
	}
	limit := "rpm_limit"
	if h.kind == "tpm" {
		limit = "tpm_limit"
	}
	g.fire(AlertID{p.Org, r.id, id.Ref, h.kind, id.Start}, "guardrail.triggered", subjectOf(id),
		"guardrail", "rate_limit", "current_count", h.count, limit, h.limit, "model", optional(h.model), "timestamp", g.now)
}
