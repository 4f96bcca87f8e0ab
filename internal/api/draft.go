package api

import (
	"encoding/json"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// draft is the endpoint that a request asks for; settings checks and completes it.
func (a *api) draft(org string, in *EndpointCreate) (*peal.Endpoint, error) {
	ep := &peal.Endpoint{
		Org: org, Name: in.Name, Kind: in.Type, Profile: in.Profile, URL: in.URL, Events: patterns(in.Events), Filter: in.Filter,
		RateLimit: in.RateLimit, MaxInFlight: in.MaxInFlight, Ordered: in.Ordered,
	}
	setHeaders(ep, in.Headers)
	setSecret(ep, in.Secret)
	var err error
	if ep.Retry, err = in.Retry.override(); err != nil {
		return nil, err
	}
	return ep, a.setConfig(ep, in.Config, false)
}

// change applies a request to an endpoint. It may be called again on a fresh copy.
func (a *api) change(ep *peal.Endpoint, in *EndpointPatch) (err error) {
	in.Name.apply(&ep.Name)
	in.URL.apply(&ep.URL)
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
	setSecret(ep, in.Secret)
	return a.setConfig(ep, in.Config, false)
}

func patterns(events []string) []peal.Pattern {
	out := make([]peal.Pattern, len(events))
	for i, e := range events {
		out[i] = peal.Pattern(e)
	}
	return out
}

// setConfig reads the members of a channel's config. Those that every channel may
// have stand in the endpoint itself; the channel's own are kept as they are. Members
// that the channel does not know are refused, or, on surfaces that do, ignored.
func (a *api) setConfig(ep *peal.Endpoint, config map[string]json.RawMessage, ignoreUnknown bool) error {
	if len(config) == 0 {
		return nil
	}
	ch, ok := a.Channels.Get(ep.Kind)
	if !ok {
		return peal.Invalid("type", "type must be one of %s", strings.Join(a.Channels.Kinds(), ", "))
	}
	known := map[string]bool{}
	for _, f := range ch.Fields() {
		known[f.Name] = true
	}
	own := map[string]json.RawMessage{}
	if len(ep.Private.Config) > 0 {
		if err := json.Unmarshal(ep.Private.Config, &own); err != nil {
			return err
		}
	}
	for name, value := range config {
		if !known[name] && ignoreUnknown {
			continue
		}
		if !known[name] {
			return peal.Invalid("config."+name, "the channel %s has no %s", ep.Kind, name)
		}
		if err := setMember(ep, own, name, value); err != nil {
			return peal.Invalid("config."+name, "config.%s is not of the right type", name)
		}
	}
	if len(own) == 0 {
		ep.Private.Config = nil
		return nil
	}
	var err error
	ep.Private.Config, err = json.Marshal(own)
	return err
}

func setMember(ep *peal.Endpoint, own map[string]json.RawMessage, name string, value json.RawMessage) error {
	switch name {
	case "url":
		return json.Unmarshal(value, &ep.URL)
	case "secret":
		var s string
		err := json.Unmarshal(value, &s)
		setSecret(ep, s)
		return err
	case "headers":
		var headers map[string]string
		err := json.Unmarshal(value, &headers)
		setHeaders(ep, headers)
		return err
	}
	if own[name] = value; string(value) == "null" {
		delete(own, name)
	}
	return nil
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
