package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// Endpoint is where an org wants events.
type Endpoint struct {
	ID           peal.EndpointID     `json:"id" example:"ep_01h455vb4pex5vsknk084sn02q"`
	Name         string              `json:"name" example:"Production alerts"`
	Type         string              `json:"type" example:"webhook" doc:"The channel."`
	URL          string              `json:"url" example:"https://example.com/hooks" doc:"Where it posts to; of a secret one, as Slack's and Teams' are, the host alone."`
	Events       []peal.Pattern      `json:"events" nullable:"false" example:"budget.*" doc:"Event types, prefixes such as budget.*, or *."`
	Filter       string              `json:"filter" example:"event.data.total > 100.0" doc:"A CEL expression over event; empty takes all."`
	Profile      string              `json:"profile" example:"standard"`
	Headers      map[string]string   `json:"headers" doc:"Headers of its own; their values read ***."`
	Config       map[string]any      `json:"config" doc:"What the channel has; secrets read ***."`
	RateLimit    *float64            `json:"rate_limit" doc:"Attempts a second, null for no limit."`
	MaxInFlight  *int                `json:"max_in_flight" doc:"Attempts at once, null for no limit of its own."`
	Ordered      bool                `json:"ordered" doc:"Delivers in the order of acceptance, one at a time."`
	Retry        *Retry              `json:"retry" doc:"Replaces parts of the profile's policy; null keeps all of it."`
	MuteHours    *MuteHours          `json:"mute_hours" doc:"When nothing is sent, null for never."`
	Group        *Grouping           `json:"group" doc:"How events are collected into messages, null for not."`
	Digest       *Digest             `json:"digest" doc:"When digests are sent, null for never."`
	Status       peal.EndpointStatus `json:"status" enum:"active,paused,disabled" doc:"paused: deliveries wait. disabled: Peal gave up on it, status_reason says why; resume it once it is mended."`
	StatusReason string              `json:"status_reason" doc:"Why it is disabled."`
	CreatedAt    time.Time           `json:"created_at"`
	UpdatedAt    time.Time           `json:"updated_at"`
}

// EndpointWithSecret is an endpoint whose signing secret is new, the one time that it
// is shown.
type EndpointWithSecret struct {
	Endpoint
	Secret string `json:"secret,omitempty" example:"whsec_cGVhbC1leGFtcGxlLXNlY3JldC0zMi1ieXRlcy4u" doc:"The signing secret. It is not shown again."`
}

// Retry is an endpoint's own retry policy.
type Retry struct {
	Schedule []string `json:"schedule,omitzero" nullable:"false" example:"1s,5m" doc:"The wait before each retry; none for no retries. Absent keeps the profile's."`
	Timeout  string   `json:"timeout,omitempty" example:"10s" doc:"Bounds one attempt. Absent keeps the profile's."`
}

// EndpointCreate makes an endpoint.
type EndpointCreate struct {
	Name        string                     `json:"name,omitempty" maxLength:"256" example:"Production alerts" doc:"For people."`
	Type        string                     `json:"type,omitempty" default:"webhook" doc:"The channel."`
	URL         string                     `json:"url,omitempty" example:"https://example.com/hooks" doc:"Where to post to: of a webhook, Slack, Teams or Jira. May stand in config as well."`
	Events      []string                   `json:"events,omitempty" nullable:"true" minItems:"1" default:"*" example:"budget.*,agent.failed" doc:"Event types, prefixes such as budget.*, or * for all, as where absent."`
	Filter      string                     `json:"filter,omitempty" example:"event.data.total > 100.0" doc:"A CEL expression that answers true or false; absent takes all. It sees event with the members id, type, source, subject, severity, title, message, time and data. Numbers in data are ints where they have no point or exponent, else doubles; comparisons take either, arithmetic needs both of one kind: double(event.data.total). An event that lacks a member which the filter reads is not taken: write has(event.data.total) first where it may be missing."`
	Profile     string                     `json:"profile,omitempty" doc:"The wire format, one of GET /v1/profiles. Absent: the org's, else standard."`
	Headers     map[string]string          `json:"headers,omitempty" doc:"Sent with every delivery. May stand in config as well."`
	Secret      string                     `json:"secret,omitempty" doc:"Made up where absent. May stand in config as well."`
	Config      map[string]json.RawMessage `json:"config,omitempty" doc:"What the channel needs; see docs/channels."`
	RateLimit   float64                    `json:"rate_limit,omitempty" exclusiveMinimum:"0" doc:"Attempts a second; absent for no limit."`
	MaxInFlight int                        `json:"max_in_flight,omitempty" exclusiveMinimum:"0" doc:"Attempts at once; absent for no limit of its own."`
	Ordered     bool                       `json:"ordered,omitempty" doc:"Delivers in the order of acceptance, one at a time."`
	Retry       *Retry                     `json:"retry,omitempty" doc:"Replaces parts of the profile's policy."`
	MuteHours   *MuteHours                 `json:"mute_hours,omitempty" doc:"When nothing is sent: events of those hours are suppressed."`
	Group       *Grouping                  `json:"group,omitempty" doc:"Collects events into messages. Not for webhooks."`
	Digest      *Digest                    `json:"digest,omitempty" doc:"Collects events until a schedule says to send them in one message. Not for webhooks, nor with group."`
}

// EndpointPatch changes an endpoint. What is absent stays; null resets it.
type EndpointPatch struct {
	Name        Change[string]             `json:"name,omitzero" example:"Production alerts" doc:"For people."`
	URL         Change[string]             `json:"url,omitzero" doc:"Where to post to."`
	Events      Change[[]string]           `json:"events,omitzero" minItems:"1" doc:"Replaces all patterns; null for *."`
	Filter      Change[string]             `json:"filter,omitzero" example:"event.data.total > 100.0" doc:"A CEL expression as at create; null takes all."`
	Profile     Change[string]             `json:"profile,omitzero" doc:"The wire format, one of GET /v1/profiles."`
	Headers     Change[map[string]string]  `json:"headers,omitzero" doc:"Replaces all; a value of *** keeps the header's value."`
	Secret      string                     `json:"secret,omitempty" doc:"Replaces the signing secret at once; rotate-secret leaves an overlap."`
	Config      map[string]json.RawMessage `json:"config,omitempty" doc:"Replaces the members that it has; null removes one, *** keeps a secret."`
	RateLimit   Change[float64]            `json:"rate_limit,omitzero" exclusiveMinimum:"0" doc:"Attempts a second; null for no limit."`
	MaxInFlight Change[int]                `json:"max_in_flight,omitzero" exclusiveMinimum:"0" doc:"Attempts at once; null for no limit of its own."`
	Ordered     Change[bool]               `json:"ordered,omitzero" doc:"Delivers in the order of acceptance, one at a time."`
	Retry       Change[Retry]              `json:"retry,omitzero" doc:"Replaces parts of the profile's policy; null keeps all of it."`
	MuteHours   Change[*MuteHours]         `json:"mute_hours,omitzero" doc:"When nothing is sent: events of those hours are suppressed; null for never."`
	Group       Change[*Grouping]          `json:"group,omitzero" doc:"Replaces all of it; null sends each event by itself. What is collected already is sent when it is due."`
	Digest      Change[*Digest]            `json:"digest,omitzero" doc:"Replaces all of it; null sends each event by itself. What is collected already is sent when it is due."`
}

// showHeaders gives an endpoint's own headers, whose values are secrets like any other.
func showHeaders(headers map[string]string) map[string]string {
	out := make(map[string]string, len(headers))
	for name := range headers {
		out[name] = secret.Redacted
	}
	return out
}

func (a *api) showEndpoint(ep *peal.Endpoint) Endpoint {
	config := a.showConfig(ep)
	url, _ := config["url"].(string)
	out := Endpoint{
		ID: ep.ID, Name: ep.Name, Type: ep.Kind, URL: url, Config: config, Events: patternsOf(ep), Filter: ep.Filter, Profile: ep.Profile,
		Headers: showHeaders(ep.Private.Headers), Ordered: ep.Ordered, Retry: showRetry(ep.Retry), MuteHours: showMuteHours(ep.MuteHours),
		Group: showGrouping(ep.Grouping), Digest: showDigest(ep.Digest),
		Status: ep.Status, StatusReason: ep.StatusReason, CreatedAt: ep.CreatedAt.UTC(), UpdatedAt: ep.UpdatedAt.UTC(),
	}
	if ep.RateLimit > 0 {
		out.RateLimit = &ep.RateLimit
	}
	if ep.MaxInFlight > 0 {
		out.MaxInFlight = &ep.MaxInFlight
	}
	return out
}

// showConfig is an endpoint's config without its secrets.
func (a *api) showConfig(ep *peal.Endpoint) map[string]any {
	ch, ok := a.Channels.Get(ep.Kind)
	if !ok {
		return map[string]any{} // of a channel that a later version had
	}
	return channel.Shown(ch, ep)
}

func patternsOf(ep *peal.Endpoint) []peal.Pattern {
	if len(ep.Events) == 0 {
		return []peal.Pattern{"*"}
	}
	return slices.Clone(ep.Events)
}

func showRetry(o *peal.RetryOverride) *Retry {
	if o == nil {
		return nil
	}
	r := &Retry{}
	if o.Timeout > 0 {
		r.Timeout = time.Duration(o.Timeout).String()
	}
	if o.Schedule != nil {
		r.Schedule = make([]string, len(o.Schedule))
		for i, d := range o.Schedule {
			r.Schedule[i] = time.Duration(d).String()
		}
	}
	return r
}

// override is nil where the policy says nothing.
func (r *Retry) override() (*peal.RetryOverride, error) {
	if r == nil || r.Schedule == nil && r.Timeout == "" {
		return nil, nil
	}
	o := &peal.RetryOverride{}
	if r.Timeout != "" {
		d, err := duration("retry.timeout", r.Timeout)
		if err != nil {
			return nil, err
		}
		o.Timeout = peal.Duration(d)
	}
	if r.Schedule != nil {
		o.Schedule = make([]peal.Duration, len(r.Schedule))
		for i, s := range r.Schedule {
			d, err := duration(fmt.Sprintf("retry.schedule[%d]", i), s)
			if err != nil {
				return nil, err
			}
			o.Schedule[i] = peal.Duration(d)
		}
	}
	return o, nil
}

func duration(field, s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, peal.Invalid(field, "%s must be a duration of h, m, s and ms such as 30s or 5m; a day is 24h", field)
	}
	return d, nil
}
