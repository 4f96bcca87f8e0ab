package queue

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// StartReplay implements dispatch.Hand.
func (q *Queue) StartReplay(ctx context.Context, r *dispatch.Replay) error {
	filter, err := json.Marshal(r.Filter)
	if err != nil {
		return err
	}
	return q.db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO replay (id, filter, created_at, cursor, deliveries) VALUES (?, ?, ?, '', 0)",
			r.ID, string(filter), store.Micros(r.CreatedAt))
		return err
	})
}

// Replays implements dispatch.Hand.
func (q *Queue) Replays(ctx context.Context) ([]*dispatch.Replay, error) {
	var all []*dispatch.Replay
	err := q.rows(ctx, func(scan scanner) error {
		var id, filter, cursor string
		var created, n int64
		if err := scan(&id, &filter, &created, &cursor, &n); err != nil {
			return err
		}
		r, err := replayOf(id, filter, created, cursor, n)
		all = append(all, r)
		return err
	}, "SELECT id, filter, created_at, cursor, deliveries FROM replay ORDER BY id")
	return all, err
}

func replayOf(id, filter string, created int64, cursor string, n int64) (*dispatch.Replay, error) {
	r := &dispatch.Replay{ID: id, CreatedAt: store.FromMicros(created), Cursor: cursor, Deliveries: int(n)}
	return r, json.Unmarshal([]byte(filter), &r.Filter)
}

// replayScan is how many deliveries one step looks at.
const replayScan = 2000

// StepReplay implements dispatch.Hand. Without a status in the filter it leaves out
// what was never meant to be sent: suppressed and cancelled deliveries. Those made
// after the replay was started are left out too.
func (q *Queue) StepReplay(ctx context.Context, id string, now time.Time, limit int, known func(peal.EndpointID) bool) (r *dispatch.Replay, err error) {
	err = q.db.Write(ctx, func(tx *store.Tx) error {
		r, err = readReplay(tx, id)
		if err != nil {
			return err
		}
		found, err := nextReplayed(q.db.Dialect(), tx, r, limit)
		if err != nil {
			return err
		}
		for _, id := range found {
			ep, revived, err := q.revive(tx, r.Filter.Org, id, now, known)
			if err != nil {
				return err
			}
			if !revived {
				continue
			}
			r.Deliveries++
			if !slices.Contains(r.Endpoints, ep) {
				r.Endpoints = append(r.Endpoints, ep)
			}
		}
		if r.Finished {
			_, err = tx.Exec("DELETE FROM replay WHERE id = ?", id)
		} else {
			_, err = tx.Exec("UPDATE replay SET cursor = ?, deliveries = ? WHERE id = ?", r.Cursor, int64(r.Deliveries), id)
		}
		return err
	})
	return r, err
}

func readReplay(tx *store.Tx, id string) (r *dispatch.Replay, err error) {
	err = peal.NotFound("replay")
	failed := tx.Query(func(row store.Row) error {
		r, err = replayOf(id, row.Text(0), row.Int(1), row.Text(2), row.Int(3))
		return err
	}, "SELECT filter, created_at, cursor, deliveries FROM replay WHERE id = ?", id)
	if failed != nil {
		return nil, failed
	}
	return r, err
}

// nextReplayed walks on from the replay's cursor and moves it.
func nextReplayed(dialect store.Dialect, tx *store.Tx, r *dispatch.Replay, limit int) (found []peal.DeliveryID, err error) {
	f := r.Filter
	from, until := idRange(f.Since, earlier(f.Until, r.CreatedAt.Add(time.Millisecond)))
	if r.Cursor != "" {
		after, err := base64.RawURLEncoding.DecodeString(r.Cursor)
		if err != nil {
			return nil, err
		}
		from = next(deliveryID(after))
	}
	query := "SELECT id, event_id, event_type, endpoint_id, status FROM done WHERE org = ? AND id >= ? AND id < ? AND finished_at >= ? ORDER BY id LIMIT ?"
	args := []any{f.Org, from[:], until[:], made(from), int64(replayScan)}
	if !f.Endpoint.IsZero() {
		query = "SELECT id, event_id, event_type, endpoint_id, status FROM done WHERE endpoint_id = ? AND " + dialect.Beside("org") + " = ? AND id >= ? AND id < ? AND finished_at >= ? ORDER BY id LIMIT ?"
		args = append([]any{f.Endpoint[:]}, args...)
	}
	seen := 0
	r.Finished = true
	err = each(tx, func(row store.Row) error {
		if len(found) == limit {
			r.Finished = false
			return errEnough
		}
		seen++
		r.Cursor = base64.RawURLEncoding.EncodeToString(row.Blob(0))
		d := peal.Delivery{EventID: eventID(row.Blob(1)), EventType: row.Text(2), EndpointID: endpointID(row.Blob(3)), Status: peal.Status(row.Text(4))}
		unwanted := f.Status == "" && (d.Status == peal.Suppressed || d.Status == peal.Cancelled)
		if !unwanted && matches(&f, &d) {
			found = append(found, deliveryID(row.Blob(0)))
		}
		return nil
	}, query, args...)
	if seen == replayScan {
		r.Finished = false
	}
	return found, err
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
