package settings

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// EnsureDefaults makes the default org where there is none. It is called at start,
// after the directory's first refresh.
func (s *Service) EnsureDefaults(ctx context.Context) error {
	return s.write(ctx, func(now time.Time) (Write, error) {
		if _, ok := s.Directory.Org(peal.DefaultOrg); ok {
			return Write{}, nil
		}
		return newOrg(now, SystemActor, peal.Org{ID: peal.DefaultOrg, Name: "Default", CreatedAt: now, UpdatedAt: now})
	})
}

// CreateOrg makes an org; without an id it gets one. CodeConflict where the id is taken.
func (s *Service) CreateOrg(ctx context.Context, actor string, o peal.Org) (peal.Org, error) {
	err := s.write(ctx, func(now time.Time) (Write, error) {
		if o.ID == "" {
			o.ID = peal.NewKeyID(now).As("org_")
		}
		o.CreatedAt, o.UpdatedAt = now, now
		if err := s.checkOrg(&o); err != nil {
			return Write{}, err
		}
		if _, ok := s.Directory.Org(o.ID); ok {
			return Write{}, peal.Errorf(peal.CodeConflict, "the org %s exists already", o.ID)
		}
		return newOrg(now, actor, o)
	})
	return o, err
}

func newOrg(now time.Time, actor string, o peal.Org) (Write, error) {
	r, err := row(directory.KindOrg, o.ID, o.ID, o)
	if err != nil {
		return Write{}, err
	}
	audit, err := record(now, o.ID, actor, "org.created", o.ID, nil)
	return Write{Rows: []Put{{Row: r, Expect: MustNotExist}}, Audit: audit}, err
}

// UpdateOrg changes an org; its id and time of creation stay. The function may be
// called several times, on a fresh copy each time.
func (s *Service) UpdateOrg(ctx context.Context, actor, id string, mutate func(*peal.Org) error) (peal.Org, error) {
	var o peal.Org
	err := s.write(ctx, func(now time.Time) (Write, error) {
		version := s.Directory.RowVersion(directory.KindOrg, id, id)
		old, err := s.org(id)
		if err != nil {
			return Write{}, err
		}
		o = old
		if err := mutate(&o); err != nil {
			return Write{}, err
		}
		o.ID, o.CreatedAt, o.UpdatedAt = old.ID, old.CreatedAt, old.UpdatedAt
		if o == old {
			return Write{}, nil
		}
		o.UpdatedAt = now
		if err := s.checkOrg(&o); err != nil {
			return Write{}, err
		}
		r, err := row(directory.KindOrg, id, id, o)
		if err != nil {
			return Write{}, err
		}
		audit, err := record(now, id, actor, "org.updated", id, changedFields{changedOrg(old, o)})
		return Write{Rows: []Put{{Row: r, Expect: version}}, Audit: audit}, err
	})
	return o, err
}

func changedOrg(old, o peal.Org) (fields []string) {
	if o.Name != old.Name {
		fields = append(fields, "name")
	}
	if o.Profile != old.Profile {
		fields = append(fields, "profile")
	}
	if o.Plan != old.Plan {
		fields = append(fields, "plan")
	}
	if o.RetentionDeliveries != old.RetentionDeliveries {
		fields = append(fields, "retention_deliveries")
	}
	if o.RetentionEvents != old.RetentionEvents {
		fields = append(fields, "retention_events")
	}
	return fields
}

func (s *Service) checkOrg(o *peal.Org) error {
	if err := peal.CheckOrgID(o.ID); err != nil {
		return err
	}
	if o.Name == "" {
		return peal.Invalid("name", "name is required")
	}
	if err := checkName("name", o.Name); err != nil {
		return err
	}
	if err := checkName("plan", o.Plan); err != nil {
		return err
	}
	if o.Profile == "" {
		return nil
	}
	_, err := s.profile(o.Profile)
	return err
}

// DeleteOrg deletes an org with all that belongs to it: in one write, unless it has
// more than a page of endpoints, keys or other objects. CodeConflict for the default org.
func (s *Service) DeleteOrg(ctx context.Context, actor, id string) error {
	if id == peal.DefaultOrg {
		return peal.Errorf(peal.CodeConflict, "the default org cannot be deleted")
	}
	if _, err := s.org(id); err != nil {
		return err
	}
	// Another node may have added something meanwhile: until nothing is left.
	for left := true; left; {
		err := s.write(ctx, func(now time.Time) (w Write, err error) {
			var more bool
			if w.Rows, more, err = s.belongings(id); err != nil {
				return Write{}, err
			}
			if _, exists := s.Directory.Org(id); exists && !more {
				w.Rows = append(w.Rows, s.tombstone(directory.KindOrg, id, id))
				w.Audit, err = record(now, id, actor, "org.deleted", id, nil)
			}
			left = len(w.Rows) > 0
			return w, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// belongings are tombstones for what an org has, a page of each kind.
func (s *Service) belongings(org string) (rows []Put, more bool, err error) {
	page := peal.Page{Limit: peal.MaxPageSize}
	endpoints, moreEndpoints, err := s.Directory.Endpoints(org, page)
	if err != nil {
		return nil, false, err
	}
	keys, moreKeys, err := s.Directory.Keys(org, page)
	if err != nil {
		return nil, false, err
	}
	for _, ep := range endpoints {
		rows = append(rows, s.tombstone(directory.KindEndpoint, org, ep.ID.String()))
	}
	for _, k := range keys {
		rows = append(rows, s.tombstone(directory.KindKey, org, k.ID.String()))
	}
	objects := s.Directory.Objects(org, peal.MaxPageSize)
	for _, o := range objects {
		rows = append(rows, s.tombstone(o.Kind, org, o.ID))
	}
	return rows, moreEndpoints != "" || moreKeys != "" || len(objects) == peal.MaxPageSize, nil
}
