package auth

import "github.com/peal-dev/peal/internal/peal"

// Memberships are the identities of the person with a mail address as things stand now: one
// for each org, by the org's id. That the address is the person's own, the caller knows.
func (a *Authenticator) Memberships(email string) []Identity {
	var all []Identity
	for _, m := range a.keys.Memberships(email) {
		if _, ok := a.keys.Org(m.Org); ok {
			all = append(all, Identity{Actor: m.Email, Org: m.Org, Role: m.Role})
		}
	}
	return all
}

// Member is the identity of a person in one org; CodeNotFound where they are no member.
func (a *Authenticator) Member(email, org string) (Identity, error) {
	for _, id := range a.Memberships(email) {
		if id.Org == org {
			return id, nil
		}
	}
	return Identity{}, peal.NotFound("org")
}
