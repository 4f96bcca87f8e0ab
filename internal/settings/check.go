package settings

import (
	"bytes"
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/filter"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
)

// webhookKind is the channel whose requests are signed, and which plans sell.
const webhookKind = "webhook"

// nemoProfile sends whatever the channel once; other orgs' messages to people are
// retried by the standard schedule.
const nemoProfile = "nemo"

// Limits of an endpoint.
const (
	maxPatterns  = 100
	maxSecretLen = 1024
	maxConfigLen = 64 << 10
)

// clipLen is how much of a bad value an error repeats.
const clipLen = 64

// complete fills in what a draft leaves to its org and to chance.
func (s *Service) complete(o peal.Org, ep *peal.Endpoint) {
	if ep.Status == "" {
		ep.Status = peal.Active
	}
	if ep.Profile == "" {
		ep.Profile = profile.Default
		if o.Profile != "" && (ep.Kind == webhookKind || o.Profile == nemoProfile) {
			ep.Profile = o.Profile
		}
	}
	if p, ok := s.Profiles.Get(ep.Profile); ok && ep.Kind == webhookKind && p.SecretRequired && len(ep.Private.Secrets) == 0 {
		ep.Private.Secrets = []peal.SigningSecret{{Value: p.NewSecret()}}
	}
}

func (s *Service) profile(name string) (*profile.Profile, error) {
	p, ok := s.Profiles.Get(name)
	if !ok {
		return nil, peal.Invalid("profile", "there is no profile %q; there are %s", peal.Clip(name, clipLen), strings.Join(s.profileNames(), ", "))
	}
	return p, nil
}

func (s *Service) profileNames() []string {
	var names []string
	for _, p := range s.Profiles.All() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// check reports what in an endpoint may not stand. Old is what it was before, empty
// for a new one: what is costly is checked where it changed.
func (s *Service) check(ctx context.Context, old, ep *peal.Endpoint) error {
	ch, ok := s.Channels.Get(ep.Kind)
	if !ok {
		return peal.Invalid("type", "there is no channel %q; there are %s", peal.Clip(ep.Kind, clipLen), strings.Join(s.Channels.Kinds(), ", "))
	}
	if err := checkStatus(old.Status, ep.Status); err != nil {
		return err
	}
	if err := checkName("name", ep.Name); err != nil {
		return err
	}
	if err := checkSubscription(old, ep); err != nil {
		return err
	}
	if err := s.checkSecret(old, ep); err != nil {
		return err
	}
	if err := checkPace(ep); err != nil {
		return err
	}
	if ep.Kind != webhookKind && len(ep.Private.Headers) > 0 {
		return peal.Invalid("headers", "only webhooks have headers of their own")
	}
	if ep.Kind != webhookKind && ep.URL != "" {
		return peal.Invalid("url", "the url of the channel %s stands in its config", ep.Kind)
	}
	if err := checkNoise(ep); err != nil {
		return err
	}
	if len(ep.Private.Config) > maxConfigLen {
		return peal.Invalid("config", "config is at most %d bytes", maxConfigLen)
	}
	if ep.Kind == old.Kind && sameTarget(old, ep) {
		return nil // no need to look names up again
	}
	return channel.Check(ctx, ch, ep)
}

func sameTarget(a, b *peal.Endpoint) bool {
	return a.URL == b.URL && bytes.Equal(a.Private.Config, b.Private.Config) && maps.Equal(a.Private.Headers, b.Private.Headers)
}

// checkStatus lets people choose between active and paused; disabling is Peal's.
func checkStatus(old, now peal.EndpointStatus) error {
	switch {
	case now == old || now == peal.Active || now == peal.Paused && old != peal.Disabled:
		return nil
	case now == peal.Paused:
		return peal.Errorf(peal.CodeConflict, "the endpoint is disabled, so that nothing is sent to it; resume it before pausing")
	}
	return peal.Invalid("status", "status must be %s or %s", peal.Active, peal.Paused)
}

func checkSubscription(old, ep *peal.Endpoint) error {
	if len(ep.Events) > maxPatterns {
		return peal.Invalid("events", "at most %d patterns", maxPatterns)
	}
	for _, p := range ep.Events {
		if err := peal.CheckPattern(string(p)); err != nil {
			return err
		}
	}
	if ep.Filter == "" || ep.Filter == old.Filter {
		return nil
	}
	_, err := filter.Compile(ep.Filter)
	return err
}

func (s *Service) checkSecret(old, ep *peal.Endpoint) error {
	p, err := s.profile(ep.Profile)
	if err != nil {
		return err
	}
	value := currentSecret(ep)
	switch {
	case ep.Kind != webhookKind && value != "":
		return peal.Invalid("secret", "only webhooks are signed")
	case ep.Kind != webhookKind:
		return nil
	case value == "" && p.SecretRequired:
		return peal.Invalid("secret", "the profile %s needs a secret", p.Name)
	case value == "" || value == currentSecret(old) && ep.Profile == old.Profile:
		return nil
	case len(value) > maxSecretLen:
		return peal.Invalid("secret", "a secret is at most %d bytes", maxSecretLen)
	}
	return p.CheckSecret(value)
}

// currentSecret is the secret that signs, empty without one.
func currentSecret(ep *peal.Endpoint) string {
	if len(ep.Private.Secrets) == 0 {
		return ""
	}
	return ep.Private.Secrets[0].Value
}

func checkPace(ep *peal.Endpoint) error {
	if !(ep.RateLimit >= 0 && ep.RateLimit <= peal.MaxRateLimit) { // NaN is neither
		return peal.Invalid("rate_limit", "rate_limit is attempts a second, more than 0 and at most %d", peal.MaxRateLimit)
	}
	if ep.MaxInFlight < 0 || ep.MaxInFlight > peal.MaxConcurrent {
		return peal.Invalid("max_in_flight", "max_in_flight is at most %d; 0 leaves it to the server", peal.MaxConcurrent)
	}
	return ep.Retry.Validate()
}

// changed names the fields that differ, as the API calls them.
func changed(old, ep *peal.Endpoint) []string {
	var fields []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"name", old.Name == ep.Name},
		{"url", old.URL == ep.URL},
		{"profile", old.Profile == ep.Profile},
		{"events", slices.Equal(old.Events, ep.Events)},
		{"filter", old.Filter == ep.Filter},
		{"rate_limit", old.RateLimit == ep.RateLimit},
		{"max_in_flight", old.MaxInFlight == ep.MaxInFlight},
		{"ordered", old.Ordered == ep.Ordered},
		{"mute_hours", reflect.DeepEqual(old.MuteHours, ep.MuteHours)},
		{"group", reflect.DeepEqual(old.Grouping, ep.Grouping)},
		{"digest", reflect.DeepEqual(old.Digest, ep.Digest)},
		{"retry", reflect.DeepEqual(old.Retry, ep.Retry)},
		{"status", old.Status == ep.Status},
		{"secret", slices.Equal(old.Private.Secrets, ep.Private.Secrets)},
		{"headers", maps.Equal(old.Private.Headers, ep.Private.Headers)},
		{"config", bytes.Equal(old.Private.Config, ep.Private.Config)},
	} {
		if !f.same {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// fitting keeps of the older secrets those that the profile can sign with: one that it
// cannot would fail every attempt until its overlap ends.
func fitting(p *profile.Profile, secrets []peal.SigningSecret) []peal.SigningSecret {
	if len(secrets) < 2 {
		return secrets
	}
	older := slices.DeleteFunc(secrets[1:], func(s peal.SigningSecret) bool { return p.CheckSecret(s.Value) != nil })
	return secrets[:1+len(older)]
}
