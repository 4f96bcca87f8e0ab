package settings

import (
	"context"
	"errors"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/filter"
	"github.com/peal-dev/peal/internal/peal"
)

// maxBindings is how many bindings an endpoint may have.
const maxBindings = 100

var bindings = kept[peal.Binding]{Objects: directory.Bindings, name: "binding", check: checkBinding}

// CreateBinding makes a binding of an endpoint of the org.
func (s *Service) CreateBinding(ctx context.Context, actor string, b peal.Binding) (*peal.Binding, error) {
	b.ID = peal.NewBindingID(s.Now())
	return bindings.put(ctx, s, actor, b.Org, b.ID.String(), func(now time.Time, _ *peal.Binding) (*peal.Binding, error) {
		if len(s.Directory.BindingsOf(b.Org, b.Endpoint)) >= maxBindings {
			return nil, peal.Errorf(peal.CodeConflict, "the endpoint has %d bindings, which is the most", maxBindings)
		}
		b.CreatedAt, b.UpdatedAt = now, now
		return &b, nil
	})
}

// UpdateBinding changes what a binding matches or its endpoint.
func (s *Service) UpdateBinding(ctx context.Context, actor, org string, id peal.BindingID, mutate func(*peal.Binding) error) (*peal.Binding, error) {
	return bindings.update(ctx, s, actor, org, id.String(), func(now time.Time, b *peal.Binding) error {
		b.UpdatedAt = now
		return mutate(b)
	})
}

// DeleteBinding deletes a binding. An endpoint without any takes its subscription again.
func (s *Service) DeleteBinding(ctx context.Context, actor, org string, id peal.BindingID) error {
	return bindings.delete(ctx, s, actor, org, id.String())
}

// Bind replaces all bindings of an endpoint by one of the given types, in one write.
// Without types it takes every event.
func (s *Service) Bind(ctx context.Context, actor, org string, id peal.EndpointID, types []peal.Pattern) error {
	return s.write(ctx, func(now time.Time) (w Write, err error) {
		if _, ok := s.Directory.EndpointOf(org, id); !ok {
			return Write{}, peal.NotFound("endpoint")
		}
		w.Rows = s.unbind(org, id)
		b := &peal.Binding{ID: peal.NewBindingID(now), Org: org, Match: peal.Match{Types: types}, Endpoint: id, CreatedAt: now, UpdatedAt: now}
		if err := checkBinding(s, b); err != nil {
			return Write{}, err
		}
		r, err := row(bindings.Kind, org, b.ID.String(), b)
		if err != nil {
			return Write{}, err
		}
		w.Rows = append(w.Rows, Put{Row: r, Expect: MustNotExist})
		w.Audit, err = record(now, org, actor, "endpoint.bound", id.String(), b.Match)
		return w, err
	})
}

// unbind are tombstones for the bindings of an endpoint.
func (s *Service) unbind(org string, id peal.EndpointID) (rows []Put) {
	for _, b := range s.Directory.BindingsOf(org, id) {
		rows = append(rows, s.tombstone(bindings.Kind, org, b.ID.String()))
	}
	return rows
}

func checkBinding(s *Service, b *peal.Binding) error {
	if _, ok := s.Directory.EndpointOf(b.Org, b.Endpoint); !ok {
		return peal.NotFound("endpoint")
	}
	return checkMatch(&b.Match)
}

// checkMatch reports what in a match may not stand.
func checkMatch(m *peal.Match) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if m.Filter == "" {
		return nil
	}
	_, err := filter.Compile(m.Filter)
	return within("match", err)
}

// within names the member that the path of a bad field begins with.
func within(member string, err error) error {
	var e *peal.Error
	if !errors.As(err, &e) || e.Field == "" {
		return err
	}
	moved := *e
	moved.Field = member + "." + e.Field
	return &moved
}
