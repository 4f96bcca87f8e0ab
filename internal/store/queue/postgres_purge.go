package queue

import (
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

const (
	expiredKeys = `DELETE FROM idempotency WHERE expires <= ?1 AND (org, key) IN (
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
	// wantedEvents tells which events have a delivery that is left. None finished before
	// it was made, which leaves out the days before.
	wantedEvents = `SELECT DISTINCT n FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bigint[]) AS d (n, org, id, made)
		WHERE EXISTS (SELECT 1 FROM live WHERE org = d.org AND id = d.id)
			OR EXISTS (SELECT 1 FROM done WHERE org = d.org AND id = d.id AND finished_at >= d.made)`
	deleteRefs   = "DELETE FROM event_ref WHERE (org, client_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
	deleteEvents = "DELETE FROM event WHERE org = $3 AND id = ANY ($2::bytea[]) AND org = ANY ($1::text[])"
)

func (p *postgres) purges(r janitor.Retention, now time.Time) []purge {
	return []purge{
		purgeRows(expiredKeys, store.Micros(now)),
		purgeRows(oldWindows, store.Micros(now)),
		purgeRows(oldGroups, store.Micros(now.Add(-r.Deliveries))),
		purgeRows(oldAudit, store.Micros(now.Add(-r.Audit))),
		func(tx *store.Tx) (int, error) {
			n, err := tx.Exec(foldTally, int64(purgeChunk))
			return int(n), err
		},
	}
}

// purgeOldEvents takes events of one org.
func (p *postgres) purgeOldEvents(tx *store.Tx, old []oldEvent) (looked, n int, err error) {
	var deliveries []any
	for ; looked < len(old) && len(deliveries) < 4*purgeProbes; looked++ {
		for b := range slices.Chunk(old[looked].deliveries, len(peal.DeliveryID{})) {
			deliveries = append(deliveries, int64(looked), old[looked].org, b, store.Micros(deliveryID(b).Time()))
		}
	}
	wanted := make([]bool, looked)
	if len(deliveries) > 0 {
		if err := tx.AskArrays(func(r store.Row) error {
			wanted[r.Int(0)] = true
			return nil
		}, wantedEvents, "itbi", deliveries); err != nil {
			return 0, 0, err
		}
		if err := tx.Flush(); err != nil {
			return 0, 0, err
		}
	}
	var events, refs []any
	for i, e := range old[:looked] {
		if wanted[i] {
			continue
		}
		events = append(events, e.org, e.id)
		if e.clientID != "" {
			refs = append(refs, e.org, e.clientID)
		}
	}
	if len(events) == 0 {
		return looked, 0, nil
	}
	if len(refs) > 0 {
		if err := tx.AskArrays(nil, deleteRefs, "tt", refs); err != nil {
			return 0, 0, err
		}
	}
	return looked, len(events) / 2, tx.AskArrays(nil, deleteEvents, "tb", events, old[0].org)
}

// dropDone prunes the days before the first of the ids.
func (p *postgres) dropDone(tx *store.Tx, org string, ids []peal.DeliveryID) error {
	var rows []any
	first := ids[0]
	for _, id := range ids {
		rows = append(rows, org, id[:])
	}
	return tx.AskArrays(nil, `DELETE FROM done WHERE org = $3 AND org = ANY ($1::text[]) AND id = ANY ($2::bytea[]) AND finished_at >= $4`,
		"tb", rows, org, store.Micros(first.Time()))
}
