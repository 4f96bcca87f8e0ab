package queue

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// discarded is the reason of dead letters that somebody gave up.
const discarded = "discarded"

// discardScan is how many dead letters one step looks at.
const discardScan = 500

// deadQuery lists the dead letters of an org, or of its endpoint ?6.
func deadQuery(dialect store.Dialect, f *peal.DeliveryFilter) string {
	of := "org = ?1"
	if !f.Endpoint.IsZero() {
		of = "endpoint_id = ?6 AND " + dialect.Beside("org") + " = ?1"
	}
	return "SELECT id, event_id, event_type, endpoint_id FROM done WHERE " + of +
		" AND id >= ?2 AND id < ?3 AND finished_at >= ?4 AND status = 'dead' AND status <> 'succeeded' ORDER BY id LIMIT ?5"
}

// DiscardDead cancels dead letters that the filter selects, in one step after an id. It
// gives the id to go on after, zero where there are no more.
func (q *Queue) DiscardDead(ctx context.Context, f peal.DeliveryFilter, after peal.DeliveryID) (n int, last peal.DeliveryID, err error) {
	err = q.db.Write(ctx, func(tx *store.Tx) error {
		n, last = 0, peal.DeliveryID{}
		from, to := idRange(f.Since, f.Until)
		if !after.IsZero() {
			from = next(after)
		}
		query, args := deadQuery(q.db.Dialect(), &f), []any{f.Org, from[:], to[:], made(from), int64(discardScan)}
		if !f.Endpoint.IsZero() {
			args = append(args, f.Endpoint[:])
		}
		var found []peal.DeliveryID
		seen := 0
		err := tx.Query(func(r store.Row) error {
			seen++
			last = deliveryID(r.Blob(0))
			d := peal.Delivery{EventID: eventID(r.Blob(1)), EventType: r.Text(2), EndpointID: endpointID(r.Blob(3)), Status: peal.Dead}
			if matches(&f, &d) {
				found = append(found, last)
			}
			return nil
		}, query, args...)
		if err != nil {
			return err
		}
		if seen < discardScan {
			last = peal.DeliveryID{}
		}
		n, err = discard(tx, f.Org, found)
		return err
	})
	return n, last, err
}

// Discard cancels those of the deliveries that are dead letters, and tells how many.
func (q *Queue) Discard(ctx context.Context, org string, ids []peal.DeliveryID) (n int, err error) {
	err = q.db.Write(ctx, func(tx *store.Tx) error {
		n, err = discard(tx, org, ids)
		return err
	})
	return n, err
}

// discard makes dead letters cancelled. They stay where they are, so that retention counts
// from when they died.
func discard(tx *store.Tx, org string, ids []peal.DeliveryID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	first := time.Time{}
	args := []any{discarded, org, nil}
	for _, id := range ids {
		if first.IsZero() || id.Time().Before(first) {
			first, args[2] = id.Time(), made(id)
		}
		args = append(args, id[:])
	}
	n, err := tx.Exec("UPDATE done SET status = 'cancelled', reason = ?1 WHERE org = ?2 AND finished_at >= ?3 AND status = 'dead' AND id IN ("+
		placeholders(4, len(ids))+")", args...)
	return int(n), err
}
