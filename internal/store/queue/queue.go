package queue

import (
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
)

var (
	_ publish.Store   = (*Queue)(nil)
	_ publish.Reader  = (*Queue)(nil)
	_ dispatch.Store  = (*Queue)(nil)
	_ dispatch.Hand   = (*Queue)(nil)
	_ dispatch.Health = (*Queue)(nil)
	_ dispatch.Events = (*Queue)(nil)
	_ janitor.Store   = (*Queue)(nil)
)

// Queue is the durable queue of one database.
type Queue struct {
	db      *store.DB
	sql     dialect
	commits *store.Lane[*commit]
	records *store.Lane[*record]
	owned   owned
	// The writer's goroutine alone uses these.
	batch batch
	// step is the purge that comes next.
	step int
	orgs orgPurge
}

// The bounds of one group: what a transaction takes, and what may wait for it.
const (
	maxCommits     = 256
	maxCommitRows  = 4096
	maxCommitBytes = 32 << 20
	maxRecords     = 512
	// linger is how long an outcome waits for others to be recorded with. After a
	// crash, what was sent within it is sent again.
	linger = 20 * time.Millisecond
)

// New adds the queue's lanes to the database's writer.
func New(db *store.DB) *Queue {
	q := &Queue{db: db, sql: dialectOf(db), owned: owned{rows: map[peal.DeliveryID]place{}}, batch: newBatch()}
	q.commits = store.NewLane(db, store.LaneConfig{
		MaxItems: maxCommits, MaxRows: maxCommitRows, MaxBytes: maxCommitBytes,
	}, q.writeCommits)
	q.records = store.NewLane(db, store.LaneConfig{
		MaxItems: maxRecords, MaxRows: maxRecords, Patient: true, Linger: linger,
	}, q.writeRecords)
	db.OnNewSession(q.owned.clear)
	return q
}

// owned is what the session owns in live, as of the last transaction. It spares an
// index over owners, which every delivery would pay for twice.
type owned struct {
	mu   sync.Mutex
	rows map[peal.DeliveryID]place
}

// place is where to find a delivery.
type place struct {
	org      string
	endpoint peal.EndpointID
}

func (o *owned) add(id peal.DeliveryID, p place) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rows[id] = p
}

func (o *owned) remove(ids ...peal.DeliveryID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		delete(o.rows, id)
	}
}

// ids are those of the session that f selects.
func (o *owned) ids(f func(place) bool) []peal.DeliveryID {
	o.mu.Lock()
	defer o.mu.Unlock()
	var ids []peal.DeliveryID
	for id, p := range o.rows {
		if f(p) {
			ids = append(ids, id)
		}
	}
	return ids
}

// ownedRow is a row of live that the session owns.
type ownedRow struct {
	org string
	id  peal.DeliveryID
}

// these are those of the deliveries that the session owns.
func (o *owned) these(ids []peal.DeliveryID) []ownedRow {
	o.mu.Lock()
	defer o.mu.Unlock()
	var rows []ownedRow
	for _, id := range ids {
		if p, ok := o.rows[id]; ok {
			rows = append(rows, ownedRow{p.org, id})
		}
	}
	return rows
}

func (o *owned) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.rows)
}

func eventID(b []byte) (id peal.EventID) {
	copy(id[:], b)
	return id
}

func deliveryID(b []byte) (id peal.DeliveryID) {
	copy(id[:], b)
	return id
}

func endpointID(b []byte) (id peal.EndpointID) {
	copy(id[:], b)
	return id
}
