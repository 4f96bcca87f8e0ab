package queue

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// Revive implements dispatch.Hand.
func (q *Queue) Revive(ctx context.Context, org string, id peal.DeliveryID, now time.Time, known func(peal.EndpointID) bool) (ep peal.EndpointID, err error) {
	err = q.db.Write(ctx, func(tx *store.Tx) error {
		found, owned := false, false
		// One that is owned before its time is the head of an ordered lane.
		err := tx.Query(func(r store.Row) error {
			found, ep, owned = true, endpointID(r.Blob(0)), !r.Null(1)
			return nil
		}, `UPDATE live SET due_at = ?1, round_start = CASE WHEN owner IS NULL THEN attempt_count ELSE round_start END
			WHERE org = ?2 AND id = ?3 AND (owner IS NULL OR due_at > ?1) RETURNING endpoint_id, owner`, store.Micros(now), org, id[:])
		if err == nil && owned {
			err = q.sql.poke(tx, ep)
		}
		if err != nil || found {
			return err
		}
		// One that is owned in its time is being sent, or about to be.
		err = tx.Query(func(store.Row) error {
			found = true
			return nil
		}, "SELECT 1 FROM live WHERE org = ? AND id = ?", org, id[:])
		switch {
		case err != nil:
			return err
		case found:
			return dispatch.ErrUnderWay
		}
		ep, found, err = q.revive(tx, org, id, now, known)
		switch {
		case err != nil:
			return err
		case found:
			return nil
		case ep.IsZero():
			return peal.NotFound("delivery")
		}
		return peal.Errorf(peal.CodeConflict, "the delivery's endpoint was deleted")
	})
	return ep, err
}

// revive moves a finished delivery back to live, waiting and due now. That of an
// endpoint with an order goes to the order's end, and that of an endpoint that was
// deleted stays where it is.
func (q *Queue) revive(tx *store.Tx, org string, id peal.DeliveryID, now time.Time, known func(peal.EndpointID) bool) (ep peal.EndpointID, found bool, err error) {
	var suppressed bool
	err = tx.Query(func(r store.Row) error {
		ep, found, suppressed = endpointID(r.Blob(0)), true, r.Text(1) == string(peal.Suppressed)
		return nil
	}, "SELECT endpoint_id, status FROM done WHERE org = ? AND id = ? AND finished_at >= ?", org, id[:], made(id))
	if err != nil || !found || !known(ep) {
		return ep, false, err
	}
	var seq any
	err = tx.Query(func(r store.Row) error {
		seq = r.Int(0)
		return nil
	}, "UPDATE ordered_seq SET next = next + 1 WHERE endpoint_id = ? RETURNING next - 1", ep[:])
	if err != nil {
		return ep, false, err
	}
	_, err = tx.Exec(`INSERT INTO live (org, id, endpoint_id, event_id, event_type, status, due_at, size, seq,
			attempt_count, round_start, last_status_code, last_error, attempts, group_id)
		SELECT org, id, endpoint_id, event_id, event_type, CASE attempt_count WHEN 0 THEN 'pending' ELSE 'retrying' END, ?, size, CAST(? AS BIGINT),
			attempt_count, attempt_count, last_status_code, last_error, attempts, group_id
		FROM done WHERE org = ? AND id = ? AND finished_at >= ?`, store.Micros(now), seq, org, id[:], made(id))
	if err == nil {
		_, err = tx.Exec("DELETE FROM done WHERE org = ? AND id = ? AND finished_at >= ?", org, id[:], made(id))
	}
	if err == nil && suppressed {
		err = q.sql.addTally(tx, map[peal.EndpointID]int64{ep: 1})
	}
	return ep, true, err
}

// Cancel implements dispatch.Hand.
func (q *Queue) Cancel(ctx context.Context, org string, id peal.DeliveryID, now time.Time) error {
	return q.db.WriteThen(ctx, func(tx *store.Tx) error {
		var ep peal.EndpointID
		err := tx.Query(func(r store.Row) error {
			ep = endpointID(r.Blob(0))
			return nil
		}, "SELECT endpoint_id FROM live WHERE org = ? AND id = ? AND owner IS NOT NULL", org, id[:])
		if err != nil {
			return err
		}
		found, err := cancel(tx, org, id, "", now)
		if found && !ep.IsZero() {
			err = q.sql.poke(tx, ep)
		}
		if err != nil || found {
			return err
		}
		err = peal.NotFound("delivery")
		if failed := tx.Query(func(store.Row) error {
			err = peal.Errorf(peal.CodeConflict, "the delivery is finished already")
			return nil
		}, "SELECT 1 FROM done WHERE org = ? AND id = ? AND finished_at >= ?", org, id[:], made(id)); failed != nil {
			return failed
		}
		return err
	}, func() { q.owned.remove(id) })
}

func cancel(tx *store.Tx, org string, id peal.DeliveryID, reason string, now time.Time) (found bool, err error) {
	at := finishedAt(now, id)
	if err := tx.NeedPartition(store.DoneTable, at); err != nil {
		return false, err
	}
	n, err := tx.Exec(`INSERT INTO done (org, id, endpoint_id, event_id, event_type, status, reason, size,
			attempt_count, round_start, last_status_code, last_error, finished_at, attempts, group_id)
		SELECT org, id, endpoint_id, event_id, event_type, 'cancelled', ?, size,
			attempt_count, round_start, last_status_code, last_error, ?, attempts, group_id
		FROM live WHERE org = ? AND id = ?`, reason, at, org, id[:])
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.Exec("DELETE FROM live WHERE org = ? AND id = ?", org, id[:])
	return true, err
}

// CancelEndpoint implements dispatch.Hand.
func (q *Queue) CancelEndpoint(ctx context.Context, ep peal.EndpointID, reason string, now time.Time, limit int) (int, error) {
	var ids []peal.DeliveryID
	err := q.db.WriteThen(ctx, func(tx *store.Tx) error {
		ids = ids[:0]
		var org string
		err := tx.Query(func(r store.Row) error {
			org = r.Text(0)
			ids = append(ids, deliveryID(r.Blob(1)))
			return nil
		}, "SELECT org, id FROM live WHERE endpoint_id = ? ORDER BY id LIMIT ?", ep[:], int64(limit))
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := cancel(tx, org, id, reason, now); err != nil {
				return err
			}
		}
		return nil
	}, func() { q.owned.remove(ids...) })
	if err != nil {
		return 0, err
	}
	return len(ids), nil
}
