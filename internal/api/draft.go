package api

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// draft is the endpoint that a request asks for; settings checks and completes it.
func (a *api) draft(org string, in *EndpointCreate) (*peal.Endpoint, error) {
	ep := &peal.Endpoint{
		Org: org, Name: in.Name, Kind: in.Type, Profile: in.Profile, Events: patterns(in.Events), Filter: in.Filter,
		RateLimit: in.RateLimit, MaxInFlight: in.MaxInFlight, Ordered: in.Ordered,
		MuteHours: in.MuteHours.domain(), Digest: in.Digest.domain(),
	}
	setHeaders(ep, in.Headers)
	setSecret(ep, in.Secret)
	var err error
	if ep.Retry, err = in.Retry.override(); err != nil {
		return nil, err
	}
	if ep.Grouping, err = in.Group.domain(); err != nil {
		return nil, err
	}
	return ep, a.setConfig(ep, withURL(in.URL, in.URL != ""), in.Config, false)
}

// change applies a request to an endpoint. It may be called again on a fresh copy.
func (a *api) change(ep *peal.Endpoint, in *EndpointPatch) (err error) {
	in.Name.apply(&ep.Name)
	in.Filter.apply(&ep.Filter)
	in.Profile.apply(&ep.Profile)
	in.RateLimit.apply(&ep.RateLimit)
	in.MaxInFlight.apply(&ep.MaxInFlight)
	in.Ordered.apply(&ep.Ordered)
	if in.Events.Set {
		ep.Events = patterns(in.Events.Value)
	}
	if in.Headers.Set {
		setHeaders(ep, in.Headers.Value)
	}
	if in.Retry.Set {
		if ep.Retry, err = in.Retry.Value.override(); err != nil {
			return err
		}
	}
	if in.MuteHours.Set {
		ep.MuteHours = in.MuteHours.Value.domain()
	}
	if in.Digest.Set {
		ep.Digest = in.Digest.Value.domain()
	}
	if in.Group.Set {
		if ep.Grouping, err = in.Group.Value.domain(); err != nil {
			return err
		}
	}
	setSecret(ep, in.Secret)
	return a.setConfig(ep, withURL(in.URL.Value, in.URL.Set), in.Config, false)
}

func patterns(events []string) []peal.Pattern {
	out := make([]peal.Pattern, len(events))
	for i, e := range events {
		out[i] = peal.Pattern(e)
	}
	return out
}

// withURL is a config that has only what stands at the top level.
func withURL(url string, set bool) map[string]json.RawMessage {
	if !set {
		return nil
	}
	value, err := json.Marshal(url)
	if err != nil {
		return nil // a string always marshals
	}
	return map[string]json.RawMessage{"url": value}
}

// setConfig reads the members of a channel's config, those that stood at the top level
// first. A webhook's stand in the endpoint itself; the other channels' are kept as they
// are. Members that the channel does not know are refused, or, on surfaces that do,
// ignored. A client that sends back what it was shown changes nothing.
func (a *api) setConfig(ep *peal.Endpoint, top, config map[string]json.RawMessage, ignoreUnknown bool) error {
	if len(top)+len(config) == 0 {
		return nil
	}
	ch, ok := a.Channels.Get(ep.Kind)
	if !ok {
		return peal.Invalid("type", "there is no channel %q; there are %s", peal.Clip(ep.Kind, clipLen), strings.Join(a.Channels.Kinds(), ", "))
	}
	c := configChange{ep: ep, fields: ch.Fields(), shown: channel.Shown(ch, ep), own: map[string]json.RawMessage{}}
	if len(ep.Private.Config) > 0 {
		if err := json.Unmarshal(ep.Private.Config, &c.own); err != nil {
			return err
		}
	}
	for name, value := range top {
		if err := c.set(name, name, value); err != nil {
			return err
		}
	}
	for name, value := range config {
		if ignoreUnknown && c.field(name) == nil {
			continue
		}
		if err := c.set("config."+name, name, value); err != nil {
			return err
		}
	}
	if len(c.own) == 0 {
		ep.Private.Config = nil
		return nil
	}
	var err error
	ep.Private.Config, err = json.Marshal(c.own)
	return err
}

// configChange is a change of an endpoint's config.
type configChange struct {
	ep     *peal.Endpoint
	fields []channel.Field
	// shown is what a client saw before, own what becomes of the channel's own members.
	shown map[string]any
	own   map[string]json.RawMessage
}

func (c *configChange) field(name string) *channel.Field {
	for i := range c.fields {
		if c.fields[i].Name == name {
			return &c.fields[i]
		}
	}
	return nil
}

// set changes one member; path is what an error names.
func (c *configChange) set(path, name string, value json.RawMessage) error {
	f := c.field(name)
	var v any
	switch {
	case f == nil:
		return peal.Invalid(path, "the channel %s has no %s", c.ep.Kind, peal.Clip(name, clipLen))
	case json.Unmarshal(value, &v) != nil:
		return peal.Invalid(path, "%s is not of the right type", path)
	}
	before, ok := c.shown[name]
	if ok && reflect.DeepEqual(v, before) || f.Secret && v == secret.Redacted && (ok || name == "secret" && len(c.ep.Private.Secrets) > 0) {
		return nil
	}
	if s, ok := v.(string); ok && f.Secret && strings.Contains(s, secret.Redacted) {
		return peal.Invalid(path, "%s: %s stands for a value that is not shown; send the whole value", path, secret.Redacted)
	}
	if c.ep.Kind == webhookKind {
		if c.setWebhook(name, value) != nil {
			return peal.Invalid(path, "%s is not of the right type", path)
		}
		return nil
	}
	if c.own[name] = value; v == nil || v == "" {
		delete(c.own, name)
	}
	return nil
}

// webhookKind is the channel whose members stand in the endpoint itself.
const webhookKind = "webhook"

func (c *configChange) setWebhook(name string, value json.RawMessage) error {
	switch name {
	case "url":
		return json.Unmarshal(value, &c.ep.URL)
	case "secret":
		var s string
		err := json.Unmarshal(value, &s)
		setSecret(c.ep, s)
		return err
	default: // headers
		var headers map[string]string
		err := json.Unmarshal(value, &headers)
		setHeaders(c.ep, headers)
		return err
	}
}

func setSecret(ep *peal.Endpoint, value string) {
	if value != "" {
		ep.Private.Secrets = []peal.SigningSecret{{Value: value}}
	}
}

// setHeaders replaces the headers. A client that sends back what it was shown keeps
// the values that it was not.
func setHeaders(ep *peal.Endpoint, headers map[string]string) {
	old := ep.Private.Headers
	ep.Private.Headers = make(map[string]string, len(headers))
	for name, value := range headers {
		if before, ok := old[name]; ok && value == secret.Redacted {
			value = before
		}
		ep.Private.Headers[name] = value
	}
}
