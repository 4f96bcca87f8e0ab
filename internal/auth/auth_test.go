package auth_test

import (
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

const (
	configured = "an admin key of the configuration"
	stored     = "peal_admin"
	viewer     = "peal_viewer"
)

var viewerID = peal.NewKeyID(time.UnixMilli(1))

// known is a small directory.
type known struct{}

func (known) Org(id string) (peal.Org, bool) {
	return peal.Org{ID: id}, id == peal.DefaultOrg || id == "acme"
}

func (known) Memberships(email string) []*peal.Member {
	if peal.FoldEmail(email) != "grace@example.com" {
		return nil
	}
	return []*peal.Member{
		{Org: "acme", Email: "Grace@example.com", Role: peal.Viewer},
		{Org: "deleted", Email: "grace@example.com", Role: peal.Admin},
		{Org: peal.DefaultOrg, Email: "grace@example.com", Role: peal.Admin},
	}
}

func (known) KeyByHash(hash [32]byte) (peal.Key, bool) {
	switch hash {
	case secret.HashKey(stored):
		return peal.Key{Role: peal.Admin}, true
	case secret.HashKey(viewer):
		return peal.Key{ID: viewerID, Org: "acme", Role: peal.Viewer}, true
	}
	return peal.Key{}, false
}

func TestAuthenticate(t *testing.T) {
	a := auth.New(known{}, secret.HashKey(configured))
	admin := func(org string) auth.Identity {
		return auth.Identity{Actor: auth.AdminActor, Org: org, Role: peal.Admin, Admin: true}
	}
	reader := auth.Identity{Actor: viewerID.String(), Org: "acme", Role: peal.Viewer}
	for _, tc := range []struct {
		name, authorization, org string
		want                     auth.Identity
		code                     peal.Code
	}{
		{"configured admin key", "Bearer " + configured, "", admin(peal.DefaultOrg), ""},
		{"scheme in any case", "bEARER " + configured, "acme", admin("acme"), ""},
		{"admin key in the store", "Bearer " + stored, "acme", admin("acme"), ""},
		{"admin in no org", "Bearer " + configured, "nobody", auth.Identity{}, peal.CodeNotFound},
		{"stored admin in no org", "Bearer " + stored, "nobody", auth.Identity{}, peal.CodeNotFound},
		{"an org's key", "Bearer " + viewer, "", reader, ""},
		{"its own org named", "Bearer " + viewer, "acme", reader, ""},
		{"another org named", "Bearer " + viewer, peal.DefaultOrg, auth.Identity{}, peal.CodeNotFound},
		{"nothing", "", "", auth.Identity{}, peal.CodeUnauthorized},
		{"no key", "Bearer ", "", auth.Identity{}, peal.CodeUnauthorized},
		{"another scheme", "Basic " + configured, "", auth.Identity{}, peal.CodeUnauthorized},
		{"no scheme", configured, "", auth.Identity{}, peal.CodeUnauthorized},
		{"unknown key", "Bearer peal_unknown", "", auth.Identity{}, peal.CodeUnauthorized},
		{"unknown key with an org", "Bearer peal_unknown", "nobody", auth.Identity{}, peal.CodeUnauthorized},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/v1/endpoints", nil)
			if tc.authorization != "" {
				r.Header.Set("Authorization", tc.authorization)
			}
			if tc.org != "" {
				r.Header.Set(auth.OrgHeader, tc.org)
			}
			got, err := a.Authenticate(r)
			if got != tc.want {
				t.Errorf("identity %+v, want %+v", got, tc.want)
			}
			switch {
			case tc.code == "" && err != nil:
				t.Error(err)
			case tc.code != "" && peal.CodeOf(err) != tc.code:
				t.Errorf("error %v, want code %s", err, tc.code)
			}
		})
	}
}

func TestMembers(t *testing.T) {
	a := auth.New(known{})
	want := []auth.Identity{
		{Actor: "Grace@example.com", Org: "acme", Role: peal.Viewer},
		{Actor: "grace@example.com", Org: peal.DefaultOrg, Role: peal.Admin},
	}
	if got := a.Memberships("GRACE@example.com"); !slices.Equal(got, want) {
		t.Errorf("memberships %+v, want %+v: those of orgs that exist", got, want)
	}
	if got, err := a.Member("grace@example.com", "acme"); err != nil || got != want[0] {
		t.Errorf("in acme %+v, %v", got, err)
	}
	for _, tc := range [][2]string{{"grace@example.com", "other"}, {"grace@example.com", ""}, {"grace@example.com", "deleted"}, {"alan@example.com", "acme"}, {"", "acme"}} {
		if got, err := a.Member(tc[0], tc[1]); peal.CodeOf(err) != peal.CodeNotFound || got != (auth.Identity{}) {
			t.Errorf("%q in %q: %+v, %v", tc[0], tc[1], got, err)
		}
	}
}

func TestRequire(t *testing.T) {
	for _, tc := range []struct {
		role, need peal.Role
		ok         bool
	}{
		{peal.Viewer, peal.Viewer, true},
		{peal.Viewer, peal.Publisher, false},
		{peal.Publisher, peal.Publisher, true},
		{peal.Publisher, peal.Admin, false},
		{peal.Admin, peal.Viewer, true},
		{"", peal.Viewer, false},
	} {
		err := auth.Identity{Role: tc.role}.Require(tc.need)
		if tc.ok && err != nil || !tc.ok && peal.CodeOf(err) != peal.CodeForbidden {
			t.Errorf("%q where %s is needed: %v", tc.role, tc.need, err)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	a := auth.New(known{}, secret.HashKey(configured))
	r := httptest.NewRequest("GET", "/v1/endpoints", nil)
	r.Header.Set("Authorization", "Bearer "+viewer)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(r); err != nil {
			b.Fatal(err)
		}
	}
}
