package settings

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

const (
	keyPrefix = "peal_"
	// hintLen characters of a key are kept, the prefix and four more.
	hintLen = 9
)

// EnsureAdminKey makes the instance's admin key where the store has none, and returns
// it, once; it is empty where there is one. It is a key without an org, whose id is
// all zeros so that two nodes that start at once agree on one.
func (s *Service) EnsureAdminKey(ctx context.Context) (plaintext string, err error) {
	err = s.write(ctx, func(now time.Time) (Write, error) {
		var id peal.KeyID
		if _, ok := s.Directory.Key("", id); ok {
			plaintext = ""
			return Write{}, nil
		}
		plaintext = secret.RandomToken(keyPrefix)
		k := withToken(peal.Key{ID: id, Name: "admin", Role: peal.Admin, CreatedAt: now}, now, plaintext)
		return s.keyWrite(now, SystemActor, "key.created", keyCreated, k, MustNotExist)
	})
	if err != nil {
		return "", err
	}
	return plaintext, nil
}

// RetireAdminKey ends the key that EnsureAdminKey made, if there is one: a configured
// one takes its place.
func (s *Service) RetireAdminKey(ctx context.Context) error {
	err := s.DeleteKey(ctx, SystemActor, "", peal.KeyID{}, "")
	if peal.CodeOf(err) == peal.CodeNotFound {
		return nil
	}
	return err
}

// CreateKey makes an API key of the org. The plaintext is kept nowhere.
func (s *Service) CreateKey(ctx context.Context, actor, org, name string, role peal.Role) (k peal.Key, plaintext string, err error) {
	if err := checkName("name", name); err != nil {
		return k, "", err
	}
	if !role.Valid() {
		return k, "", peal.Invalid("role", "role must be one of %s, %s, %s", peal.Viewer, peal.Publisher, peal.Admin)
	}
	err = s.write(ctx, func(now time.Time) (Write, error) {
		if _, err := s.org(org); err != nil {
			return Write{}, err
		}
		plaintext = secret.RandomToken(keyPrefix)
		k = withToken(peal.Key{ID: peal.NewKeyID(now), Org: org, Name: name, Role: role, CreatedAt: now}, now, plaintext)
		return s.keyWrite(now, actor, "key.created", keyCreated, k, MustNotExist)
	})
	return k, plaintext, err
}

// RotateKey replaces a key under the same id; the old one stops working at once. The
// instance's admin key has no org.
func (s *Service) RotateKey(ctx context.Context, actor, org string, id peal.KeyID) (k peal.Key, plaintext string, err error) {
	err = s.write(ctx, func(now time.Time) (Write, error) {
		version := s.Directory.RowVersion(directory.KindKey, org, id.String())
		old, ok := s.Directory.Key(org, id)
		if !ok {
			return Write{}, peal.NotFound("key")
		}
		plaintext = secret.RandomToken(keyPrefix)
		k = withToken(old, now, plaintext)
		return s.keyWrite(now, actor, "key.rotated", keyRotated, k, version)
	})
	return k, plaintext, err
}

// Why a key is deleted.
const (
	ReasonManual = "manual"
	ReasonAbuse  = "abuse"
)

// DeleteKey ends a key at once. The reason is ReasonManual where it is empty.
func (s *Service) DeleteKey(ctx context.Context, actor, org string, id peal.KeyID, reason string) error {
	if reason == "" {
		reason = ReasonManual
	}
	if reason != ReasonManual && reason != ReasonAbuse {
		return peal.Invalid("reason", "reason is %s or %s", ReasonManual, ReasonAbuse)
	}
	return s.write(ctx, func(now time.Time) (Write, error) {
		put := s.tombstone(directory.KindKey, org, id.String())
		k, ok := s.Directory.Key(org, id)
		if !ok {
			return Write{}, peal.NotFound("key")
		}
		raised, err := s.keyEvents(now, actor, keyDeleted(reason), k)
		if err != nil {
			return Write{}, err
		}
		audit, err := record(now, org, actor, "key.deleted", id.String(), map[string]string{"reason": reason})
		return Write{Rows: []Put{put}, Audit: audit, Raised: raised}, err
	})
}

func withToken(k peal.Key, now time.Time, plaintext string) peal.Key {
	hash := secret.HashKey(plaintext)
	k.Hash, k.Hint, k.UpdatedAt = hash[:], plaintext[:hintLen], now
	return k
}

func (s *Service) keyWrite(now time.Time, actor, action string, deed keyDeed, k peal.Key, expect int64) (Write, error) {
	r, err := row(directory.KindKey, k.Org, k.ID.String(), k)
	if err != nil {
		return Write{}, err
	}
	raised, err := s.keyEvents(now, actor, deed, k)
	if err != nil {
		return Write{}, err
	}
	audit, err := record(now, k.Org, actor, action, k.ID.String(), map[string]string{"name": k.Name, "role": string(k.Role)})
	return Write{Rows: []Put{{Row: r, Expect: expect}}, Audit: audit, Raised: raised}, err
}
