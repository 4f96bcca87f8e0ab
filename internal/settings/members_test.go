package settings_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/test/pgtest"
)

// Nodes add the same people at once: each is a member once, and nobody is left out.
func TestConcurrentMembersAreOne(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { // one process, whose directories lag behind each other
		t.Parallel()
		r := newRows(t)
		concurrentMembers(t, newNode(t, r), newNode(t, r), newNode(t, r))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := pgtest.Schema(t)
		_, err := store.Migrate(t.Context(), url)
		check(t, err)
		var nodes []*node
		for range 3 {
			nodes = append(nodes, newNode(t, rowsAt(t, url)))
		}
		concurrentMembers(t, nodes...)
	})
}

func concurrentMembers(t *testing.T, nodes ...*node) {
	t.Helper()
	const people = 5
	var adding sync.WaitGroup
	for i, n := range nodes {
		adding.Go(func() {
			for person := range people {
				email := fmt.Sprintf("person%d@example.com", person)
				if i == 0 {
					email = strings.ToUpper(email)
				}
				// The second one may be told that somebody was faster, or that it is so.
				for try := 0; ; try++ {
					_, err := n.AddMember(t.Context(), actor, peal.Member{Org: peal.DefaultOrg, Email: email, Role: peal.Viewer})
					if err == nil || peal.CodeOf(err) == peal.CodeConflict && strings.HasSuffix(err.Error(), "is a member already") {
						break
					}
					if peal.CodeOf(err) != peal.CodeConflict || try == 20 {
						t.Errorf("%s: %v", email, err)
						return
					}
				}
			}
		})
	}
	adding.Wait()
	for _, n := range nodes {
		check(t, n.dir.Refresh(t.Context()))
		got := map[string]int{}
		for _, m := range directory.Members.All(n.dir, peal.DefaultOrg) {
			got[strings.ToLower(m.Email)]++
		}
		for person := range people {
			if email := fmt.Sprintf("person%d@example.com", person); got[email] != 1 || len(got) != people {
				t.Errorf("%s is a member %d times, of %d people", email, got[email], len(got))
			}
		}
	}
	// Who was removed can be added again.
	n := nodes[0]
	gone := directory.Members.All(n.dir, peal.DefaultOrg)[0]
	check(t, n.RemoveMember(t.Context(), actor, peal.DefaultOrg, gone.ID.String()))
	_, err := n.AddMember(t.Context(), actor, peal.Member{Org: peal.DefaultOrg, Email: gone.Email, Role: peal.Admin})
	check(t, err)
}
