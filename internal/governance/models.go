package governance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
)

var models = detector{
	kind:    peal.RuleModels,
	refuses: (*Group).modelsRefuses,
}

const modelBlocked = "model_blocked"

func (g *Group) modelsRefuses(p *Plan, w *Work) *refusal {
	for _, r := range p.rules[peal.RuleModels] {
		ref, ok := r.applies(w.Reserve.who())
		if !ok || slices.ContainsFunc(r.Allow, func(pattern string) bool { return like(pattern, w.Reserve.Model) }) {
			continue
		}
		reason := fmt.Sprintf("the model %s is not among those that are allowed", peal.Clip(w.Reserve.Model, 128))
		id := AlertID{p.Org, r.id, ref, modelBlocked + " " + w.Reserve.Model, minuteOf(w.Now)}
		subject := subjectOf(MeterID{Org: p.Org, Ref: ref})
		if p.Profile == nemo {
			g.fire(id, "guardrail.blocked", subject, "org_id", p.Org, "request_id", w.Reserve.ID.String(), "key_alias", optional(w.Reserve.Key),
				"guardrail_name", modelBlocked, "model", w.Reserve.Model)
		} else {
			g.fire(id, "guardrail.triggered", subject, "guardrail", modelBlocked, "reason", reason, "model", w.Reserve.Model, "timestamp", w.Now)
		}
		return &refusal{by: modelBlocked, reason: reason, rule: r}
	}
	return nil
}

// like tells whether a name fits a pattern, in which * is any text.
func like(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(name) < len(first)+len(last) || !strings.HasPrefix(name, first) || !strings.HasSuffix(name, last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, ok := strings.Cut(name, part)
		if !ok {
			return false
		}
		name = after
	}
	return true
}
