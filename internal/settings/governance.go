package settings

import (
	"context"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// maxRules bounds what every usage record is held against.
const maxRules = 1000

var (
	rules = kept[peal.Rule]{
		Objects: directory.Rules, name: "rule",
		check: func(_ *Service, r *peal.Rule) error { return r.Check() },
	}
	governances = kept[peal.Governance]{
		Objects: directory.Governances, name: "governance",
		check: func(_ *Service, g *peal.Governance) error { return g.Check() },
	}
	members = kept[peal.Member]{
		Objects: directory.Members, name: "member",
		check: func(_ *Service, m *peal.Member) error { return m.Check() },
	}
)

// CreateRule makes a rule of the org that it names.
func (s *Service) CreateRule(ctx context.Context, actor string, r peal.Rule) (*peal.Rule, error) {
	if len(directory.Rules.All(s.Directory, r.Org)) >= maxRules {
		return nil, peal.Errorf(peal.CodeConflict, "an org has at most %d rules", maxRules)
	}
	r.ID = peal.NewRuleID(s.Now())
	r.Complete()
	return rules.put(ctx, s, actor, r.Org, r.ID.String(), func(now time.Time, _ *peal.Rule) (*peal.Rule, error) {
		created := r
		created.CreatedAt, created.UpdatedAt = now, now
		return &created, nil
	})
}

// UpdateRule changes a rule; its id, org, kind and time of creation stay.
func (s *Service) UpdateRule(ctx context.Context, actor, org, id string, mutate func(*peal.Rule) error) (*peal.Rule, error) {
	return rules.update(ctx, s, actor, org, id, func(now time.Time, r *peal.Rule) error {
		old := *r
		if err := mutate(r); err != nil {
			return err
		}
		if r.Kind != old.Kind {
			return peal.Invalid("kind", "a rule keeps its kind; make another")
		}
		r.ID, r.Org, r.CreatedAt, r.UpdatedAt = old.ID, old.Org, old.CreatedAt, now
		return nil
	})
}

// DeleteRule deletes a rule.
func (s *Service) DeleteRule(ctx context.Context, actor, org, id string) error {
	return rules.delete(ctx, s, actor, org, id)
}

// UpdateGovernance changes how an org counts.
func (s *Service) UpdateGovernance(ctx context.Context, actor, org string, mutate func(*peal.Governance)) (*peal.Governance, error) {
	return governances.put(ctx, s, actor, org, directory.GovernanceID, func(now time.Time, old *peal.Governance) (*peal.Governance, error) {
		g := peal.DefaultGovernance(org)
		if old != nil {
			g = *old
		}
		mutate(&g)
		g.Org, g.UpdatedAt = org, now
		return &g, nil
	})
}

// AddMember adds a person to the org that the member names. CodeConflict where the
// address is a member's already.
func (s *Service) AddMember(ctx context.Context, actor string, m peal.Member) (*peal.Member, error) {
	m.ID = peal.NewMemberID(s.Now())
	m.Email = strings.TrimSpace(m.Email)
	k := members
	k.alone = true
	k.raise = func(s *Service, m *peal.Member) ([]peal.Raised, error) { return s.memberAdded(actor, m) }
	return k.put(ctx, s, actor, m.Org, m.ID.String(), func(now time.Time, _ *peal.Member) (*peal.Member, error) {
		for _, other := range directory.Members.All(s.Directory, m.Org) {
			if strings.EqualFold(other.Email, m.Email) {
				return nil, peal.Errorf(peal.CodeConflict, "%s is a member already", m.Email)
			}
		}
		added := m
		added.CreatedAt, added.UpdatedAt = now, now
		return &added, nil
	})
}

// UpdateMember changes a member's role.
func (s *Service) UpdateMember(ctx context.Context, actor, org, id string, role peal.Role) (*peal.Member, error) {
	return members.update(ctx, s, actor, org, id, func(now time.Time, m *peal.Member) error {
		m.Role, m.UpdatedAt = role, now
		return nil
	})
}

// RemoveMember takes a person out of the org.
func (s *Service) RemoveMember(ctx context.Context, actor, org, id string) error {
	return members.delete(ctx, s, actor, org, id)
}
