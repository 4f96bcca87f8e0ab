package catalogue

import (
	"encoding/json"

	"github.com/peal-dev/peal/internal/peal"
)

// nemoTypes are the triggers of Nemo Router's document, which gives them severities
// and leaves them unnamed. Its only printed payload is balance.low's.
var nemoTypes = []Type{
	{
		Name:        "balance.low",
		Description: "The org's balance dropped below its threshold ($10 unless set).",
		Severity:    peal.High,
		Title:       "Budget depletion warning — balance below threshold",
		Message:     "[Org {event.org}|The org] is below [{threshold:usd}|its threshold] in credits.",
		properties: []property{
			req("org_id", "string", "The org."),
			req("current_balance", "number", "Credits left, in dollars.").as("usd"),
			req("threshold", "number", "The balance below which this fires, in dollars.").as("usd"),
			opt("action", "string", "What to do about it."),
		},
		Example: json.RawMessage(`{"org_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","current_balance":4.27,"threshold":10,"action":"Top up credits to avoid service interruption"}`),
	},
	{
		Name:        "budget.threshold",
		Description: "A budget reached a threshold: 50, 80 or 100 percent unless set.",
		Severity:    peal.Warning,
		escalate:    fullBudget("threshold"),
		Title:       "Budget [at {threshold:percent}|threshold reached]",
		Message:     "[Key {key_alias} has|Team {team} has|The org has] spent [{spent:usd} of its {budget:usd}|{threshold:percent} of its|much of its][ {period}] budget.",
		properties: []property{
			req("org_id", "string", "The org."),
			opt("team", "string", "The team, where the budget is a team's."),
			opt("key_alias", "string", "The API key, where the budget is a key's."),
			opt("period", "string", "daily or monthly."),
			req("spent", "number", "Spent in the period, in dollars.").as("usd"),
			req("budget", "number", "The budget, in dollars.").as("usd"),
			req("threshold", "number", "The threshold that was reached, in percent.").as("percent"),
		},
		Example: json.RawMessage(`{"org_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","key_alias":"prod-chat","period":"monthly","spent":80.42,"budget":100,"threshold":80}`),
	},
	{
		Name:        "rate_limit.repeated",
		Description: "A limit on requests or tokens a minute was hit repeatedly.",
		Severity:    peal.Warning,
		Title:       "Rate limit hit repeatedly",
		Message:     "[Key {key_alias}|A key] hit its [limit of {limit:count} {limit_type}|rate limit][ {hits:count} times][ within {window_seconds:seconds}][ ({model})].",
		properties: []property{
			req("org_id", "string", "The org."),
			opt("key_alias", "string", "The API key."),
			req("limit_type", "string", "rpm (requests a minute) or tpm (tokens a minute)."),
			req("limit", "number", "The limit."),
			req("hits", "integer", "How often it was hit in the window."),
			opt("window_seconds", "number", "The length of the window, in seconds.").as("seconds"),
			opt("model", "string", "The model asked for."),
		},
		Example: json.RawMessage(`{"org_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","key_alias":"prod-chat","limit_type":"rpm","limit":60,"hits":5,"window_seconds":300,"model":"gpt-4.1"}`),
	},
	{
		Name:        "guardrail.blocked",
		Description: "A guardrail blocked a request.",
		Severity:    peal.Info,
		Title:       "Request blocked by [guardrail {guardrail_name}|a guardrail]",
		Message:     "[Guardrail {guardrail_name}|A guardrail] blocked [request {request_id}|a request][ of key {key_alias}][ to {model}].",
		properties: []property{
			req("org_id", "string", "The org."),
			req("request_id", "string", "The request."),
			opt("key_alias", "string", "The API key."),
			req("guardrail_name", "string", "The guardrail."),
			opt("model", "string", "The model asked for."),
		},
		Example: json.RawMessage(`{"org_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","request_id":"req_9f2c41","key_alias":"prod-chat","guardrail_name":"pii-filter","model":"gpt-4.1"}`),
	},
	{
		Name:        "cost_leak.detected",
		Description: "The background scanner found spending that nobody seems to want.",
		Severity:    peal.Critical,
		Title:       "Cost leak detected",
		Message:     "[Key {key_alias}|A key] spent [{amount:usd}|an unusual amount][ in {window_seconds:seconds}][ on {model}][: {reason}].",
		properties: []property{
			req("org_id", "string", "The org."),
			opt("key_alias", "string", "The API key."),
			req("amount", "number", "Spent in the window, in dollars.").as("usd"),
			opt("window_seconds", "number", "The length of the window, in seconds.").as("seconds"),
			opt("model", "string", "The model."),
			opt("reason", "string", "What the scanner saw."),
		},
		Example: json.RawMessage(`{"org_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","key_alias":"batch-import","amount":412.5,"window_seconds":3600,"model":"gpt-4.1","reason":"the same prompt was sent 9,100 times"}`),
	},
	adminKey("admin.key.created", "created", "An API key was created."),
	adminKey("admin.key.rotated", "rotated", "An API key was rotated."),
	adminKey("admin.key.deleted", "deleted", "An API key was deleted."),
	{
		Name:        "admin.member.added",
		Description: "A member was added to the org.",
		Severity:    peal.Info,
		Title:       "Member added[: {member}]",
		Message:     "[{actor} added|Somebody added] [{member}|a member][ as {role}].",
		properties: []property{
			req("org_id", "string", "The org."),
			opt("actor", "string", "Who did it."),
			req("member", "string", "Who was added."),
			opt("role", "string", "The member's role."),
		},
		Example: json.RawMessage(`{"org_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","actor":"ada@acme.example","member":"grace@acme.example","role":"viewer"}`),
	},
}

// adminKey describes what an admin did to an API key.
func adminKey(name, verb, description string) Type {
	return Type{
		Name:        name,
		Description: description,
		Severity:    peal.Info,
		Title:       "API key " + verb + "[: {key_alias}]",
		Message:     "[{actor}|Somebody] " + verb + " [API key {key_alias}|an API key].",
		properties: []property{
			req("org_id", "string", "The org."),
			opt("actor", "string", "Who did it."),
			opt("key_id", "string", "The key's id, never the key."),
			req("key_alias", "string", "The key's name."),
		},
		Example: json.RawMessage(`{"org_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","actor":"ada@acme.example","key_id":"key_01h455vb4pex5vsknk084sn02q","key_alias":"prod-chat"}`),
	}
}
