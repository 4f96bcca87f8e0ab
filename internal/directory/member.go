package directory

import (
	"cmp"
	"slices"

	"github.com/peal-dev/peal/internal/peal"
)

// applyMember keeps the memberships of a person together, over all orgs.
func (d *Directory) applyMember(t *tenant, p *parsed) {
	old, _ := t.list(Members.Kind).get(p.row.ID)
	d.applyObject(t, p)
	if old != nil {
		email := peal.FoldEmail(Members.value(old).Email)
		d.members[email] = slices.DeleteFunc(d.members[email], func(o *object) bool { return o == old })
		if len(d.members[email]) == 0 {
			delete(d.members, email)
		}
	}
	if p.object != nil {
		email := peal.FoldEmail(Members.value(p.object).Email)
		d.members[email] = append(d.members[email], p.object)
	}
}

// Memberships are those of the person with a mail address, by their orgs' ids.
func (d *Directory) Memberships(email string) []*peal.Member {
	d.mu.RLock()
	found := convert(d.members[peal.FoldEmail(email)], Members.value)
	d.mu.RUnlock()
	slices.SortFunc(found, func(a, b *peal.Member) int { return cmp.Compare(a.Org, b.Org) })
	return found
}
