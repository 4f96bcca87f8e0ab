package catalogue

import (
	"encoding/json"

	"github.com/peal-dev/peal/internal/peal"
)

// pealTypes are what Peal reports that no document names.
var pealTypes = []Type{
	{
		Name:        peal.TypeEndpointDisabled,
		Description: "An endpoint was disabled: it answered 410, or failed for too long. It keeps collecting and can be resumed.",
		Severity:    peal.High,
		Title:       "Endpoint disabled[: {endpoint_name}|: {endpoint_id}]",
		Message:     "[Endpoint {endpoint_name}|Endpoint {endpoint_id}|An endpoint] was disabled[: {reason}].",
		properties: []property{
			req("endpoint_id", "string", "The endpoint."),
			opt("endpoint_name", "string", "The endpoint's name."),
			opt("url", "string", "Where it sends to: scheme and host."),
			req("reason", "string", "Why it was disabled."),
		},
		Example: json.RawMessage(`{"endpoint_id":"ep_01h455vb4pex5vsknk084sn02q","endpoint_name":"billing","url":"https://hooks.example.com","reason":"the receiver answered 410 Gone"}`),
	},
	{
		Name:        peal.TypeDeliveryDead,
		Description: "A delivery failed for good: its retries are used up. It can be retried by hand.",
		Severity:    peal.High,
		Title:       "Delivery dead[: {event_type}]",
		Message:     "[{event_type}|An event] could not be delivered[ to {endpoint_name}| to {endpoint_id}][ in {attempt_count:count} attempts][: {last_error}].",
		properties: []property{
			req("delivery_id", "string", "The delivery."),
			req("event_id", "string", "The event."),
			req("event_type", "string", "The event's type."),
			req("endpoint_id", "string", "The endpoint."),
			opt("endpoint_name", "string", "The endpoint's name."),
			req("attempt_count", "integer", "How often it was tried."),
			opt("last_status_code", "integer", "The last answer's status, 0 without one."),
			opt("last_error", "string", "What went wrong at last."),
		},
		Example: json.RawMessage(`{"delivery_id":"dlv_01h455vb4pex5vsknk084sn02q","event_id":"evt_01h455vb4pex5vsknk084sn02q","event_type":"invoice.paid","endpoint_id":"ep_01h455vb4pex5vsknk084sn02q","endpoint_name":"billing","attempt_count":6,"last_status_code":503,"last_error":"the receiver answered 503"}`),
	},
	{
		Name:        "approval.decided",
		Description: "A person decided on a costly request, or nobody did in time.",
		Severity:    peal.Info,
		Title:       "Approval [{decision:words}|decided]",
		Message:     "[Request {request_id}|A request][ to {model}][ of about {estimated_cost:usd}] [was {decision:words}|was decided][ by {by}][: {reason}].",
		properties: []property{
			req("request_id", "string", "The request."),
			req("approval_id", "string", "The approval."),
			req("decision", "string", "approved, denied or expired."),
			opt("by", "string", "Who decided."),
			opt("reason", "string", "Why."),
			opt("model", "string", "The model asked for."),
			req("estimated_cost", "number", "What the request would cost, in dollars.").as("usd"),
			req("timestamp", "string:date-time", "When it was decided."),
		},
		Example: json.RawMessage(`{"request_id":"req_abc123def456","approval_id":"apr_xyz789","decision":"approved","by":"ada@acme.example","reason":"a one-off evaluation","model":"claude-opus-4-20250514","estimated_cost":12.5,"timestamp":"2026-05-04T14:35:00Z"}`),
	},
	{
		Name:        peal.TypeTest,
		Description: "A test that a person sent to one endpoint.",
		Severity:    peal.Info,
		Title:       "Test event",
		Message:     "This is a test; nothing happened.",
		properties:  []property{req("test", "boolean", "Always true.")},
		Example:     json.RawMessage(`{"test":true}`),
	},
}
