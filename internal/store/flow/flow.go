package flow

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

var (
	_ workflow.Store  = (*Flow)(nil)
	_ workflow.Ledger = (*Flow)(nil)
	_ workflow.Fence  = (*Flow)(nil)
	_ janitor.Store   = (*Flow)(nil)
)

// Flow is the executions of one database.
type Flow struct {
	db      *store.DB
	commits *store.Lane[*commit]
	records *store.Lane[*record]
	refused *store.Lane[*refusal]
	purger  purger // the janitor's alone

	mu    sync.Mutex
	owned map[peal.ExecutionID]string // to the org
	known map[version]bool            // that are stored
}

// version names a text in workflow_version.
type version struct {
	workflow peal.WorkflowID
	number   int
}

// The bounds of one group: what a transaction takes, and what may wait for it.
const (
	maxCommits     = 256
	maxCommitBytes = 32 << 20
	maxRecords     = 256
	maxRefused     = 64
	maxRefusedSize = 1 << 20
	// maxKnown bounds how many versions are remembered as stored.
	maxKnown = 10_000
)

// New adds the lanes of executions to the database's writer.
func New(db *store.DB) *Flow {
	f := &Flow{db: db, owned: map[peal.ExecutionID]string{}, known: map[version]bool{}, purger: purger{places: map[string]place{}}}
	f.commits = store.NewLane(db, store.LaneConfig{MaxItems: maxCommits, MaxRows: 2 * maxCommits, MaxBytes: maxCommitBytes}, f.writeCommits)
	f.records = store.NewLane(db, store.LaneConfig{MaxItems: maxRecords, MaxRows: 8 * maxRecords, Patient: true}, f.writeRecords)
	f.refused = store.NewLane(db, store.LaneConfig{MaxItems: maxRefused, MaxRows: maxRefused, MaxBytes: maxRefusedSize}, f.writeRefused)
	db.OnNewSession(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		clear(f.owned)
	})
	return f
}

func (f *Flow) own(org string, id peal.ExecutionID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owned[id] = org
}

func (f *Flow) disown(ids ...peal.ExecutionID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		delete(f.owned, id)
	}
}

// Owned implements workflow.Fence.
func (f *Flow) Owned() []peal.ExecutionID {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := make([]peal.ExecutionID, 0, len(f.owned))
	for id := range f.owned {
		ids = append(ids, id)
	}
	return ids
}

func (f *Flow) orgOf(id peal.ExecutionID) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	org, ok := f.owned[id]
	return org, ok
}

// locking is what a subquery that chooses rows for an update ends with.
func (f *Flow) locking() string {
	if f.db.Dialect() == store.PostgreSQL {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

type scanner func(dest ...any) error

// rows runs a query on a reader and hands each row to f.
func (f *Flow) rows(ctx context.Context, each func(scanner) error, query string, args ...any) error {
	return f.db.Read(ctx, func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		for rows.Next() && err == nil {
			err = each(rows.Scan)
		}
		return errors.Join(err, rows.Err(), rows.Close())
	})
}

func executionID(b []byte) (id peal.ExecutionID) {
	copy(id[:], b)
	return id
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
