package peal

import (
	"slices"
	"time"
)

// RuleKind says what a rule is about.
type RuleKind string

// The kinds of rules.
const (
	RuleBudget    RuleKind = "budget"
	RuleBalance   RuleKind = "balance"
	RuleQuota     RuleKind = "quota"
	RuleRateLimit RuleKind = "rate_limit"
	RuleModels    RuleKind = "models"
	RuleApproval  RuleKind = "approval"
	RuleCircuit   RuleKind = "circuit"
	RuleAnomaly   RuleKind = "anomaly"
	RuleCostLeak  RuleKind = "cost_leak"
)

// Scope is what a rule counts together.
type Scope string

// The scopes.
const (
	ScopeOrg  Scope = "org"
	ScopeTeam Scope = "team"
	ScopeKey  Scope = "key"
	ScopeUser Scope = "user"
)

// The periods of budgets and quotas, as rules spell them.
const (
	Daily   = "daily"
	Monthly = "monthly"
	Month   = "month"
)

// Rule limits what an org may use, or says when it is told.
type Rule struct {
	ID       RuleID   `json:"id"`
	Org      string   `json:"org"`
	Kind     RuleKind `json:"kind"`
	Name     string   `json:"name,omitempty"`
	Disabled bool     `json:"disabled,omitempty"`
	// Scope and Ref are who it is for. Without a Ref it is for each of the scope alone.
	Scope Scope  `json:"scope,omitempty"`
	Ref   string `json:"ref,omitempty"`
	// Period is that of a budget or quota, Limit what may be used in it.
	Period string  `json:"period,omitempty"`
	Limit  Decimal `json:"limit,omitempty"`
	// Thresholds are the percentages of the limit that are told; nil is the profile's.
	Thresholds []int `json:"thresholds,omitempty"`
	// Hierarchy makes a budget a node of a hierarchy; nil is so for teams and keys.
	Hierarchy *bool `json:"hierarchy,omitempty"`
	// Threshold is the balance below which, or the cost above which.
	Threshold Decimal `json:"threshold,omitempty"`
	// RPM and TPM are requests and tokens a minute, zero for no limit.
	RPM      int64     `json:"rpm,omitempty"`
	TPM      int64     `json:"tpm,omitempty"`
	Repeated *Repeated `json:"repeated,omitempty"`
	// Allow are models, with * for any text.
	Allow []string `json:"allow,omitempty"`
	// Expires is how long an approval is waited for.
	Expires Duration `json:"expires,omitempty"`
	// Route is the circuit's, empty for each alone. It opens at so many failures within
	// the window, and is tried again after the cooldown.
	Route    string   `json:"route,omitempty"`
	Failures int      `json:"failures,omitempty"`
	Window   Duration `json:"window,omitempty"`
	Cooldown Duration `json:"cooldown,omitempty"`
	Detection

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Repeated is how often within which time a limit is hit until that is told.
type Repeated struct {
	Hits   int      `json:"hits"`
	Within Duration `json:"within"`
}

// The bounds of a rule.
const (
	MaxThresholds = 20
	MaxThreshold  = 1000
	MaxAllow      = 1000
	MaxPeriod     = 7 * 24 * time.Hour // of windows, cooldowns, approvals
	MaxName       = 256
	maxPerMinute  = 1_000_000_000_000
	maxHits       = 1000
)

// Complete sets what a new rule leaves out: whom it is for, and a quota's period.
func (r *Rule) Complete() {
	if r.Scope == "" && r.Ref == "" {
		switch r.Kind {
		case RuleQuota:
			r.Scope = ScopeUser
		case RuleBudget, RuleRateLimit, RuleModels, RuleApproval:
			r.Scope = ScopeOrg
		}
	}
	if r.Kind == RuleQuota && r.Period == "" {
		r.Period = Month
	}
}

// Check reports what in a rule may not stand. Fields that its kind does not have are
// refused, so that none is ignored in silence.
func (r *Rule) Check() error {
	if err := checkText("name", r.Name); err != nil {
		return err
	}
	if err := checkText("ref", r.Ref); err != nil {
		return err
	}
	if err := checkText("route", r.Route); err != nil {
		return err
	}
	kind, ok := ruleKinds[r.Kind]
	if !ok {
		return Invalid("kind", "kind is budget, balance, quota, rate_limit, models, approval, circuit, anomaly or cost_leak")
	}
	for _, f := range r.fields() {
		if f.set && !slices.Contains(kind.fields, f.name) {
			return Invalid(f.name, "a rule of kind %s has no %s", r.Kind, f.name)
		}
	}
	if len(kind.scopes) > 0 && !slices.Contains(kind.scopes, r.Scope) {
		return Invalid("scope", "scope is one of %s", joined(kind.scopes))
	}
	if r.Ref != "" && r.Scope == ScopeOrg {
		return Invalid("ref", "the org is the request's; ref names a team, key or user")
	}
	if err := r.checkThresholds(); err != nil {
		return err
	}
	return kind.check(r)
}

type ruleField struct {
	name string
	set  bool
}

func (r *Rule) fields() []ruleField {
	return append(r.detectionFields(), []ruleField{
		{"scope", r.Scope != ""},
		{"ref", r.Ref != ""},
		{"period", r.Period != ""},
		{"limit", r.Limit != 0},
		{"thresholds", r.Thresholds != nil},
		{"hierarchy", r.Hierarchy != nil},
		{"threshold", r.Threshold != 0},
		{"rpm", r.RPM != 0},
		{"tpm", r.TPM != 0},
		{"repeated", r.Repeated != nil},
		{"allow", r.Allow != nil},
		{"expires", r.Expires != 0},
		{"route", r.Route != ""},
		{"failures", r.Failures != 0},
		{"window", r.Window != 0},
		{"cooldown", r.Cooldown != 0},
	}...)
}

var ruleKinds = map[RuleKind]struct {
	scopes []Scope
	fields []string
	check  func(*Rule) error
}{
	RuleBudget: {
		[]Scope{ScopeOrg, ScopeTeam, ScopeKey},
		[]string{"scope", "ref", "period", "limit", "thresholds", "hierarchy"},
		(*Rule).checkBudget,
	},
	RuleBalance: {nil, []string{"threshold"}, func(r *Rule) error { return positive("threshold", r.Threshold) }},
	RuleQuota: {
		[]Scope{ScopeUser, ScopeKey, ScopeOrg},
		[]string{"scope", "ref", "period", "limit", "thresholds"},
		(*Rule).checkQuota,
	},
	RuleRateLimit: {
		[]Scope{ScopeOrg, ScopeTeam, ScopeKey, ScopeUser},
		[]string{"scope", "ref", "rpm", "tpm", "repeated"},
		(*Rule).checkRateLimit,
	},
	RuleModels: {
		[]Scope{ScopeOrg, ScopeTeam, ScopeKey, ScopeUser},
		[]string{"scope", "ref", "allow"},
		(*Rule).checkModels,
	},
	RuleApproval: {
		[]Scope{ScopeOrg, ScopeTeam, ScopeKey, ScopeUser},
		[]string{"scope", "ref", "threshold", "expires"},
		(*Rule).checkApproval,
	},
	RuleCircuit: {nil, []string{"route", "failures", "window", "cooldown"}, (*Rule).checkCircuit},
	RuleAnomaly: {nil, []string{
		"hourly_spike", "runaway_agent", "model_drift", "volume_surge", "daily_budget", "min_history", "min_cost", "min_requests",
	}, (*Rule).checkDetection},
	RuleCostLeak: {nil, []string{"paid_failures", "idle_key", "retry_storm", "min_cost", "min_requests"}, (*Rule).checkDetection},
}

func (r *Rule) checkThresholds() error {
	if r.Thresholds == nil {
		return nil
	}
	if len(r.Thresholds) == 0 || len(r.Thresholds) > MaxThresholds {
		return Invalid("thresholds", "thresholds are 1 to %d percentages", MaxThresholds)
	}
	for i, t := range r.Thresholds {
		if t < 1 || t > MaxThreshold || i > 0 && t <= r.Thresholds[i-1] {
			return Invalid("thresholds", "thresholds are whole percentages from 1 to %d, each larger than the one before", MaxThreshold)
		}
	}
	return nil
}

func (r *Rule) checkBudget() error {
	if r.Period != Daily && r.Period != Monthly {
		return Invalid("period", "period is daily or monthly")
	}
	return positive("limit", r.Limit)
}

func (r *Rule) checkQuota() error {
	if r.Period != Month {
		return Invalid("period", "period is month")
	}
	if !r.Limit.Whole() {
		return Invalid("limit", "limit is a whole number of requests")
	}
	return positive("limit", r.Limit)
}

func (r *Rule) checkRateLimit() error {
	switch {
	case r.RPM == 0 && r.TPM == 0:
		return Invalid("rpm", "a rate limit has rpm or tpm, or both")
	case r.RPM < 0 || r.RPM > maxPerMinute:
		return Invalid("rpm", "rpm is a positive number of requests a minute")
	case r.TPM < 0 || r.TPM > maxPerMinute:
		return Invalid("tpm", "tpm is a positive number of tokens a minute")
	case r.Repeated != nil && (r.Repeated.Hits < 1 || r.Repeated.Hits > maxHits):
		return Invalid("repeated.hits", "repeated.hits is 1 to %d", maxHits)
	case r.Repeated != nil:
		return within("repeated.within", r.Repeated.Within)
	}
	return nil
}

func (r *Rule) checkModels() error {
	if len(r.Allow) == 0 || len(r.Allow) > MaxAllow {
		return Invalid("allow", "allow is 1 to %d models, with * for any text", MaxAllow)
	}
	for _, m := range r.Allow {
		if m == "" {
			return Invalid("allow", "a model has a name")
		}
		if err := checkText("allow", m); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) checkApproval() error {
	if r.Threshold < 0 {
		return Invalid("threshold", "threshold is not negative")
	}
	if r.Expires == 0 {
		return nil
	}
	return within("expires", r.Expires)
}

func (r *Rule) checkCircuit() error {
	if r.Failures < 1 || r.Failures > maxHits {
		return Invalid("failures", "failures is 1 to %d", maxHits)
	}
	if err := within("window", r.Window); err != nil {
		return err
	}
	return within("cooldown", r.Cooldown)
}

func positive(field string, d Decimal) error {
	if d <= 0 {
		return Invalid(field, "%s is larger than zero", field)
	}
	return nil
}

func within(field string, d Duration) error {
	if time.Duration(d) < time.Second || time.Duration(d) > MaxPeriod {
		return Invalid(field, "%s is a duration from 1s to %s, such as \"5m\"", field, MaxPeriod)
	}
	return nil
}

func checkText(field, s string) error {
	if len(s) > MaxName || !Printable(s) {
		return Invalid(field, "%s is at most %d bytes without control characters", field, MaxName)
	}
	return nil
}

func joined[T ~string](values []T) string {
	s := ""
	for i, v := range values {
		if i > 0 {
			s += ", "
		}
		s += string(v)
	}
	return s
}
