package queue

import (
	"context"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// lanes are the bound lanes of the nodes of one PostgreSQL.
type lanes struct{ *Queue }

var _ dispatch.Lanes = lanes{}

// Lanes is nil on SQLite, whose one session owns them all.
func (q *Queue) Lanes() dispatch.Lanes {
	if q.db.Dialect() == store.SQLite {
		return nil
	}
	return lanes{q}
}

// Look implements dispatch.Lanes.
func (q lanes) Look(ctx context.Context) ([]dispatch.OwnedLane, error) {
	var all []dispatch.OwnedLane
	err := q.rows(ctx, func(scan scanner) error {
		var l dispatch.OwnedLane
		var due *int64
		err := scan(&l.Endpoint, &l.Pokes, &due)
		if due != nil {
			l.FirstDue = store.FromMicros(*due)
		}
		all = append(all, l)
		return err
	}, `SELECT endpoint_id, pokes, (SELECT min(due_at) FROM live WHERE owner IS NULL AND endpoint_id = o.endpoint_id)
		FROM lane_owner o WHERE session = ?`, q.db.Session())
	return all, err
}

// Leave implements dispatch.Lanes.
func (q lanes) Leave(ctx context.Context, ids []peal.EndpointID) error {
	return q.db.Write(ctx, func(tx *store.Tx) error {
		var rows []any
		for _, id := range ids {
			rows = append(rows, id[:])
		}
		return tx.AskArrays(nil, "DELETE FROM lane_owner WHERE session = $2 AND endpoint_id IN (SELECT unnest($1::bytea[]))", "b", rows, q.db.Session())
	})
}

// Share implements dispatch.Lanes.
func (q lanes) Share(ctx context.Context) (lanes, sessions int, err error) {
	err = q.rows(ctx, func(scan scanner) error { return scan(&lanes, &sessions) },
		"SELECT (SELECT count(*) FROM lane_owner), (SELECT count(*) FROM session WHERE NOT reaped)")
	return lanes, sessions, err
}

// takeLane implements dialect. A lane that another session owns is looked at, no more.
// One that is free goes to the first who commits; others wait for that, and lose.
func (p *postgres) takeLane(tx *store.Tx, ep peal.EndpointID) (owner bool, pokes int64, err error) {
	const read = "SELECT session, pokes FROM lane_owner WHERE endpoint_id = ?"
	var session int64
	note := func(r store.Row) error {
		session, pokes = r.Int(0), r.Int(1)
		return nil
	}
	if err = tx.Query(note, read, ep[:]); err == nil && session == 0 {
		if err = tx.Send("INSERT INTO lane_owner (endpoint_id, session) VALUES (?, ?) ON CONFLICT (endpoint_id) DO NOTHING", ep[:], p.session()); err == nil {
			err = tx.Query(note, read, ep[:])
		}
	}
	return session == p.session(), pokes, err
}

// poke implements dialect.
func (p *postgres) poke(tx *store.Tx, ep peal.EndpointID) error {
	return tx.Send("UPDATE lane_owner SET pokes = pokes + 1 WHERE endpoint_id = ? AND session <> ?", ep[:], p.session())
}
