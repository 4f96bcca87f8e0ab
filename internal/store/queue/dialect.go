package queue

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// dialect is the SQL that each database has in its own way: the hot path and what only
// one of them can say. All of it runs on the writer's goroutine, but for queries.
type dialect interface {
	// names are those of one run of a group.
	names(g *group) names
	// record takes owned deliveries out of live or lets them wait there, adds what is
	// finished to the batch or writes it, and marks those that are fenced.
	record(tx *store.Tx, items []*record, b *batch) error
	// addTally counts deliveries by endpoint, up or down.
	addTally(tx *store.Tx, n map[peal.EndpointID]int64) error
	// own makes the session the owner of rows that a claim found; disown lets those go
	// that it owns.
	own(tx *store.Tx, rows []claimed) error
	disown(tx *store.Tx, rows []ownedRow) error
	// takeLane makes the session the owner of a bound lane where no other is, and tells
	// whether it is. poke has another owner look at what it holds of a lane again.
	takeLane(tx *store.Tx, ep peal.EndpointID) (owner bool, pokes int64, err error)
	poke(tx *store.Tx, ep peal.EndpointID) error
	queries() *queries
	// purges are the janitor's steps, each a chunk.
	purges(r janitor.Retention, now time.Time) []purge
	// tend does one step of what the janitor does outside of the writer, and tells about
	// how many rows it dealt with.
	tend(ctx context.Context, r janitor.Retention, now time.Time) (int, error)
	// purgeOldEvents deletes those of the events of which no delivery is left.
	purgeOldEvents(tx *store.Tx, old []oldEvent) (looked, n int, err error)
	// dropDone deletes finished deliveries of an org.
	dropDone(tx *store.Tx, org string, ids []peal.DeliveryID) error
}

// queries are those of claims, and the skip scan of the backlog.
type queries struct {
	due, inOrder, nextDue, backlog string
	// dueGroups are the groups with deliveries that are due, locked; dueByGroup is due
	// with those of a group one after the other.
	dueGroups, dueByGroup string
}

// purge deletes one chunk of what is old and tells how many rows it dealt with.
type purge func(*store.Tx) (int, error)

func dialectOf(db *store.DB) dialect {
	if db.Dialect() == store.PostgreSQL {
		return &postgres{db: db, session: db.Session, thinned: map[store.Partition]time.Time{}}
	}
	return &sqlite{session: db.Session}
}
