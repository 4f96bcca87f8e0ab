package directory_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// A person's memberships are found over all orgs, as the last change left them.
func TestMemberships(t *testing.T) {
	src := &memory{}
	d := newDirectory(t, src)
	row := func(org string, n int64, email string, role peal.Role) directory.Row {
		m := peal.Member{ID: peal.NewMemberID(time.UnixMilli(n)), Org: org, Email: email, Role: role}
		return directory.Row{Kind: directory.Members.Kind, Org: org, ID: m.ID.String(), Doc: marshal(t, m)}
	}
	want := func(email string, orgs ...string) {
		t.Helper()
		refresh(t, d)
		var got []string
		for _, m := range d.Memberships(email) {
			got = append(got, m.Org+" "+string(m.Role))
		}
		if diff := cmp.Diff(orgs, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", email, diff)
		}
	}
	inB, inA := row("b", 1, "grace@example.com", peal.Viewer), row("a", 2, "Grace@Example.com", peal.Admin)
	src.put(inB, inA, row("a", 3, "ada@example.com", peal.Viewer))
	want("GRACE@example.com", "a admin", "b viewer")
	want("ada@example.com", "a viewer")
	want("alan@example.com")
	want("")

	promoted := inB
	m := peal.Member{Org: "b", Email: "grace@example.com", Role: peal.Publisher}
	promoted.Doc = marshal(t, m)
	src.put(promoted)
	want("grace@example.com", "a admin", "b publisher")

	broken := inA
	broken.Doc = []byte("{")
	src.put(broken)
	want("grace@example.com", "b publisher")
	src.put(deleted(inB))
	want("grace@example.com")
	src.put(inA)
	want("grace@example.com", "a admin")
}
