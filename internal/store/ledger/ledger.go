package ledger

import (
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/store"
)

var (
	_ governance.Store     = (*Ledger)(nil)
	_ governance.Reader    = (*Ledger)(nil)
	_ governance.HourStore = (*Ledger)(nil)
	_ governance.History   = (*Ledger)(nil)
	_ janitor.Store        = (*Ledger)(nil)
)

// Ledger is governance in one database.
type Ledger struct {
	db   *store.DB
	sql  dialect
	lane *store.Lane[*work]
	// The writer's goroutine alone uses told.
	told told
	// step is the purge that comes next.
	step int
}

// The bounds of one group: what a transaction takes, and what may wait for it.
const (
	maxWorks = 512
	maxRows  = 16384
	maxBytes = 64 << 20
)

// New adds the ledger's lane to the database's writer.
func New(db *store.DB) *Ledger {
	l := &Ledger{db: db, sql: dialectOf(db), told: told{}}
	l.lane = store.NewLane(db, store.LaneConfig{MaxItems: maxWorks, MaxRows: maxRows, MaxBytes: maxBytes}, l.write)
	return l
}

// Submit implements governance.Store.
func (l *Ledger) Submit(w *governance.Work) error {
	item := &work{Work: w, l: l, rows: 4, bytes: workBytes}
	if w.Usage != nil {
		item.rows = 2 * len(w.Usage.Records)
		item.bytes += recordBytes * len(w.Usage.Records)
	}
	return l.lane.Add(item)
}

// About what a work and a record hold while they wait.
const (
	workBytes   = 512
	recordBytes = 256
)

// work is a governance.Work in the writer's lane.
type work struct {
	*governance.Work
	l           *Ledger
	rows, bytes int
	err         error
	// known are alerts that the work's group found told already.
	known []governance.AlertID
}

func (w *work) Rows() int  { return w.rows }
func (w *work) Bytes() int { return w.bytes }

// Owner is the org, so that a burst of one leaves room for the others.
func (w *work) Owner() string { return w.Plan.Org }

// Settle tells who waits.
func (w *work) Settle(err error) {
	if err == nil {
		err = w.err
		w.l.told.add(w.known)
	}
	w.Done(err)
}

// told are alerts that are known to be in the database for good, so that what is past
// its threshold need not ask again for every request.
type told map[governance.AlertID]struct{}

const maxTold = 1 << 16

func (t told) add(ids []governance.AlertID) {
	if len(t)+len(ids) > maxTold {
		clear(t)
	}
	for _, id := range ids {
		if id.Period != 0 {
			t[id] = struct{}{}
		}
	}
}
