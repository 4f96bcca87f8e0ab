package catalogue

import (
	"encoding/json"

	"github.com/peal-dev/peal/internal/peal"
)

// nolxyTypes are the events of Nolxy's document, which prints quota.warning. The
// user is the event's subject.
var nolxyTypes = []Type{
	{
		Name:        "quota.warning",
		Description: "A user reached 90 percent of the monthly request quota.",
		Severity:    peal.Warning,
		Title:       "Quota [at {percentage:percent}|almost used up]",
		Message:     "[User {event.subject}|A user] has used [{currentUsage:count} of {limit:count} requests|most of the quota] this month.",
		properties:  quotaProperties,
		Example:     json.RawMessage(`{"currentUsage":90000,"limit":100000,"percentage":90}`),
	},
	{
		Name:        "quota.exceeded",
		Description: "The monthly request quota is used up; requests are rejected until the next billing cycle.",
		Severity:    peal.High,
		Title:       "Quota exceeded",
		Message:     "[User {event.subject}|A user] has used up the quota[ of {limit:count} requests]; requests are rejected until the next billing cycle.",
		properties:  quotaProperties,
		Example:     json.RawMessage(`{"currentUsage":100000,"limit":100000,"percentage":100}`),
	},
	{
		Name:        "circuit.open",
		Description: "A circuit breaker opened because its backend fails.",
		Severity:    peal.High,
		Title:       "Circuit open[: {routeId}]",
		Message:     "[Route {routeId}|A route] is cut off[ after {failureCount:count} failures].",
		properties: []property{
			req("routeId", "id", "The route."),
			req("failureCount", "integer", "The failures that opened it."),
		},
		Example: json.RawMessage(`{"routeId":"chat-completions","failureCount":5}`),
	},
	{
		Name:        "circuit.closed",
		Description: "A circuit breaker recovered and closed.",
		Severity:    peal.Info,
		Title:       "Circuit closed[: {routeId}]",
		Message:     "[Route {routeId}|A route] is back[ after {recoveryTime:ms}].",
		properties: []property{
			req("routeId", "id", "The route."),
			req("recoveryTime", "number", "How long it was open, in milliseconds.").as("ms"),
		},
		Example: json.RawMessage(`{"routeId":"chat-completions","recoveryTime":45000}`),
	},
	{
		Name:        "api_key.created",
		Description: "An API key was created; the key itself is never in the event.",
		Severity:    peal.Info,
		Title:       "API key created[: {name}]",
		Message:     "[API key {name}|An API key] was created[ for user {event.subject}].",
		properties: []property{
			req("keyId", "id", "The key's id."),
			req("name", "string", "The key's name."),
			opt("createdAt", "string:date-time", "When it was created."),
		},
		Example: json.RawMessage(`{"keyId":"key_01h455vb4pex5vsknk084sn02q","name":"prod","createdAt":"2025-01-15T10:30:00.000Z"}`),
	},
	{
		Name:        "api_key.revoked",
		Description: "An API key was revoked, for abuse, by hand, or because it was rotated.",
		Severity:    peal.Warning,
		Title:       "API key revoked[: {name}]",
		Message:     "[API key {name}|An API key][ of user {event.subject}] was revoked[ ({reason:words})].",
		properties: []property{
			req("keyId", "id", "The key's id."),
			req("name", "string", "The key's name."),
			req("reason", "string", "abuse, manual or rotated."),
			opt("revokedAt", "string:date-time", "When it was revoked."),
		},
		Example: json.RawMessage(`{"keyId":"key_01h455vb4pex5vsknk084sn02q","name":"prod","reason":"abuse","revokedAt":"2025-01-15T10:30:00.000Z"}`),
	},
}

var quotaProperties = []property{
	req("currentUsage", "integer", "Requests used this month."),
	req("limit", "integer", "Requests allowed a month."),
	req("percentage", "number", "The share that is used.").as("percent"),
}
