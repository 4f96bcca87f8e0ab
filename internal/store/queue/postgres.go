package queue

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// postgres is the dialect of a database that is far and that others write too: one
// statement takes all rows of a group, as arrays, and those that depend on nothing go
// out together.
type postgres struct {
	db      *store.DB
	session func() int64
	// thinned is when a day of events that are still wanted was last gone through. The
	// janitor's goroutine alone uses it.
	thinned map[store.Partition]time.Time
}

var postgresQueries = queries{
	due: waiting + `WHERE endpoint_id = ? AND owner IS NULL AND due_at <= ? ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED`,
	dueGroups: `SELECT id FROM message_group WHERE id IN (
			SELECT group_id FROM live WHERE endpoint_id = ? AND owner IS NULL AND due_at <= ? AND group_id IS NOT NULL)
		FOR UPDATE SKIP LOCKED`,
	dueByGroup: waiting + `WHERE endpoint_id = ? AND owner IS NULL AND due_at <= ? ORDER BY due_at, group_id, id LIMIT ? FOR UPDATE SKIP LOCKED`,
	inOrder:    waiting + `WHERE endpoint_id = ? AND owner IS NULL AND seq IS NOT NULL ORDER BY seq LIMIT ? FOR UPDATE`,
	nextDue:    `SELECT min(due_at) FROM live WHERE endpoint_id = ? AND owner IS NULL`,
	backlog: `WITH RECURSIVE waiting (endpoint_id) AS (
			(SELECT endpoint_id FROM live WHERE owner IS NULL AND endpoint_id > ?1 ORDER BY endpoint_id LIMIT 1)
			UNION ALL
			SELECT (SELECT endpoint_id FROM live WHERE owner IS NULL AND endpoint_id > waiting.endpoint_id ORDER BY endpoint_id LIMIT 1)
			FROM waiting WHERE endpoint_id IS NOT NULL
		)
		SELECT endpoint_id, (SELECT min(due_at) FROM live WHERE owner IS NULL AND endpoint_id = waiting.endpoint_id)
		FROM waiting WHERE endpoint_id IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM lane_owner o WHERE o.endpoint_id = waiting.endpoint_id AND o.session <> ?3)
		LIMIT ?2`,
}

func (p *postgres) queries() *queries { return &postgresQueries }

var addTallyPart = store.NewMany(`INSERT INTO tally (endpoint_id, session, deliveries)`, "bii",
	` ON CONFLICT (endpoint_id, session) DO UPDATE SET deliveries = tally.deliveries + excluded.deliveries`)

func (p *postgres) addTally(tx *store.Tx, n map[peal.EndpointID]int64) error {
	rows, session := make([]any, 0, 3*len(n)), p.session()
	for ep, n := range n {
		rows = append(rows, ep[:], session, n)
	}
	return tx.Many(addTallyPart, rows)
}

func (p *postgres) own(tx *store.Tx, rows []claimed) error {
	var args []any
	for _, r := range rows {
		args = append(args, r.org, r.job.ID[:])
	}
	return setOwner(tx, args, `UPDATE live l SET owner = $3 FROM unnest($1::text[], $2::bytea[]) AS o (org, id)
		WHERE l.org = o.org AND l.id = o.id AND l.owner IS NULL`, p.session())
}

func (p *postgres) disown(tx *store.Tx, rows []ownedRow) error {
	var args []any
	for _, r := range rows {
		args = append(args, r.org, r.id[:])
	}
	return setOwner(tx, args, `UPDATE live l SET owner = NULL FROM unnest($1::text[], $2::bytea[]) AS o (org, id)
		WHERE l.org = o.org AND l.id = o.id AND l.owner = $3`, p.session())
}

func setOwner(tx *store.Tx, rows []any, query string, session int64) error {
	if len(rows) == 0 {
		return nil
	}
	return tx.AskArrays(nil, query, "tb", rows, session)
}
