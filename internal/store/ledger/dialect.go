package ledger

import (
	"time"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/store"
)

// dialect is the SQL that each database has in its own way. All of it runs on the
// writer's goroutine.
type dialect interface {
	// claim writes ids, and marks the records whose ids were there.
	claim(tx *store.Tx, ids map[string]*claim) error
	// The next three read into maps that name what is wanted, and keep other nodes
	// from changing that before the transaction ends.
	readReservations(tx *store.Tx, into map[reservationID]*governance.Reservation) error
	readMeters(tx *store.Tx, into map[governance.MeterID]*governance.Meter) error
	readMemories(tx *store.Tx, into map[governance.MemoryID]*governance.Memory) error
	// remember writes what is told, forgets what is over, and gives what was not told
	// yet.
	remember(tx *store.Tx, alerts []*governance.Alert, now int64) (map[governance.AlertID]bool, error)
	// rollupSession is under which session usage is summed up.
	rollupSession() int64
	oldIDs() string
}

func dialectOf(db *store.DB) dialect {
	if db.Dialect() == store.PostgreSQL {
		return &postgres{session: db.Session}
	}
	return sqlite{}
}

func dayOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// readMeter reads a meter's counts from the columns of a row, from the first on.
func readMeter(m *governance.Meter, r store.Row, first int) {
	m.Requests, m.Tokens, m.Cost = r.Int(first), r.Int(first+1), amount(r, first+2)
	m.HeldRequests, m.HeldTokens, m.HeldCost = r.Int(first+3), r.Int(first+4), amount(r, first+5)
	m.Granted = amount(r, first+6)
}
