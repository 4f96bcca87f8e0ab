package settings

import (
	"context"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// DefaultOverlap is how long an old secret stays valid where nobody says.
const DefaultOverlap = 24 * time.Hour

// MaxOverlap is how long it may.
const MaxOverlap = 7 * 24 * time.Hour

// maxSecrets bounds how many secrets are valid at once, and with them the length of a
// header that carries a signature for each.
const maxSecrets = 5

// RotateSecret puts a new secret first and lets the old one expire after the overlap;
// without one it ends at once. An empty secret has one made. The new one is returned,
// once.
func (s *Service) RotateSecret(ctx context.Context, actor, org string, id peal.EndpointID, secret string, overlap time.Duration) (*peal.Endpoint, string, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return nil, "", peal.Invalid("overlap", "overlap is at most %s", MaxOverlap)
	}
	ep, err := s.change(ctx, org, id, func(now time.Time, old, ep *peal.Endpoint, w *Write) error {
		p, err := s.profile(ep.Profile)
		if err != nil {
			return err
		}
		value := secret
		if value == "" {
			value = p.NewSecret()
		}
		if value == currentSecret(old) {
			return peal.Invalid("secret", "this is the current secret")
		}
		ep.Private.Secrets = rotated(old.Private.Secrets, value, now, overlap)
		if err := s.checkSecret(old, ep); err != nil {
			return err
		}
		w.Audit, err = record(now, org, actor, "endpoint.secret_rotated", id.String(), map[string]string{"overlap": overlap.String()})
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return ep, currentSecret(ep), nil
}

// rotated puts a secret before those that are still valid.
func rotated(old []peal.SigningSecret, value string, now time.Time, overlap time.Duration) []peal.SigningSecret {
	until := now.Add(overlap)
	secrets := []peal.SigningSecret{{Value: value}}
	for _, s := range old {
		if s.ExpiresAt.IsZero() || s.ExpiresAt.After(until) {
			s.ExpiresAt = until
		}
		if s.ExpiresAt.After(now) && s.Value != value {
			secrets = append(secrets, s)
		}
	}
	return slices.Clip(secrets[:min(len(secrets), maxSecrets)])
}
