package queue

import (
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// sqlite is the dialect of a database with one writer, to which every statement is near:
// prepared ones for a row or for 64 are the quickest.
type sqlite struct {
	session func() int64
	// event is how far the janitor has walked over events.
	event int64
}

var sqliteQueries = queries{
	due: waiting + `INDEXED BY live_due WHERE endpoint_id = ? AND owner IS NULL AND due_at <= ? ORDER BY due_at LIMIT ?`,
	dueGroups: `SELECT DISTINCT group_id FROM live INDEXED BY live_due
		WHERE endpoint_id = ? AND owner IS NULL AND due_at <= ? AND group_id IS NOT NULL`,
	dueByGroup: waiting + `INDEXED BY live_due WHERE endpoint_id = ? AND owner IS NULL AND due_at <= ? ORDER BY due_at, group_id, id LIMIT ?`,
	inOrder:    waiting + `INDEXED BY live_seq WHERE endpoint_id = ? AND owner IS NULL AND seq IS NOT NULL ORDER BY seq LIMIT ?`,
	nextDue:    `SELECT min(due_at) FROM live INDEXED BY live_due WHERE endpoint_id = ? AND owner IS NULL`,
	backlog: `WITH RECURSIVE waiting (endpoint_id) AS (
			SELECT min(endpoint_id) FROM live INDEXED BY live_due WHERE owner IS NULL AND endpoint_id > ?1
			UNION ALL
			SELECT (SELECT min(endpoint_id) FROM live INDEXED BY live_due WHERE owner IS NULL AND endpoint_id > waiting.endpoint_id)
			FROM waiting WHERE endpoint_id IS NOT NULL
			LIMIT ?2
		)
		SELECT endpoint_id, (SELECT min(due_at) FROM live INDEXED BY live_due WHERE owner IS NULL AND endpoint_id = waiting.endpoint_id)
		FROM waiting WHERE endpoint_id IS NOT NULL`,
}

func (s *sqlite) queries() *queries { return &sqliteQueries }

var addTally = store.NewMany(`INSERT INTO tally (endpoint_id, deliveries)`, "bi",
	` ON CONFLICT (endpoint_id) DO UPDATE SET deliveries = tally.deliveries + excluded.deliveries`)

func (s *sqlite) addTally(tx *store.Tx, n map[peal.EndpointID]int64) error {
	rows := make([]any, 0, 2*len(n))
	for ep, n := range n {
		rows = append(rows, ep[:], n)
	}
	return tx.Many(addTally, rows)
}

// takeLane: there is one session, so all lanes are its own.
func (s *sqlite) takeLane(*store.Tx, peal.EndpointID) (owner bool, pokes int64, err error) {
	return true, 0, nil
}

func (s *sqlite) poke(*store.Tx, peal.EndpointID) error { return nil }

func (s *sqlite) own(tx *store.Tx, rows []claimed) error {
	for _, r := range rows {
		if err := tx.Send("UPDATE live SET owner = ? WHERE org = ? AND id = ?", s.session(), r.org, r.job.ID[:]); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqlite) disown(tx *store.Tx, rows []ownedRow) error {
	for _, r := range rows {
		if err := tx.Send("UPDATE live SET owner = NULL WHERE org = ? AND id = ? AND owner = ?", r.org, r.id[:], s.session()); err != nil {
			return err
		}
	}
	return nil
}
