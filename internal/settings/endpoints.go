package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// CreateEndpoint completes, checks and stores a draft, whose org, kind and
// subscription are the caller's. The secret that it signs with is returned, once; it
// is empty where nothing is signed. CodePlan where the org's plan does not include it.
func (s *Service) CreateEndpoint(ctx context.Context, actor string, draft *peal.Endpoint) (*peal.Endpoint, string, error) {
	ep := clone(draft)
	if err := s.CheckEndpoint(ctx, ep); err != nil {
		return nil, "", err
	}
	err := s.write(ctx, func(now time.Time) (Write, error) {
		if _, err := s.org(ep.Org); err != nil {
			return Write{}, err
		}
		ep.ID, ep.CreatedAt, ep.UpdatedAt = peal.NewEndpointID(now), now, now
		if ep.Status == peal.Active {
			ep.ActiveSince = now
		}
		w, err := s.endpointWrite(ep, MustNotExist)
		if err != nil {
			return Write{}, err
		}
		w.Audit, err = record(now, ep.Org, actor, "endpoint.created", ep.ID.String(), map[string]string{"type": ep.Kind, "profile": ep.Profile})
		return w, err
	})
	if err != nil {
		return nil, "", err
	}
	return ep, currentSecret(ep), nil
}

// CheckEndpoint completes a draft as CreateEndpoint does, in place, and reports why it
// could not be created.
func (s *Service) CheckEndpoint(ctx context.Context, draft *peal.Endpoint) error {
	o, err := s.org(draft.Org)
	if err != nil {
		return err
	}
	if draft.Kind == webhookKind && !s.AllowsWebhooks(o.Plan) {
		return peal.Errorf(peal.CodePlan, "the plan %s does not include webhooks", o.Plan)
	}
	s.complete(o, draft)
	return s.check(ctx, &peal.Endpoint{}, draft)
}

// UpdateEndpoint changes an endpoint; its id, org, kind and time of creation stay. The
// function may be called several times, on a fresh deep copy each time.
func (s *Service) UpdateEndpoint(ctx context.Context, actor, org string, id peal.EndpointID, mutate func(*peal.Endpoint) error) (*peal.Endpoint, error) {
	return s.change(ctx, org, id, func(now time.Time, old, ep *peal.Endpoint, w *Write) error {
		if err := mutate(ep); err != nil {
			return err
		}
		ep.ID, ep.Org, ep.Kind, ep.CreatedAt, ep.UpdatedAt = old.ID, old.Org, old.Kind, old.CreatedAt, old.UpdatedAt
		if ep.Status != old.Status {
			ep.StatusReason = ""
		}
		if p, ok := s.Profiles.Get(ep.Profile); ok && ep.Profile != old.Profile {
			ep.Private.Secrets = fitting(p, ep.Private.Secrets)
		}
		fields := changed(old, ep)
		if len(fields) == 0 {
			return errUnchanged
		}
		if err := s.check(ctx, old, ep); err != nil {
			return err
		}
		var err error
		w.Audit, err = record(now, org, actor, "endpoint.updated", id.String(), changedFields{fields})
		return err
	})
}

// DeleteEndpoint deletes an endpoint with its secrets and bindings.
func (s *Service) DeleteEndpoint(ctx context.Context, actor, org string, id peal.EndpointID) error {
	return s.write(ctx, func(now time.Time) (Write, error) {
		put := s.tombstone(directory.KindEndpoint, org, id.String())
		if _, ok := s.Directory.EndpointOf(org, id); !ok {
			return Write{}, peal.NotFound("endpoint")
		}
		audit, err := record(now, org, actor, "endpoint.deleted", id.String(), nil)
		return Write{Rows: append(s.unbind(org, id), put), Audit: audit}, err
	})
}

// edit changes a copy of an endpoint and adds what is written with it.
type edit func(now time.Time, old, ep *peal.Endpoint, w *Write) error

// change applies an edit to an endpoint and writes it, unless the edit says
// errUnchanged.
func (s *Service) change(ctx context.Context, org string, id peal.EndpointID, apply edit) (*peal.Endpoint, error) {
	var ep *peal.Endpoint
	err := s.write(ctx, func(now time.Time) (Write, error) {
		version := s.Directory.RowVersion(directory.KindEndpoint, org, id.String())
		old, ok := s.Directory.EndpointOf(org, id)
		if !ok {
			return Write{}, peal.NotFound("endpoint")
		}
		if why := s.Directory.Broken(id); why != "" {
			return Write{}, peal.Errorf(peal.CodeConflict, "the endpoint cannot be changed: %s", why)
		}
		ep = clone(old)
		var extra Write
		if err := apply(now, old, ep, &extra); errors.Is(err, errUnchanged) {
			return Write{}, nil
		} else if err != nil {
			return Write{}, err
		}
		ep.UpdatedAt, ep.ActiveSince = now, old.ActiveSince
		if ep.Status == peal.Active && old.Status != peal.Active {
			ep.ActiveSince = now
		}
		w, err := s.endpointWrite(ep, version)
		w.Audit, w.Raised = extra.Audit, extra.Raised
		return w, err
	})
	if err != nil {
		return nil, err
	}
	return ep, nil
}

// endpointWrite seals the endpoint's private part and puts its row.
func (s *Service) endpointWrite(ep *peal.Endpoint, expect int64) (Write, error) {
	r, err := row(directory.KindEndpoint, ep.Org, ep.ID.String(), ep)
	if err != nil {
		return Write{}, err
	}
	private, err := json.Marshal(ep.Private)
	if err != nil {
		return Write{}, peal.Wrap(peal.CodeInternal, err, "the endpoint cannot be written")
	}
	r.Sealed = s.Ring.Seal(private, directory.SealedFor(directory.KindEndpoint, ep.Org, ep.ID.String()))
	return Write{Rows: []Put{{Row: r, Expect: expect}}}, nil
}

// clone copies an endpoint so that no part is shared.
func clone(ep *peal.Endpoint) *peal.Endpoint {
	c := *ep
	c.Events = slices.Clone(ep.Events)
	if ep.Retry != nil {
		c.Retry = &peal.RetryOverride{Schedule: slices.Clone(ep.Retry.Schedule), Timeout: ep.Retry.Timeout}
	}
	if ep.MuteHours != nil {
		hours := *ep.MuteHours // its windows are replaced, never changed
		c.MuteHours = &hours
	}
	if ep.Grouping != nil {
		grouping := *ep.Grouping
		grouping.By = slices.Clone(grouping.By)
		c.Grouping = &grouping
	}
	if ep.Digest != nil {
		digest := *ep.Digest
		c.Digest = &digest
	}
	c.Private = peal.Private{
		Secrets: slices.Clone(ep.Private.Secrets),
		Headers: maps.Clone(ep.Private.Headers),
		Config:  bytes.Clone(ep.Private.Config),
	}
	return &c
}
