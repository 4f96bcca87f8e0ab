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

// takeLane implements dialect. A lane that another session owns, or is about to, is looked
// at, no more. Nobody waits for who takes one: a transaction takes many lanes in any order,
// and two that each wait for the other's would have to be undone.
func (p *postgres) takeLane(tx *store.Tx, ep peal.EndpointID) (owner bool, pokes int64, err error) {
	var session int64
	read := func() error {
		return tx.Query(func(r store.Row) error {
			session, pokes = r.Int(0), r.Int(1)
			return nil
		}, "SELECT session, pokes FROM lane_owner WHERE endpoint_id = ?", ep[:])
	}
	if err := read(); err != nil || session != 0 {
		return session == p.session(), pokes, err
	}
	free := false
	err = tx.Query(func(r store.Row) error {
		free = r.Int(0) != 0
		return nil
	}, "SELECT pg_try_advisory_xact_lock(?::int, hashtext(current_schema() || ?))::int", int64(laneLock), ep.String())
	if err != nil || !free {
		return false, 0, err
	}
	if err := tx.Send("INSERT INTO lane_owner (endpoint_id, session) VALUES (?, ?) ON CONFLICT (endpoint_id) DO NOTHING", ep[:], p.session()); err != nil {
		return false, 0, err
	}
	err = read()
	return session == p.session(), pokes, err
}

// laneLock is the kind of the advisory locks of those who take free lanes. Two lanes may
// share a lock; then one of them is left for a later try.
const laneLock = 0x7065616e

// poke implements dialect.
func (p *postgres) poke(tx *store.Tx, ep peal.EndpointID) error {
	return tx.Send("UPDATE lane_owner SET pokes = pokes + 1 WHERE endpoint_id = ? AND session <> ?", ep[:], p.session())
}
