package peal

import "time"

// Detection are the thresholds of rules that look at hours of usage. What is nil or zero
// is the default; a threshold that is set to zero is not looked for.
type Detection struct {
	// HourlySpike, ModelDrift and VolumeSurge are how many times as much as usual is too
	// much, RunawayAgent which percentage of the daily budget.
	HourlySpike  *Decimal `json:"hourly_spike,omitempty"`
	RunawayAgent *Decimal `json:"runaway_agent,omitempty"`
	ModelDrift   *Decimal `json:"model_drift,omitempty"`
	VolumeSurge  *Decimal `json:"volume_surge,omitempty"`
	// DailyBudget is what RunawayAgent is of; zero is the org's daily budget.
	DailyBudget Decimal `json:"daily_budget,omitempty"`
	// MinHistory is how many hours with usage make a usual one.
	MinHistory int64 `json:"min_history,omitempty"`
	// PaidFailures is which percentage of a key's requests fails, RetryStorm how many
	// times as many requests of a kind as the key usually makes, IdleKey after how long
	// a key that is used again is told.
	PaidFailures *Decimal `json:"paid_failures,omitempty"`
	RetryStorm   *Decimal `json:"retry_storm,omitempty"`
	IdleKey      Duration `json:"idle_key,omitempty"`
	// MinCost and MinRequests are what an hour has at least.
	MinCost     Decimal `json:"min_cost,omitempty"`
	MinRequests int64   `json:"min_requests,omitempty"`
}

// The bounds of a detection.
const (
	maxFactor     = 1_000_000 * DecimalOne
	maxMinHistory = 7 * 24
	maxIdle       = 90 * 24 * time.Hour
)

func (r *Rule) detectionFields() []ruleField {
	return []ruleField{
		{"hourly_spike", r.HourlySpike != nil},
		{"runaway_agent", r.RunawayAgent != nil},
		{"model_drift", r.ModelDrift != nil},
		{"volume_surge", r.VolumeSurge != nil},
		{"daily_budget", r.DailyBudget != 0},
		{"min_history", r.MinHistory != 0},
		{"paid_failures", r.PaidFailures != nil},
		{"retry_storm", r.RetryStorm != nil},
		{"idle_key", r.IdleKey != 0},
		{"min_cost", r.MinCost != 0},
		{"min_requests", r.MinRequests != 0},
	}
}

func (r *Rule) checkDetection() error {
	for _, f := range []struct {
		name  string
		value *Decimal
	}{
		{"hourly_spike", r.HourlySpike},
		{"runaway_agent", r.RunawayAgent},
		{"model_drift", r.ModelDrift},
		{"volume_surge", r.VolumeSurge},
		{"paid_failures", r.PaidFailures},
		{"retry_storm", r.RetryStorm},
	} {
		if f.value != nil && (*f.value < 0 || *f.value > maxFactor) {
			return Invalid(f.name, "%s is a number from 0, which turns it off, to 1000000", f.name)
		}
	}
	switch idle := time.Duration(r.IdleKey); {
	case r.DailyBudget < 0:
		return positive("daily_budget", r.DailyBudget)
	case r.MinCost < 0:
		return positive("min_cost", r.MinCost)
	case r.MinRequests < 0 || r.MinRequests > maxPerMinute:
		return Invalid("min_requests", "min_requests is a positive number of requests an hour")
	case r.MinHistory < 0 || r.MinHistory > maxMinHistory:
		return Invalid("min_history", "min_history is 1 to %d hours with usage", maxMinHistory)
	case idle != 0 && (idle < time.Hour || idle > maxIdle):
		return Invalid("idle_key", "idle_key is a duration from 1h to %s, such as \"168h\"", Duration(maxIdle))
	}
	return nil
}
