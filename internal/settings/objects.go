package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// kept is how the objects of one kind are changed; a kind declares it once and has
// methods of Service that say what people may do.
type kept[T any] struct {
	directory.Objects[T]
	// name is what errors call an object: "event type".
	name string
	// check reports, as a *peal.Error, what in an object may not stand.
	check func(*Service, *T) error
	// raise gives the events that report an object that was written; nil for none.
	raise func(*Service, *T) ([]peal.Raised, error)
	// alone tells that what plan looks at are the org's other objects, too: of two changes
	// at once, on any nodes, the second is planned again.
	alone bool
}

// put writes what plan makes of the object as it is, nil where there is none. The plan
// may be called several times; it must replace what it changes, not write into it, and
// where it returns what it was given nothing is written.
func (k kept[T]) put(ctx context.Context, s *Service, actor, org, id string, plan func(now time.Time, old *T) (*T, error)) (*T, error) {
	var v *T
	err := s.write(ctx, func(now time.Time) (Write, error) {
		orgVersion := s.Directory.RowVersion(directory.KindOrg, org, org)
		owner, err := s.org(org)
		if err != nil {
			return Write{}, err
		}
		version := s.Directory.RowVersion(k.Kind, org, id)
		old, exists := k.Get(s.Directory, org, id)
		if v, err = plan(now, old); err != nil || v == old {
			return Write{}, err
		}
		if err := k.check(s, v); err != nil {
			return Write{}, err
		}
		r, err := row(k.Kind, org, id, v)
		if err != nil {
			return Write{}, err
		}
		if r.Sealed, err = s.seal(k.Kind, org, id, v); err != nil {
			return Write{}, err
		}
		action, detail := k.Kind+".created", any(nil)
		if exists {
			before, err := row(k.Kind, org, id, old)
			if err != nil {
				return Write{}, err
			}
			action, detail = k.Kind+".updated", changedFields{changedMembers(before.Doc, r.Doc)}
		}
		w := Write{Rows: []Put{{Row: r, Expect: version}}}
		if k.alone {
			// The org's row, as it is, moves for the next one who read it before.
			same, err := row(directory.KindOrg, org, org, owner)
			if err != nil {
				return Write{}, err
			}
			w.Rows = append(w.Rows, Put{Row: same, Expect: orgVersion})
		}
		if k.raise != nil {
			if w.Raised, err = k.raise(s, v); err != nil {
				return Write{}, err
			}
		}
		w.Audit, err = record(now, org, actor, action, id, detail)
		return w, err
	})
	return v, err
}

// update is put for an object that must exist: mutate changes a copy.
func (k kept[T]) update(ctx context.Context, s *Service, actor, org, id string, mutate func(now time.Time, v *T) error) (*T, error) {
	return k.put(ctx, s, actor, org, id, func(now time.Time, old *T) (*T, error) {
		if old == nil {
			return nil, peal.NotFound(k.name)
		}
		v := *old
		return &v, mutate(now, &v)
	})
}

func (k kept[T]) delete(ctx context.Context, s *Service, actor, org, id string) error {
	return s.write(ctx, func(now time.Time) (Write, error) {
		put := s.tombstone(k.Kind, org, id)
		if _, ok := k.Get(s.Directory, org, id); !ok {
			return Write{}, peal.NotFound(k.name)
		}
		audit, err := record(now, org, actor, k.Kind+".deleted", id, nil)
		return Write{Rows: []Put{put}, Audit: audit}, err
	})
}

// seal gives the sealed private part of an object, nil where its kind has none.
func (s *Service) seal(kind, org, id string, v any) ([]byte, error) {
	o, ok := v.(directory.Sealing)
	if !ok {
		return nil, nil
	}
	private, err := json.Marshal(o.Private())
	if err != nil {
		return nil, peal.Wrap(peal.CodeInternal, err, "the object cannot be written")
	}
	return s.Ring.Seal(private, directory.SealedFor(kind, org, id)), nil
}

// changedMembers names the members that differ in two versions of an object, sorted.
func changedMembers(before, after []byte) []string {
	var old, now map[string]json.RawMessage
	if json.Unmarshal(before, &old) != nil || json.Unmarshal(after, &now) != nil {
		return nil // both were marshalled from structs
	}
	delete(now, "updated_at")
	delete(old, "updated_at")
	names := []string{}
	for name := range now {
		if !bytes.Equal(old[name], now[name]) {
			names = append(names, name)
		}
	}
	for name := range old {
		if _, still := now[name]; !still {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
