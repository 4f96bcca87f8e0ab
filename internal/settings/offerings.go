package settings

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

var offerings = kept[peal.Offering]{Objects: directory.Offerings, name: "offering", check: (*Service).checkOffering}

func (s *Service) checkOffering(o *peal.Offering) error {
	if o.Name == "" {
		return peal.Invalid("name", "an offering has a name")
	}
	if err := checkName("name", o.Name); err != nil {
		return err
	}
	if len(o.Description) > maxDescription {
		return peal.Invalid("description", "description is at most %d bytes", maxDescription)
	}
	if !o.Workflow.IsZero() {
		if _, ok := directory.Workflows.Get(s.Directory, o.Org, o.Workflow.String()); !ok {
			return peal.Invalid("workflow", "there is no workflow %s", o.Workflow)
		}
	}
	return o.SLA.Validate()
}

// CreateOffering makes an offering.
func (s *Service) CreateOffering(ctx context.Context, actor string, o peal.Offering) (*peal.Offering, error) {
	o.ID = peal.NewOfferingID(s.Now())
	return offerings.put(ctx, s, actor, o.Org, o.ID.String(), func(now time.Time, _ *peal.Offering) (*peal.Offering, error) {
		made := o
		made.CreatedAt, made.UpdatedAt = now, now
		return &made, nil
	})
}

// UpdateOffering changes an offering. Requests that were opened keep their targets.
func (s *Service) UpdateOffering(ctx context.Context, actor, org string, id peal.OfferingID, mutate func(*peal.Offering) error) (*peal.Offering, error) {
	return offerings.update(ctx, s, actor, org, id.String(), func(now time.Time, o *peal.Offering) error {
		o.UpdatedAt = now
		return mutate(o)
	})
}

// DeleteOffering deletes an offering that no hook names. Its requests stay.
func (s *Service) DeleteOffering(ctx context.Context, actor, org string, id peal.OfferingID) error {
	for _, h := range directory.Hooks.All(s.Directory, org) {
		if h.Offering == id.String() {
			return peal.Errorf(peal.CodeConflict, "the hook %s opens requests of the offering; delete it first, or have it name another", h.ID)
		}
	}
	return offerings.delete(ctx, s, actor, org, id.String())
}
