package settings

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

const maxNamedSecrets = 200

var secrets = kept[peal.Secret]{
	Objects: directory.Secrets, name: "secret",
	check: func(_ *Service, x *peal.Secret) error { return x.Check() },
}

// PutSecret makes a secret of the org, or gives it another value.
func (s *Service) PutSecret(ctx context.Context, actor, org, name, value string) (*peal.Secret, error) {
	return secrets.put(ctx, s, actor, org, name, func(now time.Time, old *peal.Secret) (*peal.Secret, error) {
		made := &peal.Secret{Name: name, Org: org, CreatedAt: now, UpdatedAt: now, Sealed: peal.SecretPrivate{Value: value}}
		if old != nil {
			made.CreatedAt = old.CreatedAt
		} else if len(directory.Secrets.All(s.Directory, org)) >= maxNamedSecrets {
			return nil, peal.Errorf(peal.CodeConflict, "an org has at most %d secrets", maxNamedSecrets)
		}
		return made, nil
	})
}

// DeleteSecret deletes a secret. Steps that name it fail from then on, and say so.
func (s *Service) DeleteSecret(ctx context.Context, actor, org, name string) error {
	return secrets.delete(ctx, s, actor, org, name)
}
