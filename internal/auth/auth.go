package auth

import (
	"context"
	"net/http"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// OrgHeader names the org that an admin key acts in.
const OrgHeader = "X-Org-ID"

// AdminActor is how the instance's admin is written in the audit trail.
const AdminActor = "admin"

// Keys knows the orgs, their keys and their members.
type Keys interface {
	// KeyByHash finds a key by its SHA-256; one without an org is an admin key.
	KeyByHash(hash [32]byte) (peal.Key, bool)
	// Memberships are those of the person with a mail address, by their orgs' ids.
	Memberships(email string) []*peal.Member
	Org(id string) (peal.Org, bool)
}

// Identity is who acts, and where.
type Identity struct {
	// Actor is the name in the audit trail: "admin", the key's id, or the member's address.
	Actor string    `json:"actor"`
	Org   string    `json:"org"`
	Role  peal.Role `json:"role"`
	// Admin is the instance's admin, who may act in every org.
	Admin bool `json:"admin,omitempty"`
}

// Require fails with peal.CodeForbidden where the role is not enough.
func (id Identity) Require(need peal.Role) error {
	if !id.Role.Includes(need) {
		return peal.Errorf(peal.CodeForbidden, "this needs the role %s, yours is %s", need, id.Role)
	}
	return nil
}

// Authenticator knows requests by their bearer key. Keys are looked up by hash, so
// that how long it takes says nothing about them.
type Authenticator struct {
	keys  Keys
	admin map[[32]byte]bool
}

// New makes an Authenticator. The admin keys are hashes of those in the
// configuration; those in the store are found through keys.
func New(keys Keys, adminKeys ...[32]byte) *Authenticator {
	a := &Authenticator{keys: keys, admin: make(map[[32]byte]bool, len(adminKeys))}
	for _, hash := range adminKeys {
		a.admin[hash] = true
	}
	return a
}

// Authenticate reads Authorization: Bearer KEY and X-Org-ID, unless the request comes
// from within the process and says who sends it. It fails with peal.CodeUnauthorized
// without a valid key, and with peal.CodeNotFound for an org that does not exist or that
// the key does not belong to.
func (a *Authenticator) Authenticate(r *http.Request) (Identity, error) {
	if id, ok := r.Context().Value(identityKey{}).(Identity); ok {
		return id, nil
	}
	token, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		return Identity{}, peal.Errorf(peal.CodeUnauthorized, "an API key is needed, as Authorization: Bearer KEY")
	}
	return a.Identify(secret.HashKey(token), r.Header.Get(OrgHeader))
}

type identityKey struct{}

// WithIdentity marks requests that the process makes to itself for a person whom it
// knows already.
func WithIdentity(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// Identify is Authenticate for the hash of a key and the org that is named beside it,
// empty for none.
func (a *Authenticator) Identify(hash [32]byte, named string) (Identity, error) {
	if a.admin[hash] {
		return a.adminIn(named)
	}
	key, ok := a.keys.KeyByHash(hash)
	switch {
	case !ok:
		return Identity{}, peal.Errorf(peal.CodeUnauthorized, "the API key is not valid")
	case key.Org == "":
		return a.adminIn(named)
	case named != "" && named != key.Org:
		return Identity{}, peal.NotFound("org")
	}
	return Identity{Actor: key.ID.String(), Org: key.Org, Role: key.Role}, nil
}

// OrgOf is the org of an identity that was given earlier; CodeNotFound where it does not
// exist any more.
func (a *Authenticator) OrgOf(id Identity) (peal.Org, error) {
	org, ok := a.keys.Org(id.Org)
	if !ok {
		return org, peal.NotFound("org")
	}
	return org, nil
}

// InOrg is an admin's identity in another org.
func (a *Authenticator) InOrg(id Identity, org string) (Identity, error) {
	if !id.Admin {
		return Identity{}, peal.NotFound("org")
	}
	return a.adminIn(org)
}

func (a *Authenticator) adminIn(org string) (Identity, error) {
	if org == "" {
		org = peal.DefaultOrg
	}
	if _, ok := a.keys.Org(org); !ok {
		return Identity{}, peal.Errorf(peal.CodeNotFound, "there is no org %q; make it with POST /v1/orgs and that id", peal.Clip(org, clipLen))
	}
	return Identity{Actor: AdminActor, Org: org, Role: peal.Admin, Admin: true}, nil
}

// clipLen is how much of an org's name is repeated.
const clipLen = 64

// bearer reads credentials of RFC 6750; the scheme's case does not matter.
func bearer(credentials string) (string, bool) {
	scheme, token, _ := strings.Cut(credentials, " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "bearer") && token != ""
}
