package settings

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/inbound/scheme"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
)

// DefaultScheme verifies hooks that name none.
const DefaultScheme = "peal"

var hooks = kept[peal.Hook]{Objects: directory.Hooks, name: "hook", check: (*Service).checkHook}

// CreateHook makes a hook. The secret is the one that was made, or the one given.
func (s *Service) CreateHook(ctx context.Context, actor string, h peal.Hook) (made *peal.Hook, secret string, err error) {
	h.ID = peal.NewHookID(s.Now())
	made, err = hooks.put(ctx, s, actor, h.Org, h.ID.String(), func(now time.Time, _ *peal.Hook) (*peal.Hook, error) {
		h.CreatedAt, h.UpdatedAt = now, now
		return &h, s.completeHook(&h)
	})
	if err != nil {
		return nil, "", err
	}
	return made, newest(made), nil
}

func newest(h *peal.Hook) string {
	if len(h.Sealed.Secrets) == 0 {
		return ""
	}
	return h.Sealed.Secrets[0].Value
}

// completeHook makes the secret where Peal may.
func (s *Service) completeHook(h *peal.Hook) error {
	if h.Verification.Scheme == "" {
		h.Verification.Scheme = DefaultScheme
	}
	sch, err := s.scheme(h.Verification.Scheme)
	if err != nil {
		return err
	}
	if !sch.NeedsSecret() {
		h.Sealed.Secrets = nil
	} else if len(h.Sealed.Secrets) == 0 && !theirSecret(sch) {
		h.Sealed.Secrets = []peal.SigningSecret{{Value: s.newHookSecret()}}
	}
	return nil
}

// theirSecret tells whether the sender makes the secret.
func theirSecret(sch *scheme.Scheme) bool {
	return slices.ContainsFunc(sch.Fields, func(f scheme.Field) bool { return f.Name == scheme.SecretField && f.Required })
}

// newHookSecret is of the form that every scheme takes whose secrets Peal may make.
func (s *Service) newHookSecret() string {
	p, _ := s.Profiles.Get(profile.Default)
	return p.NewSecret()
}

func (s *Service) scheme(name string) (*scheme.Scheme, error) {
	sch, ok := s.Schemes.Get(name)
	if !ok {
		var names []string
		for _, known := range s.Schemes.Schemes() {
			names = append(names, known.Name)
		}
		return nil, peal.Invalid("verification.scheme", "there is no scheme %q; there are %s", peal.Clip(name, clipLen), strings.Join(names, ", "))
	}
	return sch, nil
}

// SetHookSettings sorts a scheme's settings by whether they are secret. Unknown ones stay,
// for the check to name.
func (s *Service) SetHookSettings(h *peal.Hook, settings map[string]string) {
	h.Verification.Settings, h.Sealed.Settings = map[string]string{}, map[string]string{}
	sch, ok := s.Schemes.Get(h.Verification.Scheme)
	for name, value := range settings {
		hidden := ok && slices.ContainsFunc(sch.Fields, func(f scheme.Field) bool { return f.Name == name && f.Secret })
		if hidden {
			h.Sealed.Settings[name] = value
		} else {
			h.Verification.Settings[name] = value
		}
	}
}

// HookConfig is how a hook's scheme is to verify at a time.
func HookConfig(h *peal.Hook, now time.Time) scheme.Config {
	c := scheme.Config{Secrets: h.Secrets(now), Settings: h.Verification.Settings}
	if len(h.Sealed.Settings) > 0 {
		c.Settings = maps.Clone(h.Verification.Settings)
		if c.Settings == nil {
			c.Settings = map[string]string{}
		}
		maps.Copy(c.Settings, h.Sealed.Settings)
	}
	return c
}

func (s *Service) checkHook(h *peal.Hook) error {
	if h.Name == "" {
		return peal.Invalid("name", "a hook has a name")
	}
	if err := checkName("name", h.Name); err != nil {
		return err
	}
	if !(h.RateLimit >= 0 && h.RateLimit <= peal.MaxRateLimit) { // NaN is neither
		return peal.Invalid("rate_limit", "rate_limit is requests a second, more than 0 and at most %d", peal.MaxRateLimit)
	}
	if h.Workflow.IsZero() && h.Offering == "" {
		return peal.Invalid("workflow", "a hook needs a workflow or an offering")
	}
	if !h.Workflow.IsZero() {
		if _, ok := directory.Workflows.Get(s.Directory, h.Org, h.Workflow.String()); !ok {
			return peal.Invalid("workflow", "there is no workflow %s", h.Workflow)
		}
	}
	if h.Offering != "" {
		if _, ok := directory.Offerings.Get(s.Directory, h.Org, h.Offering); !ok {
			return peal.Invalid("offering", "there is no offering %q", peal.Clip(h.Offering, clipLen))
		}
	}
	sch, err := s.scheme(h.Verification.Scheme)
	if err != nil {
		return err
	}
	err = sch.Check(HookConfig(h, s.Now()))
	var known *peal.Error
	if errors.As(err, &known) && known.Field != "" {
		message := known.Message
		if known.Field == scheme.SecretField && len(h.Sealed.Secrets) == 0 {
			message = "is required: " + sch.Provider + " makes it"
		}
		return peal.Invalid("verification."+known.Field, "%s %s", known.Field, message)
	}
	return err
}

// UpdateHook changes a hook.
func (s *Service) UpdateHook(ctx context.Context, actor, org string, id peal.HookID, mutate func(*peal.Hook) error) (*peal.Hook, error) {
	return hooks.update(ctx, s, actor, org, id.String(), func(now time.Time, h *peal.Hook) error {
		before := h.Verification.Scheme
		secrets := h.Sealed.Secrets
		if err := mutate(h); err != nil {
			return err
		}
		h.UpdatedAt = now
		sch, err := s.scheme(h.Verification.Scheme)
		if err != nil {
			return err
		}
		if h.Verification.Scheme != before && theirSecret(sch) && slices.Equal(secrets, h.Sealed.Secrets) {
			h.Sealed.Secrets = nil // it was for another sender
		}
		return s.completeHook(h)
	})
}

// DeleteHook deletes a hook; executions that it started go on.
func (s *Service) DeleteHook(ctx context.Context, actor, org string, id peal.HookID) error {
	return hooks.delete(ctx, s, actor, org, id.String())
}

// RotateHookSecret puts a new secret first; the old one stays good for the overlap. An
// empty secret has one made, where the sender does not. The new one is returned, once.
func (s *Service) RotateHookSecret(ctx context.Context, actor, org string, id peal.HookID, secret string, overlap time.Duration) (*peal.Hook, string, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return nil, "", peal.Invalid("overlap", "overlap is at most %s", MaxOverlap)
	}
	h, err := hooks.update(ctx, s, actor, org, id.String(), func(now time.Time, h *peal.Hook) error {
		sch, err := s.scheme(h.Verification.Scheme)
		if err != nil {
			return err
		}
		value := secret
		switch {
		case !sch.NeedsSecret():
			return peal.Invalid("secret", "the scheme %s has no secret", sch.Name)
		case value == "" && theirSecret(sch):
			return peal.Invalid("secret", "secret is required: %s makes it", sch.Provider)
		case value == "":
			value = s.newHookSecret()
		case value == newest(h):
			return peal.Invalid("secret", "this is the current secret")
		}
		h.Sealed.Secrets, h.UpdatedAt = rotated(h.Sealed.Secrets, value, now, overlap), now
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return h, newest(h), nil
}
