package queue

import (
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

const (
	oldDone = `DELETE FROM done WHERE ctid = ANY (ARRAY(
		SELECT ctid FROM done WHERE finished_at < ? ORDER BY finished_at LIMIT ? FOR UPDATE SKIP LOCKED)) RETURNING endpoint_id, status`
	expiredKeys = `DELETE FROM idempotency WHERE (org, key) IN (
		SELECT org, key FROM idempotency WHERE expires <= ?1 ORDER BY expires LIMIT ?2)`
	// What sessions that have ended counted is put together, so that an endpoint has few
	// rows to add up.
	foldTally = `WITH ended AS (
			DELETE FROM tally WHERE (endpoint_id, session) IN (
				SELECT endpoint_id, session FROM tally WHERE session <> 0 AND session NOT IN (SELECT id FROM session WHERE NOT released) LIMIT ?)
			RETURNING endpoint_id, deliveries
		)
		INSERT INTO tally (endpoint_id, session, deliveries) SELECT endpoint_id, 0, sum(deliveries) FROM ended GROUP BY endpoint_id
		ON CONFLICT (endpoint_id, session) DO UPDATE SET deliveries = tally.deliveries + excluded.deliveries`
	// wantedEvents tells which events have a delivery that is left.
	wantedEvents = `SELECT DISTINCT n FROM unnest($1::bigint[], $2::text[], $3::bytea[]) AS d (n, org, id)
		WHERE EXISTS (SELECT 1 FROM live WHERE org = d.org AND id = d.id) OR EXISTS (SELECT 1 FROM done WHERE org = d.org AND id = d.id)`
)

func (p *postgres) purges(r janitor.Retention, now time.Time) []purge {
	return []purge{
		func(tx *store.Tx) (int, error) { return p.purgeDone(tx, now.Add(-r.Deliveries)) },
		func(tx *store.Tx) (int, error) { return p.purgeEvents(tx, now.Add(-r.Events)) },
		purgeRows(expiredKeys, store.Micros(now)),
		purgeRows(oldWindows, store.Micros(now)),
		purgeRollups(now.Add(-r.Events)),
		purgeRows(oldAudit, store.Micros(now.Add(-r.Audit))),
		func(tx *store.Tx) (int, error) {
			n, err := tx.Exec(foldTally, int64(purgeChunk))
			return int(n), err
		},
	}
}

func (p *postgres) purgeDone(tx *store.Tx, before time.Time) (n int, err error) {
	gone := map[peal.EndpointID]int64{}
	err = tx.Query(func(r store.Row) error {
		if n++; r.Text(1) != string(peal.Suppressed) {
			gone[endpointID(r.Blob(0))]--
		}
		return nil
	}, oldDone, store.Micros(before), int64(purgeChunk))
	if err != nil {
		return 0, err
	}
	return n, p.addTally(tx, gone)
}

// purgeEvents looks at a chunk of events, the oldest first, and deletes those of which
// no delivery is left. It goes on where the last chunk ended, so that events whose
// deliveries wait for a paused endpoint do not hold it up, and starts over at the end.
func (p *postgres) purgeEvents(tx *store.Tx, before time.Time) (n int, err error) {
	type event struct {
		org, client string
		id          []byte
		wanted      bool
	}
	var old []event
	var deliveries []any
	last, more := firstID(before), false
	err = each(tx, func(r store.Row) error {
		if len(deliveries) >= 3*purgeProbes {
			more = true
			return errEnough
		}
		for id := range slices.Chunk(r.Blob(3), len(peal.DeliveryID{})) {
			deliveries = append(deliveries, int64(len(old)), r.Text(0), id)
		}
		old = append(old, event{org: r.Text(0), id: r.Blob(1), client: r.Text(2)})
		return nil
	}, "SELECT org, id, client_id, deliveries FROM event WHERE id > ? AND id < ? ORDER BY id LIMIT ?", p.after(), last[:], int64(purgeChunk))
	if err != nil {
		return 0, err
	}
	if p.event = nil; more || len(old) == purgeChunk {
		p.event = old[len(old)-1].id
		n = 1 // what was looked at counts: more may be left behind it
	}
	if len(deliveries) > 0 {
		if err := tx.AskArrays(func(r store.Row) error {
			old[r.Int(0)].wanted = true
			return nil
		}, wantedEvents, "itb", deliveries); err != nil {
			return 0, err
		}
		if err := tx.Flush(); err != nil {
			return 0, err
		}
	}
	var events, refs []any
	for _, e := range old {
		if e.wanted {
			continue
		}
		events = append(events, e.org, e.id)
		if e.client != "" {
			refs = append(refs, e.org, e.client)
		}
	}
	if len(events) == 0 {
		return n, nil
	}
	if len(refs) > 0 {
		if err := tx.AskArrays(nil, "DELETE FROM event_ref WHERE (org, client_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))", "tt", refs); err != nil {
			return 0, err
		}
	}
	return max(n, len(events)/2), tx.AskArrays(nil, "DELETE FROM event WHERE (org, id) IN (SELECT * FROM unnest($1::text[], $2::bytea[]))", "tb", events)
}

// after is the id behind which the walk over events goes on.
func (p *postgres) after() []byte {
	if p.event == nil {
		return []byte{}
	}
	return p.event
}
