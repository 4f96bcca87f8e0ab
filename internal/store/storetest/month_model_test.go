package storetest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// world is what must be told of a gateway, by plain sums over what was reported so far: one
// thing after the other, without meters, groups or memory.
type world struct {
	profile string
	rules   []peal.Rule
	billing int

	want  []string
	once  map[string]bool
	cost  map[string]peal.Decimal // by who and period
	held  map[string]peal.Decimal
	count map[string]int64 // requests by who and period, tokens by who and minute
	// balance is of credits, low tells that it was told.
	balance peal.Decimal
	low     bool
	routes  map[string]*outage
	hits    map[string][]time.Time
}

// outage is a route's circuit.
type outage struct {
	failed         []time.Time
	opened, probes time.Time
}

type object = map[string]any

func newWorld(profile string, billing int, rules []peal.Rule) *world {
	return &world{
		profile: profile, rules: rules, billing: billing, once: map[string]bool{}, cost: map[string]peal.Decimal{},
		held: map[string]peal.Decimal{}, count: map[string]int64{}, routes: map[string]*outage{}, hits: map[string][]time.Time{},
	}
}

// tell notes an event, with its data as JSON whose members are sorted.
func (w *world) tell(kind, subject string, data object) {
	for name, v := range data {
		switch v := v.(type) {
		case peal.Decimal:
			data[name] = v.Number()
		case time.Time:
			data[name] = v.Format("2006-01-02T15:04:05Z")
		case string:
			if v == "" {
				delete(data, name)
			}
		}
	}
	doc, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	w.want = append(w.want, fmt.Sprintf("%s %s %s", kind, subject, doc))
}

func (w *world) first(parts ...any) bool {
	key := fmt.Sprint(parts...)
	was := w.once[key]
	w.once[key] = true
	return !was
}

// who names whom a rule counts a record for.
func who(r *peal.Rule, team, key, user string) (string, bool) {
	name := map[peal.Scope]string{peal.ScopeOrg: "acme", peal.ScopeTeam: team, peal.ScopeKey: key, peal.ScopeUser: user}[r.Scope]
	return name, name != "" && (r.Ref == "" || r.Ref == name)
}

// period names the time that a budget or quota counts together.
func (w *world) period(r *peal.Rule, t time.Time) string {
	if r.Period == peal.Daily {
		return t.Format("2006-01-02")
	}
	if t.Day() < w.billing {
		t = t.AddDate(0, -1, 1-t.Day())
	}
	return t.Format("2006-01")
}

// report counts a report and says what is to be told after it.
func (w *world) report(now time.Time, records ...governance.Record) {
	for i := range w.rules {
		rule := &w.rules[i]
		switch rule.Kind {
		case peal.RuleBudget, peal.RuleQuota, peal.RuleRateLimit:
			w.sum(now, rule, records)
		case peal.RuleCircuit:
			for i := range records {
				w.circuit(rule, &records[i])
			}
		}
	}
	for i := range records {
		w.balance -= records[i].Cost
	}
	if w.profile == "nemo" && w.balance < 10*peal.DecimalOne && !w.low {
		w.low = true
		w.tell("balance.low", "acme", object{
			"org_id": "acme", "current_balance": w.balance, "threshold": 10, "action": "Top up credits to avoid service interruption",
		})
	}
}

func (w *world) topUp(amount peal.Decimal) {
	w.balance += amount
	w.low = w.low && w.balance < 10*peal.DecimalOne
}

// sum adds up what a rule counts and looks at each sum that changed.
func (w *world) sum(now time.Time, rule *peal.Rule, records []governance.Record) {
	type place struct {
		name, at string
		minute   time.Time
	}
	var changed []place
	for i := range records {
		r := &records[i]
		name, ok := who(rule, r.Team, r.Key, r.User)
		if !ok {
			continue
		}
		p := place{name: name, at: w.period(rule, r.Time)}
		if rule.Kind == peal.RuleRateLimit {
			p.minute = r.Time.Truncate(time.Minute)
			p.at = p.minute.String()
		}
		id := fmt.Sprint(rule.ID, name, p.at)
		w.cost[id] += r.Cost
		w.count[id] += r.Requests
		w.count["tokens"+id] += r.Tokens
		if !slices.Contains(changed, p) {
			changed = append(changed, p)
		}
	}
	slices.SortStableFunc(changed, func(a, b place) int { return a.minute.Compare(b.minute) })
	for _, p := range changed {
		id := fmt.Sprint(rule.ID, p.name, p.at)
		switch rule.Kind {
		case peal.RuleBudget:
			w.budget(now, rule, p.name, id)
		case peal.RuleQuota:
			w.quota(rule, p.name, id)
		default:
			w.rate(now, rule, p.name, id, p.minute)
		}
	}
}

func (w *world) budget(now time.Time, rule *peal.Rule, name, id string) {
	spent := w.cost[id]
	levels := []int64{50, 75, 90}
	if w.profile == "nemo" {
		levels = []int64{50, 80, 100}
	}
	for _, percent := range levels {
		if int64(spent)*100 < int64(rule.Limit)*percent || !w.first(id, percent) {
			continue
		}
		w.threshold(now, rule, name, spent, percent)
	}
	if spent > rule.Limit && w.profile != "nemo" {
		w.exceeded(now, rule, name, id, spent, nil)
	}
}

func (w *world) threshold(now time.Time, rule *peal.Rule, name string, spent peal.Decimal, percent int64) {
	team, key := nodes(rule, name)
	switch {
	case w.profile == "nemo":
		w.tell("budget.threshold", name, object{
			"org_id": "acme", "team": team, "key_alias": key, "period": rule.Period, "spent": spent, "budget": rule.Limit, "threshold": percent,
		})
	case rule.Scope == peal.ScopeOrg:
		w.tell("budget.warning", name, object{
			"budget": rule.Period + "_budget", "threshold_percent": percent, rule.Period + "_spent": spent, rule.Period + "_budget": rule.Limit, "timestamp": now,
		})
	default:
		w.tell("budget_hierarchy_alert", name, object{
			"node_id": name, "node_type": string(rule.Scope), "node_name": rule.Name, "period": rule.Period, "spent": spent,
			"budget": rule.Limit, "threshold_percent": percent, "timestamp": now,
		})
	}
}

func (w *world) exceeded(now time.Time, rule *peal.Rule, name, id string, spent peal.Decimal, denied *governance.Reservation) {
	if w.profile == "nemo" {
		if w.first(id, int64(100)) {
			w.threshold(now, rule, name, spent, 100)
		}
		return
	}
	if !w.first(id, "exceeded") {
		return
	}
	team, key := nodes(rule, name)
	data := object{
		"blocked_by": rule.Period + "_budget", "team": team, "key": key, rule.Period + "_spent": spent, rule.Period + "_budget": rule.Limit, "timestamp": now,
	}
	if denied != nil {
		data["model"], data["estimated_cost"] = denied.Model, denied.Cost
	}
	w.tell("budget.exceeded", name, data)
}

func nodes(rule *peal.Rule, name string) (team, key string) {
	switch rule.Scope {
	case peal.ScopeTeam:
		return name, ""
	case peal.ScopeKey:
		return "", name
	}
	return "", ""
}

func (w *world) quota(rule *peal.Rule, name, id string) {
	used, limit := w.count[id], int64(rule.Limit/peal.DecimalOne)
	data := func() object { return object{"currentUsage": used, "limit": limit, "percentage": used * 100 / limit} }
	if used*100 >= limit*90 && w.first(id, 90) {
		w.tell("quota.warning", name, data())
	}
	if used >= limit && w.first(id, "exceeded") {
		w.tell("quota.exceeded", name, data())
	}
}

func (w *world) rate(now time.Time, rule *peal.Rule, name, id string, minute time.Time) {
	kinds := []struct {
		name        string
		used, limit int64
	}{{"rpm", w.count[id], rule.RPM}, {"tpm", w.count["tokens"+id], rule.TPM}}
	for _, k := range kinds {
		if k.limit == 0 || k.used <= k.limit {
			continue
		}
		if w.profile != "nemo" && w.first(id, k.name) {
			w.tell("guardrail.triggered", name, object{"guardrail": "rate_limit", "current_count": k.used, k.name + "_limit": k.limit, "timestamp": now})
		}
		if rule.Repeated != nil && w.first(id, "hit") {
			w.hit(rule, name, k.name, k.limit, minute, "")
		}
	}
}

// hit counts hits from the first on.
func (w *world) hit(rule *peal.Rule, name, kind string, limit int64, at time.Time, model string) {
	id := fmt.Sprint(rule.ID, name)
	if all := w.hits[id]; len(all) > 0 && at.Sub(all[0]) >= time.Duration(rule.Repeated.Within) {
		w.hits[id] = nil
	}
	w.hits[id] = append(w.hits[id], at)
	if len(w.hits[id]) == rule.Repeated.Hits {
		_, key := nodes(rule, name)
		w.tell("rate_limit.repeated", name, object{
			"org_id": "acme", "key_alias": key, "limit_type": kind, "limit": limit, "hits": rule.Repeated.Hits,
			"window_seconds": int64(time.Duration(rule.Repeated.Within) / time.Second), "model": model,
		})
	}
}

// circuit takes the records of a route one after the other.
func (w *world) circuit(rule *peal.Rule, r *governance.Record) {
	if r.Route == "" || rule.Route != "" && rule.Route != r.Route {
		return
	}
	o := w.routes[r.Route]
	if o == nil {
		o = &outage{}
		w.routes[r.Route] = o
	}
	isOpen := !o.opened.IsZero()
	switch {
	case isOpen && r.Time.Before(o.probes):
	case isOpen && r.Failed:
		o.probes = r.Time.Add(time.Duration(rule.Cooldown))
	case isOpen:
		w.tell("circuit.closed", "acme", object{"routeId": r.Route, "recoveryTime": r.Time.Sub(o.opened).Milliseconds()})
		*o = outage{}
	case r.Failed:
		o.failed = append(o.failed, slices.Repeat([]time.Time{r.Time}, int(r.Requests))...)
		for r.Time.Sub(o.failed[0]) > time.Duration(rule.Window) {
			o.failed = o.failed[1:]
		}
		if len(o.failed) >= rule.Failures {
			w.tell("circuit.open", "acme", object{"routeId": r.Route, "failureCount": len(o.failed)})
			*o = outage{opened: r.Time, probes: r.Time.Add(time.Duration(rule.Cooldown))}
		}
	}
}

// ask says what a reservation is answered, and holds what it asks for.
func (w *world) ask(now time.Time, r *governance.Reservation) (blockedBy string) {
	for i := range w.rules {
		rule := &w.rules[i]
		name, ok := who(rule, r.Team, r.Key, r.User)
		if !ok {
			continue
		}
		switch rule.Kind {
		case peal.RuleModels:
			if !slices.Contains(rule.Allow, r.Model) {
				w.blocked(now, rule, name, r)
				return "model_blocked"
			}
		case peal.RuleBudget:
			id := fmt.Sprint(rule.ID, name, w.period(rule, now))
			if used := w.cost[id] + w.held[id]; used+r.Cost > rule.Limit {
				w.exceeded(now, rule, name, id, used, r)
				return rule.Period + "_budget"
			}
		}
	}
	w.hold(now, r, 1)
	for i := range w.rules {
		if rule := &w.rules[i]; rule.Kind == peal.RuleApproval && r.Cost > rule.Threshold {
			w.tell("approval.requested", "grace", object{
				"request_id": r.ID.String(), "approval_id": r.ID.As(peal.ApprovalPrefix), "model": r.Model, "estimated_cost": r.Cost,
				"hitl_threshold": rule.Threshold, "timestamp": now,
			})
			return "approval"
		}
	}
	return ""
}

func (w *world) blocked(now time.Time, rule *peal.Rule, name string, r *governance.Reservation) {
	if !w.first(rule.ID, name, r.Model, now.Truncate(time.Minute)) {
		return
	}
	if w.profile == "nemo" {
		w.tell("guardrail.blocked", name, object{
			"org_id": "acme", "request_id": r.ID.String(), "key_alias": r.Key, "guardrail_name": "model_blocked", "model": r.Model,
		})
		return
	}
	w.tell("guardrail.triggered", name, object{
		"guardrail": "model_blocked", "reason": "the model " + r.Model + " is not among those that are allowed", "model": r.Model, "timestamp": now,
	})
}

// hold holds a reservation's cost of its budgets, or gives it back.
func (w *world) hold(at time.Time, r *governance.Reservation, sign peal.Decimal) {
	for i := range w.rules {
		rule := &w.rules[i]
		if name, ok := who(rule, r.Team, r.Key, r.User); ok && rule.Kind == peal.RuleBudget {
			w.held[fmt.Sprint(rule.ID, name, w.period(rule, at))] += sign * r.Cost
		}
	}
}

// decided ends what waited for a person.
func (w *world) decided(now time.Time, r *governance.Reservation, decision, by string) {
	w.tell("approval.decided", "grace", object{
		"request_id": r.ID.String(), "approval_id": r.ID.As(peal.ApprovalPrefix), "decision": decision, "by": by, "model": r.Model,
		"estimated_cost": r.Cost, "timestamp": now,
	})
	if decision != "approved" {
		w.hold(r.CreatedAt, r, -1)
	}
}

// settled counts what a reservation came to when it was made.
func (w *world) settled(now time.Time, r *governance.Reservation, cost peal.Decimal) {
	w.hold(r.CreatedAt, r, -1)
	for i := range w.rules {
		rule := &w.rules[i]
		if rule.Kind == peal.RuleBudget || rule.Kind == peal.RuleQuota {
			w.sum(now, rule, []governance.Record{{Team: r.Team, Key: r.Key, User: r.User, Time: r.CreatedAt, Requests: 1, Cost: cost}})
		}
	}
	w.balance -= cost
}
