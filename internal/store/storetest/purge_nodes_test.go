package storetest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// What another node uses again while the janitor waits for its commit is not old any
// more: a group has to stay for its deliveries to be claimed, a key and a window for what
// comes after.
func TestPurgeSparesWhatIsUsedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		use  func(*storetest.Fixture, *publish.Commit)
		kept func(f *storetest.Fixture, ep peal.EndpointID, next func() *publish.Commit) bool
	}{
		"key": {
			func(f *storetest.Fixture, c *publish.Commit) {
				c.Key = &publish.IdempotencyKey{Key: "k", Expires: f.Now().Add(time.Hour)}
			},
			func(_ *storetest.Fixture, _ peal.EndpointID, next func() *publish.Commit) bool {
				return next().Duplicate
			},
		},
		"window": {
			func(_ *storetest.Fixture, c *publish.Commit) {
				d := c.Events[0].Deliveries[0]
				d.DedupKey, d.DedupWindow = "w", time.Hour
			},
			func(_ *storetest.Fixture, _ peal.EndpointID, next func() *publish.Commit) bool {
				return next().Events[0].Deliveries[0].Status == peal.Suppressed
			},
		},
		"group": {
			func(f *storetest.Fixture, c *publish.Commit) { f.Collect(c.Events[0], peal.GroupID{1}) },
			func(f *storetest.Fixture, ep peal.EndpointID, _ func() *publish.Commit) bool {
				f.Pass(time.Hour)
				return len(f.ClaimGroups(ep, 10).Jobs) == 1
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := storetest.Postgres(t)
			a, b := storetest.NewNode(t, url+"&application_name=peal_"+name, 0), storetest.NewNode(t, url, 0)
			conn := connect(t, url)
			ep := a.Endpoint()
			commit := func(f *storetest.Fixture) *publish.Commit {
				c := f.Commit(f.Event(ep))
				test.use(f, c)
				return c
			}
			a.Check(a.Submit(commit(a))[0])
			if _, err := conn.Exec(t.Context(), "DELETE FROM live"); err != nil {
				t.Fatal(err)
			}
			a.Pass(31 * 24 * time.Hour)
			b.Pass(31 * 24 * time.Hour)

			again := commit(b)
			written, enough := make(chan struct{}), make(chan struct{})
			var working sync.WaitGroup
			b.Together(func() {
				working.Go(func() { b.Check(b.Submit(again)[0]) })
				working.Go(func() {
					b.Check(b.DB.Write(b.Ctx, func(tx *store.Tx) error {
						if err := tx.Flush(); err != nil {
							return err
						}
						close(written)
						<-enough
						return nil
					}))
				})
				eventually(t, "both wait", func() bool { return b.DB.Stats().Queued == 2 })
			})
			<-written
			working.Go(func() {
				purgeWith(a, janitor.Retention{Deliveries: 30 * 24 * time.Hour, Events: 90 * 24 * time.Hour})
			})
			eventually(t, "the janitor waits", func() (waits bool) {
				a.Check(conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity
					WHERE application_name = $1 AND wait_event_type = 'Lock')`, "peal_"+name).Scan(&waits))
				return waits
			})
			close(enough)
			working.Wait()
			if !test.kept(b, ep, func() *publish.Commit {
				next := commit(b)
				b.Check(b.Submit(next)[0])
				return next
			}) {
				t.Error("it is forgotten")
			}
		})
	}
}
