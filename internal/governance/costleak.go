package governance

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

var costLeak = detector{
	kind: peal.RuleCostLeak,
	standard: func(profile string) *rule {
		if profile != nemo {
			return nil
		}
		return &rule{id: "standard_cost_leak", Rule: peal.Rule{Kind: peal.RuleCostLeak}}
	},
	closed: func(g *Group, p *Plan, r *rule, h *Hour) {
		for _, key := range slices.Sorted(maps.Keys(h.Keys)) {
			g.keyLeaks(p, r, h, key)
		}
	},
}

// The defaults of a leak's signals.
const (
	paidFailuresPercent = 50 * peal.DecimalOne
	stormFactor         = 10 * peal.DecimalOne
	idleKeyFor          = 7 * 24 * time.Hour
	minStormRequests    = 100
)

// keyLeaks tells once that a key spends what nobody seems to want, until an hour without
// that is closed. Each of the signals is enough.
func (g *Group) keyLeaks(p *Plan, r *rule, h *Hour, key string) {
	k, least := h.Keys[key], cmp.Or(r.MinCost, minHourCost)
	if k.Cost < least {
		return
	}
	var reasons []string
	if failed := count(k.Failed, k.Requests); k.FailedCost >= least &&
		failed.exceeds(orDefault(r.PaidFailures, paidFailuresPercent), count(1, 100)) {
		reasons = append(reasons, fmt.Sprintf("%d of %d requests failed and cost %s", k.Failed, k.Requests, p.price(k.FailedCost)))
	}
	// The key was used until the end of its latest hour.
	slept := time.Duration(h.Start-k.Before.Last)*time.Microsecond - time.Hour
	if idle := cmp.Or(time.Duration(r.IdleKey), idleKeyFor); k.Before.Hours > 0 && slept >= idle {
		reasons = append(reasons, fmt.Sprintf("the key is used again after %d days and %d hours", slept/(24*time.Hour), slept/time.Hour%24))
	}
	usual := count(k.Before.Usual, 1000)
	if k.Before.Hours >= minHistory && k.Like >= cmp.Or(r.MinRequests, minStormRequests) &&
		count(k.Like, 1).exceeds(orDefault(r.RetryStorm, stormFactor), usual) {
		reasons = append(reasons, fmt.Sprintf("%d requests are alike, %sx what the key makes in an hour", k.Like, count(k.Like, 1).times(usual)))
	}
	if len(reasons) == 0 {
		return
	}
	g.fire(AlertID{Org: p.Org, Rule: r.id, Subject: key, Threshold: "cost_leak"}, "cost_leak.detected", key,
		"org_id", p.Org, "key_alias", key, "amount", k.Cost, "window_seconds", (h.End-h.Start)/time.Second.Microseconds(),
		"model", optional(k.Model), "reason", strings.Join(reasons, "; "))
}
