package blackbox

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A gateway's last days, with an incident of each kind: each is told once, with the data
// that the documents show, and a simulation says the same.
func TestAnomaliesAndLeaks(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t, "profile", "curate-me")
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "standard", "events", []string{"cost_anomaly.*", "cost_leak.*"})
	anomaly := text(c.Call(t, 201, "POST", "/v1/rules", object{"kind": "anomaly", "daily_budget": "5"}), "id")
	leak := text(c.Call(t, 201, "POST", "/v1/rules", object{"kind": "cost_leak", "idle_key": "24h"}), "id")

	const hours = 84 // for a surge, at least three days before it
	last := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
	start := last.Add(-hours * time.Hour)
	planted := map[int][]object{
		-70: {steady, {"key": "asleep"}},
		-12: {{"key": "steady", "model": "gpt-4.1", "requests": 100, "cost": "4.00"}},
		-9:  {{"key": "steady", "model": "o3", "requests": 50, "cost": "2.90"}},
		-6:  {{"key": "steady", "model": "gpt-4.1", "requests": 600, "cost": "1.00"}},
		-4:  {{"key": "failing", "model": "gpt-4.1", "requests": 30, "cost": "1.50", "status": 500}},
		-3:  {{"key": "steady", "agent": "frank", "requests": 40, "cost": "2.60"}},
		-1:  {{"key": "asleep", "model": "gpt-4.1", "requests": 5, "cost": "1.20"}},
	}
	var usage []object
	for h := -hours; h <= 0; h++ {
		records, ok := planted[h]
		if !ok {
			records = []object{steady}
		}
		for _, record := range records {
			at := object{"time": last.Add(time.Duration(h) * time.Hour).Add(20 * time.Minute).Format(time.RFC3339)}
			for name, value := range record {
				at[name] = value
			}
			usage = append(usage, at)
		}
	}
	slices.Reverse(usage) // the order in which it comes does not matter
	c.Call(t, 202, "POST", "/v1/usage", usage)

	all := told(t, r, 6)
	spike := only(t, all, "cost_anomaly.hourly_spike").Data
	has(t, spike, "anomaly_type", `"hourly_spike"`, "severity", `"high"`, "current_value", 4, "threshold_value", 1, "multiplier", 4,
		"message", `"Current hour cost ($4.00) exceeds 3x the 7-day hourly average ($1.00)"`)
	if !strings.HasPrefix(text(spike, "anomaly_id"), "anom_") || spike["details"] == nil {
		t.Errorf("a spike is %v", spike)
	}
	if at, err := time.Parse(time.RFC3339, text(spike, "detected_at")); err != nil || at.Before(start) {
		t.Errorf("detected at %v, %v", spike["detected_at"], err)
	}
	has(t, only(t, all, "cost_anomaly.model_drift").Data, "anomaly_type", `"model_drift"`, "severity", `"high"`, "current_value", 0.058)
	has(t, only(t, all, "cost_anomaly.volume_surge").Data, "anomaly_type", `"volume_surge"`, "severity", `"warning"`, "current_value", 600,
		"threshold_value", 100, "multiplier", 6)
	has(t, only(t, all, "cost_anomaly.runaway_agent").Data, "anomaly_type", `"runaway_agent"`, "severity", `"critical"`, "current_value", 2.6,
		"threshold_value", 2.5)
	leaks := all["cost_leak.detected"]
	slices.SortFunc(leaks, func(a, b wire) int { return strings.Compare(text(b.Data, "key_alias"), text(a.Data, "key_alias")) })
	if len(leaks) != 2 {
		t.Fatalf("leaks: %v", leaks)
	}
	has(t, leaks[0].Data, "key_alias", `"failing"`, "amount", 1.5, "window_seconds", 3600, "reason", `"30 of 30 requests failed and cost $1.50"`)
	has(t, leaks[1].Data, "key_alias", `"asleep"`, "amount", 1.2, "reason", `"the key is used again after 2 days and 20 hours"`)

	for rule, want := range map[string][]string{
		anomaly: {"cost_anomaly.hourly_spike", "cost_anomaly.model_drift", "cost_anomaly.volume_surge", "cost_anomaly.runaway_agent"},
		leak:    {"cost_leak.detected", "cost_leak.detected"},
	} {
		var types []string
		for _, f := range c.Call(t, 200, "POST", "/v1/rules/"+rule+"/simulate", object{"since": start.Format(time.RFC3339)})["data"].([]any) {
			types = append(types, text(f.(object), "type"))
		}
		if !slices.Equal(types, want) {
			t.Errorf("simulated: %v, want %v", types, want)
		}
	}
}

// steady is an hour of what is usual.
var steady = object{"key": "steady", "model": "gpt-4.1", "requests": 100, "cost": "1.00"}

// Rules of every kind can be simulated but a circuit, which says why.
func TestSimulations(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	rule := func(fields ...any) string {
		o := object{}
		for i := 0; i < len(fields); i += 2 {
			o[fields[i].(string)] = fields[i+1]
		}
		return "/v1/rules/" + text(c.Call(t, 201, "POST", "/v1/rules", o), "id") + "/simulate"
	}
	limit := rule("kind", "rate_limit", "scope", "user", "rpm", 1000) // from when on minutes are counted
	c.Call(t, 201, "POST", "/v1/credits", object{"amount": "30"})
	c.Call(t, 202, "POST", "/v1/usage", []object{{"key": "a", "user": "42", "requests": 12, "cost": "25"}})
	for range 2 {
		c.Call(t, 200, "POST", "/v1/reservations", object{"key": "a", "model": "o3", "estimated_cost": "2"})
	}
	minutesAgo := object{"since": time.Now().Add(-10 * time.Minute).UTC().Format(time.RFC3339)}
	for _, tt := range []struct {
		path, told string
		change     object
		value      string
	}{
		{rule("kind", "budget", "scope", "key", "period", "daily", "limit", "1000"), "budget_hierarchy_alert", object{"limit": "40", "thresholds": []int{50}}, "25"},
		{rule("kind", "quota", "limit", 1000), "quota.warning", object{"limit": 13}, "12"},
		{limit, "guardrail.triggered", object{"rpm": 10}, "12"},
		{rule("kind", "models", "allow", []string{"*"}), "guardrail.triggered", object{"allow": []string{"gpt-*"}}, ""},
		{rule("kind", "approval", "threshold", "100"), "approval.requested", object{"threshold": "1"}, "2"},
		{rule("kind", "balance", "threshold", "1"), "balance.low", object{"threshold": "10"}, "5"},
	} {
		if all := c.Call(t, 200, "POST", tt.path, minutesAgo)["data"].([]any); len(all) != 0 {
			t.Errorf("%s told %v", tt.told, all)
		}
		tt.change["since"] = minutesAgo["since"]
		if strings.Contains(tt.told, "budget") || strings.Contains(tt.told, "quota") || strings.Contains(tt.told, "balance") {
			delete(tt.change, "since") // the hour may have begun before
		}
		all := c.Call(t, 200, "POST", tt.path, tt.change)["data"].([]any)
		if len(all) == 0 {
			t.Errorf("%s is not told", tt.told)
			continue
		}
		if got := all[0].(object); text(got, "type") != tt.told || tt.value != "" && got["value"] == nil {
			t.Errorf("told %v, want %s", got, tt.told)
		} else if tt.value != "" {
			has(t, got, "value", tt.value)
		}
	}
	refused := c.Call(t, 422, "POST", rule("kind", "circuit", "failures", 5, "window", "1m", "cooldown", "30s"), object{})
	has(t, refused, "code", `"unprocessable"`)
}

// Sums are never of two currencies: no record has one of its own, and the org's stays once
// something was counted.
func TestOneCurrency(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	has(t, c.Call(t, 200, "PATCH", "/v1/governance", object{"currency": "EUR"}), "currency", `"EUR"`)
	if a := c.Try(t, "POST", "/v1/usage", []object{{"cost": 1}, {"cost": 1, "currency": "USD"}}); a.Status != 400 || text(a.Object(t), "field") != "[1].currency" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := c.Try(t, "POST", "/v1/reservations", object{"model": "m", "estimated_cost": 1, "currency": "USD"}); a.Status != 400 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	c.Call(t, 202, "POST", "/v1/usage", []object{{"cost": 1}})
	has(t, c.Call(t, 409, "PATCH", "/v1/governance", object{"currency": "USD", "billing_day": 3}), "code", `"conflict"`)
	has(t, c.Call(t, 200, "PATCH", "/v1/governance", object{"currency": "EUR", "billing_day": 2}), "billing_day", 2)
	other := sharedOrg(t)
	other.Call(t, 201, "POST", "/v1/credits", object{"amount": "10"})
	other.Call(t, 409, "PATCH", "/v1/governance", object{"currency": "CHF"})
}
