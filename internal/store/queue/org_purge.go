package queue

import (
	"bytes"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// oldEvent is an event that has been kept for long enough.
type oldEvent struct {
	row           int64
	org, clientID string
	id            []byte
	deliveries    []byte
}

// orgPurge deletes what orgs keep for a shorter time than all, one org after the other,
// in chunks. Each walk is along an index from the oldest on, and goes on where the last
// chunk ended, so that what has to stay is passed by once.
type orgPurge struct {
	org  string // whose turn it is; empty before the first
	kind int    // deliveries, then events
	last []byte // the id behind which the walk goes on
}

const (
	orgDone = `SELECT id, endpoint_id, status, finished_at FROM done WHERE org = ? AND id > ? AND id < ? ORDER BY id LIMIT ?`
	// Rows that are read at the end of a day's partition are found by its index.
	orgEvents = `SELECT org, id, client_id, deliveries FROM event WHERE org = ? AND id > ? AND id < ? ORDER BY id LIMIT ?`
)

// purge deletes a chunk of one org and tells how many rows it dealt with; it comes to
// zero once it has been round.
func (o *orgPurge) purge(sql dialect, tx *store.Tx, r janitor.Retention, now time.Time) (int, error) {
	for {
		at, ok := o.current(r)
		if !ok {
			o.org, o.kind, o.last = "", 0, nil
			return 0, nil
		}
		keep, all, step := at.Deliveries, r.Deliveries, o.purgeDone
		if o.kind == 1 {
			keep, all, step = at.Events, r.Events, o.purgeEvents
		}
		if keep > 0 && keep < all {
			n, more, err := step(sql, tx, at.Org, now.Add(-keep))
			if err != nil || more {
				return max(n, 1), err
			}
			o.advance()
			if n > 0 {
				return n, nil
			}
			continue
		}
		o.advance()
	}
}

// current is the org whose turn it is. Orgs may come and go between two chunks.
func (o *orgPurge) current(r janitor.Retention) (at janitor.OrgRetention, ok bool) {
	for _, org := range r.Orgs {
		if org.Org == o.org && o.kind < 2 {
			return org, true
		}
		if org.Org > o.org && (!ok || org.Org < at.Org) {
			at, ok = org, true
		}
	}
	if ok {
		o.org, o.kind, o.last = at.Org, 0, nil
	}
	return at, ok
}

func (o *orgPurge) advance() { o.kind, o.last = o.kind+1, nil }

func (o *orgPurge) after() []byte {
	if o.last == nil {
		return []byte{}
	}
	return o.last
}

// purgeDone looks at deliveries made before a time, of which those are old that finished
// before it too.
func (o *orgPurge) purgeDone(sql dialect, tx *store.Tx, org string, before time.Time) (n int, more bool, err error) {
	var old []peal.DeliveryID
	gone := map[peal.EndpointID]int64{}
	seen, end, last := 0, firstID(before), o.last
	err = tx.Query(func(r store.Row) error {
		seen++
		last = bytes.Clone(r.Blob(0))
		if r.Int(3) >= store.Micros(before) {
			return nil
		}
		old = append(old, deliveryID(r.Blob(0)))
		if r.Text(2) != string(peal.Suppressed) {
			gone[endpointID(r.Blob(1))]--
		}
		return nil
	}, orgDone, org, o.after(), end[:], int64(purgeChunk))
	if err == nil && len(old) > 0 {
		if err = sql.dropDone(tx, org, old); err == nil {
			err = sql.addTally(tx, gone)
		}
	}
	if err != nil {
		return 0, false, err
	}
	o.last = last
	return len(old), seen == purgeChunk, nil
}

func (o *orgPurge) purgeEvents(sql dialect, tx *store.Tx, org string, before time.Time) (n int, more bool, err error) {
	var old []oldEvent
	end := firstID(before)
	err = tx.Query(func(r store.Row) error {
		old = append(old, oldEvent{org: r.Text(0), id: bytes.Clone(r.Blob(1)), clientID: r.Text(2), deliveries: bytes.Clone(r.Blob(3))})
		return nil
	}, orgEvents, org, o.after(), end[:], int64(purgeChunk))
	if err != nil || len(old) == 0 {
		return 0, false, err
	}
	looked, n, err := sql.purgeOldEvents(tx, old)
	if err != nil {
		return 0, false, err
	}
	o.last = old[looked-1].id
	return n, looked < len(old) || len(old) == purgeChunk, nil
}
