package queue

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// Rows that were written in the order in which they get old are looked at from the first
// on.
const oldKeys = `DELETE FROM idempotency WHERE rowid IN (
	SELECT rowid FROM (SELECT rowid, expires FROM idempotency ORDER BY rowid LIMIT ?2) WHERE expires <= ?1)`

func (s *sqlite) purges(r janitor.Retention, now time.Time) []purge {
	return []purge{
		func(tx *store.Tx) (int, error) { return s.purgeDone(tx, now.Add(-r.Deliveries)) },
		func(tx *store.Tx) (int, error) { return s.purgeEvents(tx, now.Add(-r.Events)) },
		purgeRows(oldKeys, store.Micros(now)),
		purgeRows(oldWindows, store.Micros(now)),
		purgeRows(oldGroups, store.Micros(now.Add(-r.Deliveries))),
		purgeRows(oldAudit, store.Micros(now.Add(-r.Audit))),
	}
}

func (s *sqlite) purgeDone(tx *store.Tx, before time.Time) (int, error) {
	var rows []int64
	gone := map[peal.EndpointID]int64{}
	err := each(tx, func(r store.Row) error {
		if r.Int(3) >= store.Micros(before) {
			return errEnough
		}
		rows = append(rows, r.Int(0))
		if r.Text(2) != string(peal.Suppressed) {
			gone[endpointID(r.Blob(1))]--
		}
		return nil
	}, "SELECT rowid, endpoint_id, status, finished_at FROM done ORDER BY rowid LIMIT ?", int64(purgeChunk))
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	if _, err := tx.Exec("DELETE FROM done WHERE rowid <= ?", rows[len(rows)-1]); err != nil {
		return 0, err
	}
	if err := s.addTally(tx, gone); err != nil {
		return 0, err
	}
	for ep := range gone {
		if _, err := tx.Exec("DELETE FROM tally WHERE endpoint_id = ? AND deliveries <= 0", ep[:]); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// purgeEvents looks at a chunk of events, the oldest first, and deletes those of which
// no delivery is left. It goes on where the last chunk ended, so that events whose
// deliveries wait for a paused endpoint do not hold it up, and starts over at the end.
func (s *sqlite) purgeEvents(tx *store.Tx, before time.Time) (int, error) {
	var old []oldEvent
	err := each(tx, func(r store.Row) error {
		if !eventID(r.Blob(2)).Time().Before(before) {
			return errEnough
		}
		old = append(old, oldEvent{row: r.Int(0), org: r.Text(1), id: bytes.Clone(r.Blob(2)), clientID: r.Text(3), deliveries: r.Blob(4)})
		return nil
	}, "SELECT rowid, org, id, client_id, deliveries FROM event WHERE rowid > ? ORDER BY rowid LIMIT ?", s.event, int64(purgeChunk))
	if err != nil {
		return 0, err
	}
	looked, n, err := s.purgeOldEvents(tx, old)
	if err != nil {
		return 0, err
	}
	s.event = 0
	if looked == purgeChunk || looked < len(old) {
		s.event = old[looked-1].row
		n = max(n, 1) // what was looked at counts: more may be left behind it
	}
	return n, nil
}

func (s *sqlite) purgeOldEvents(tx *store.Tx, old []oldEvent) (looked, n int, err error) {
	for probes := 0; looked < len(old) && probes < purgeProbes; looked++ {
		e := &old[looked]
		wanted, err := e.wanted(tx, &probes)
		if err != nil {
			return 0, 0, err
		}
		if wanted {
			continue
		}
		n++
		if err := e.delete(tx); err != nil {
			return 0, 0, err
		}
	}
	return looked, n, nil
}

// tend has nothing to do: the writer does it all.
func (s *sqlite) tend(context.Context, janitor.Retention, time.Time) (int, error) { return 0, nil }

var deleteDone = store.NewIn("DELETE FROM done WHERE org = ? AND id IN ")

func (s *sqlite) dropDone(tx *store.Tx, org string, ids []peal.DeliveryID) error {
	args := make([]any, len(ids))
	for i := range ids {
		args[i] = ids[i][:]
	}
	_, err := tx.ManyIn(deleteDone, []any{org}, args)
	return err
}

// wanted tells whether a delivery of the event is left, and counts those looked for.
func (e *oldEvent) wanted(tx *store.Tx, probes *int) (found bool, err error) {
	for id := range slices.Chunk(e.deliveries, len(peal.DeliveryID{})) {
		*probes++
		err = tx.Query(func(r store.Row) error {
			found = r.Int(0) != 0
			return nil
		}, "SELECT EXISTS (SELECT 1 FROM live WHERE org = ?1 AND id = ?2) OR EXISTS (SELECT 1 FROM done WHERE org = ?1 AND id = ?2)", e.org, id)
		if err != nil || found {
			break
		}
	}
	return found, err
}

func (e *oldEvent) delete(tx *store.Tx) error {
	if e.clientID != "" {
		if _, err := tx.Exec("DELETE FROM event_ref WHERE org = ? AND client_id = ?", e.org, e.clientID); err != nil {
			return err
		}
	}
	_, err := tx.Exec("DELETE FROM event WHERE org = ? AND id = ?", e.org, e.id)
	return err
}
