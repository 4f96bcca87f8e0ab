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

// rateCounted tells that more was used within a minute than is allowed.
func (g *Group) rateCounted(p *Plan, r *rule, id MeterID, m *Meter) {
	h := hit{"rpm", m.Requests, r.RPM, ""}
	if r.RPM == 0 || m.Requests <= r.RPM {
		if h = (hit{"tpm", m.Tokens, r.TPM, ""}); r.TPM == 0 || m.Tokens <= r.TPM {
			return
		}
	}
	g.rateHit(p, r, id, h, false)
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
		g.rateHit(p, r, id, h, true)
		unit := "requests"
		if h.kind == "tpm" {
			unit = "tokens"
		}
		return &refusal{by: rateLimited, reason: fmt.Sprintf("%d %s a minute are allowed, and this would be %d", h.limit, unit, h.count), rule: r}
	}
	return nil
}

// rateHit tells a hit once a minute, and where hits repeat that they do.
func (g *Group) rateHit(p *Plan, r *rule, id MeterID, h hit, denied bool) {
	if p.Profile != nemo {
		count, limit := "current_count", "rpm_limit"
		if h.kind == "tpm" {
			limit = "tpm_limit"
		}
		g.fire(AlertID{p.Org, r.id, id.Ref, h.kind, id.Start}, "guardrail.triggered", subjectOf(id),
			"guardrail", "rate_limit", count, h.count, limit, h.limit, "model", optional(h.model), "timestamp", g.now)
	}
	if repeated := r.repeated(p); repeated != nil {
		g.rateRepeated(p, r, id, h, *repeated, denied)
	}
}

// hits is what is remembered of a limit's hits: since when they are counted, and the
// last minute in which usage alone was one.
type hits struct {
	Since  int64 `json:"since"`
	Hits   int   `json:"hits"`
	Minute int64 `json:"minute,omitempty"`
}

func (g *Group) rateRepeated(p *Plan, r *rule, id MeterID, h hit, repeated peal.Repeated, denied bool) {
	var seen hits
	memory, err := g.recall(MemoryID{p.Org, r.id, id.Ref}, &seen)
	if err != nil || !denied && seen.Minute >= id.Start {
		return // a memory that cannot be read is another version's
	}
	within := time.Duration(repeated.Within)
	now := g.now.UnixMicro()
	if !denied {
		seen.Minute = id.Start
	}
	if now-seen.Since >= within.Microseconds() {
		seen.Since, seen.Hits = now, 0
	}
	seen.Hits++
	if memory.keep(seen) != nil || seen.Hits != repeated.Hits {
		return
	}
	g.fire(AlertID{p.Org, r.id, id.Ref, "repeated", seen.Since}, "rate_limit.repeated", subjectOf(id), "org_id", p.Org,
		"key_alias", nodeOf(id, peal.ScopeKey), "limit_type", h.kind, "limit", h.limit, "hits", seen.Hits,
		"window_seconds", int64(within/time.Second), "model", optional(h.model))
}
