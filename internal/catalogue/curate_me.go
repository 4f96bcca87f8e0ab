package catalogue

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
)

// curateMeTypes are the events of Curate-Me's document.
var curateMeTypes = []Type{
	{
		Name:        "budget.exceeded",
		Description: "A daily or monthly budget was exceeded; the request that did it was blocked.",
		Severity:    peal.High,
		Title:       "[{blocked_by:Words} exceeded|Budget exceeded]",
		Message: "A request[ to {model}][ of about {estimated_cost:usd}] was blocked[: " +
			"{daily_spent:usd} of {daily_budget:usd} spent today|: {monthly_spent:usd} of {monthly_budget:usd} spent this month].",
		properties: []property{
			req("blocked_by", "string", "daily_budget or monthly_budget.").as("Words"),
			opt("team", "string", "The team, where the budget is a team's."),
			opt("key", "string", "The key, where the budget is a key's."),
			opt("daily_spent", "number", "Spent today, in dollars.").as("usd"),
			opt("daily_budget", "number", "The daily budget, in dollars.").as("usd"),
			opt("monthly_spent", "number", "Spent this month, in dollars.").as("usd"),
			opt("monthly_budget", "number", "The monthly budget, in dollars.").as("usd"),
			opt("model", "string", "The model asked for."),
			opt("estimated_cost", "number", "What the request would have cost, in dollars.").as("usd"),
			req("timestamp", "string:date-time", "When it was blocked."),
		},
		Example: json.RawMessage(`{"blocked_by":"daily_budget","daily_spent":48.1234,"daily_budget":50.00,"model":"claude-sonnet-4-20250514","estimated_cost":3.2100,"timestamp":"2026-05-04T14:23:00Z"}`),
	},
	{
		Name:        "budget.warning",
		Description: "Spending approaches a budget: 50, 75 or 90 percent unless set.",
		Severity:    peal.Warning,
		Title:       "Budget [at {threshold_percent:percent}|limit approaching]",
		Message: "[{daily_spent:usd} of the daily budget of {daily_budget:usd} spent|" +
			"{monthly_spent:usd} of the monthly budget of {monthly_budget:usd} spent|Spending approaches the budget].",
		properties: []property{
			req("budget", "string", "daily_budget or monthly_budget.").as("Words"),
			req("threshold_percent", "number", "The threshold that was crossed, in percent.").as("percent"),
			opt("team", "string", "The team, where the budget is a team's."),
			opt("key", "string", "The key, where the budget is a key's."),
			opt("daily_spent", "number", "Spent today, in dollars.").as("usd"),
			opt("daily_budget", "number", "The daily budget, in dollars.").as("usd"),
			opt("monthly_spent", "number", "Spent this month, in dollars.").as("usd"),
			opt("monthly_budget", "number", "The monthly budget, in dollars.").as("usd"),
			req("timestamp", "string:date-time", "When it was crossed."),
		},
		Example: json.RawMessage(`{"budget":"daily_budget","threshold_percent":75,"daily_spent":38.1,"daily_budget":50,"timestamp":"2026-05-04T12:05:00Z"}`),
	},
	{
		Name:        "guardrail.triggered",
		Description: "A governance guardrail blocked a request.",
		Severity:    peal.Warning,
		Title:       "Guardrail triggered[: {guardrail:words}]",
		Message:     "[{reason}|{current_count:count} requests a minute where {rpm_limit:count} are allowed|{current_count:count} tokens a minute where {tpm_limit:count} are allowed|A request was blocked][ ({model})].",
		properties: []property{
			req("guardrail", "string", "rate_limit, pii_detected, content_safety, security_scan or model_blocked.").as("Words"),
			opt("reason", "string", "What was found."),
			opt("model", "string", "The model asked for."),
			opt("details", "object", "What else the guardrail knows."),
			opt("current_count", "integer", "Requests in the last minute, for rate_limit."),
			opt("rpm_limit", "integer", "Requests allowed a minute, for rate_limit."),
			opt("tpm_limit", "integer", "Tokens allowed a minute, for rate_limit where they are what is counted.").as("count"),
			req("timestamp", "string:date-time", "When it was blocked."),
		},
		Example: json.RawMessage(`{"guardrail":"pii_detected","reason":"Request body contains email addresses and SSNs","model":"gpt-4.1","details":{"pii_types":["email","ssn"],"field":"messages[0].content"},"timestamp":"2026-05-04T14:25:12Z"}`),
	},
	{
		Name:        "approval.requested",
		Description: "A costly request waits for a person's approval.",
		Severity:    peal.Warning,
		Title:       "Approval requested[ for {estimated_cost:usd}]",
		Message:     "[Request {request_id}|A request][ to {model}] [would cost about {estimated_cost:usd}, above the limit of {hitl_threshold:usd}, and waits|waits] for approval.",
		properties: []property{
			req("request_id", "string", "The request."),
			opt("model", "string", "The model asked for."),
			req("estimated_cost", "number", "What the request would cost, in dollars.").as("usd"),
			req("hitl_threshold", "number", "The cost from which a person is asked, in dollars.").as("usd"),
			req("approval_id", "string", "The approval to decide on."),
			req("timestamp", "string:date-time", "When it was asked for."),
		},
		Example: json.RawMessage(`{"request_id":"req_abc123def456","model":"claude-opus-4-20250514","estimated_cost":12.5000,"hitl_threshold":10.00,"approval_id":"apr_xyz789","timestamp":"2026-05-04T14:30:00Z"}`),
	},
	{
		Name:        "agent.failed",
		Description: "A managed runner or an agent of one's own failed.",
		Severity:    peal.High,
		Title:       "Agent [{runner_name} |{runner_id} ]failed",
		Message:     "[{error}|The agent failed][ (session {session_id})].",
		properties: []property{
			req("runner_id", "string", "The runner."),
			opt("runner_name", "string", "The runner's name."),
			opt("session_id", "string", "The session that it was in."),
			req("error", "string", "What went wrong, truncated."),
			req("timestamp", "string:date-time", "When it failed."),
		},
		Example: json.RawMessage(`{"runner_id":"byovm_c8a4acd75ea7","runner_name":"frank","session_id":"sess_abc123","error":"Container OOMKilled after exceeding 2GB memory limit","timestamp":"2026-05-04T15:00:00Z"}`),
	},
	costAnomaly("hourly_spike", "The cost of the current hour exceeds three times the hourly average of the last 7 days.",
		`{"anomaly_id":"anom_abc123","anomaly_type":"hourly_spike","severity":"high","current_value":45.20,"threshold_value":15.00,"multiplier":3.01,"message":"Current hour cost ($45.20) exceeds 3x the 7-day hourly average ($15.00)","details":{},"detected_at":"2026-05-04T15:05:00Z"}`),
	costAnomaly("runaway_agent", "One agent used more than half of the daily budget within an hour.",
		`{"anomaly_id":"anom_def456","anomaly_type":"runaway_agent","severity":"critical","current_value":31.5,"threshold_value":25,"multiplier":1.26,"message":"Agent frank used 63% of the daily budget in one hour","details":{"runner_id":"byovm_c8a4acd75ea7"},"detected_at":"2026-05-04T15:05:00Z"}`),
	costAnomaly("model_drift", "Requests suddenly cost more than five times as much, for dearer models.",
		`{"anomaly_id":"anom_ghi789","anomaly_type":"model_drift","severity":"high","current_value":0.42,"threshold_value":0.05,"multiplier":8.4,"message":"A request costs $0.42 on average, 8.4x the $0.05 of before","details":{"model":"claude-opus-4-20250514"},"detected_at":"2026-05-04T15:05:00Z"}`),
	costAnomaly("volume_surge", "There are more than five times as many requests as usual at this time of day.",
		`{"anomaly_id":"anom_jkl012","anomaly_type":"volume_surge","severity":"warning","current_value":5400,"threshold_value":1000,"multiplier":5.4,"message":"5,400 requests this hour, 5.4x the usual 1,000","details":{},"detected_at":"2026-05-04T15:05:00Z"}`),
	{
		Name:        "budget_hierarchy_alert",
		Description: "A node of a budget hierarchy (org, team or key) crossed a threshold.",
		Severity:    peal.Warning,
		escalate:    fullBudget("threshold_percent"),
		Title:       "Budget[ of {node_type} {node_name}| of {node_type} {node_id}] [at {threshold_percent:percent}|crossed a threshold]",
		Message:     "[{spent:usd} of {budget:usd} spent|Spending crossed a threshold][ ({period})].",
		properties: []property{
			req("node_id", "string", "The budget node."),
			req("node_type", "string", "org, team or key."),
			opt("node_name", "string", "The node's name."),
			opt("period", "string", "daily or monthly."),
			req("spent", "number", "Spent in the period, in dollars.").as("usd"),
			req("budget", "number", "The node's budget, in dollars.").as("usd"),
			req("threshold_percent", "number", "The threshold that was crossed, in percent.").as("percent"),
			req("timestamp", "string:date-time", "When it was crossed."),
		},
		Example: json.RawMessage(`{"node_id":"team_research","node_type":"team","node_name":"research","period":"monthly","spent":812.4,"budget":1000,"threshold_percent":80,"timestamp":"2026-05-04T15:05:00Z"}`),
	},
}

// costAnomaly describes one rule of the cost anomaly detector.
func costAnomaly(rule, description, example string) Type {
	measured := "usd"
	if rule == "volume_surge" {
		measured = "count"
	}
	return Type{
		Name:        "cost_anomaly." + rule,
		Description: description,
		Severity:    peal.High,
		needs:       []string{"severity"},
		escalate: func(f fields) peal.Severity {
			s, err := peal.ParseSeverity(f.get("severity"))
			if err != nil {
				return ""
			}
			return s
		},
		Title:   "Cost anomaly: " + strings.ReplaceAll(rule, "_", " ") + "[ ({multiplier:times})]",
		Message: "[{message}|" + description[:len(description)-1] + "].",
		properties: []property{
			req("anomaly_id", "string", "The anomaly."),
			req("anomaly_type", "string", "The rule: "+rule+"."),
			req("severity", "string", "How bad it is: info, warning, high or critical."),
			req("current_value", "number", "What was measured, in dollars or requests.").as(measured),
			req("threshold_value", "number", "What it is compared with.").as(measured),
			req("multiplier", "number", "How many times as much it is.").as("times"),
			req("message", "string", "The finding in one sentence."),
			req("details", "object", "What else the detector knows.").of(
				opt("hour", "string:date-time", "The beginning of the hour."),
				opt("agent", "string", "The agent, of runaway_agent."),
				opt("daily_budget", "number", "The daily budget, of runaway_agent, in dollars.").as("usd"),
				opt("model", "string", "The model that cost most, of model_drift."),
				opt("model_cost", "number", "What it cost, in dollars.").as("usd"),
			),
			req("detected_at", "string:date-time", "When it was found."),
		},
		Example: json.RawMessage(example),
	}
}

// fullBudget makes an event critical where a threshold in percent is 100 or more.
func fullBudget(key string) func(fields) peal.Severity {
	return func(f fields) peal.Severity {
		if p, err := strconv.ParseFloat(f.get(key), 64); err == nil && p >= 100 {
			return peal.Critical
		}
		return ""
	}
}
