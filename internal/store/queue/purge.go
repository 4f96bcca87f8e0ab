package queue

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/store"
)

// purgeChunk is how many rows one transaction of the janitor deletes or looks at.
const purgeChunk = 200

// purgeProbes is how many deliveries one transaction of the janitor looks for; only the
// last event's fan-out comes on top.
const purgeProbes = 1000

// Purge implements janitor.Store: it deletes one chunk of what is older than it has
// to be kept. The kinds of rows take turns, so that much of one does not keep the
// others.
func (q *Queue) Purge(ctx context.Context, r janitor.Retention, now time.Time) (n int, err error) {
	steps := append(q.sql.purges(r, now), purgeRollups(now.Add(-r.Events))...)
	steps = append(steps, func(tx *store.Tx) (int, error) { return q.orgs.purge(q.sql, tx, r, now) })
	mine := true
	for range len(steps) + 1 {
		turn := q.step
		q.step = (q.step + 1) % (len(steps) + 1)
		if turn == len(steps) {
			n, err = q.tend(ctx, r, now)
		} else {
			err = q.db.WriteIdle(ctx, func(tx *store.Tx) (err error) {
				if mine, err = tx.Owns(store.Janitor); mine && err == nil {
					n, err = steps[turn](tx)
				}
				return err
			})
		}
		if err != nil || n > 0 || !mine {
			return n, err
		}
	}
	return 0, nil
}

// tend lets the database do what it does outside of the writer.
func (q *Queue) tend(ctx context.Context, r janitor.Retention, now time.Time) (n int, err error) {
	mine := false
	err = q.db.WriteIdle(ctx, func(tx *store.Tx) (err error) {
		mine, err = tx.Owns(store.Janitor)
		return err
	})
	if err != nil || !mine {
		return 0, err
	}
	return q.sql.tend(ctx, r, now)
}

// Rows of dedup and rollup have an index by time; those of audit are in the order of
// time and looked at from the first on.
const (
	oldWindows = `DELETE FROM dedup WHERE until <= ?1 AND (org, key, type) IN (
		SELECT org, key, type FROM dedup WHERE until <= ?1 ORDER BY until LIMIT ?2)`
	oldRollups = `DELETE FROM rollup WHERE (endpoint_id, minute, session) IN (
		SELECT endpoint_id, minute, session FROM rollup WHERE minute < ?1 ORDER BY minute LIMIT ?2)`
	oldOrgMinutes = `DELETE FROM org_minute WHERE (org, minute, session) IN (
		SELECT org, minute, session FROM org_minute WHERE minute < ?1 ORDER BY minute LIMIT ?2)`
	oldHours = `DELETE FROM endpoint_hour WHERE (org, hour, endpoint_id, session) IN (
		SELECT org, hour, endpoint_id, session FROM endpoint_hour WHERE hour < ?1 ORDER BY hour LIMIT ?2)`
	oldAudit = `DELETE FROM audit WHERE id IN (
		SELECT id FROM (SELECT id, time FROM audit ORDER BY id LIMIT ?2) AS oldest WHERE time < ?1)`
)

// purgeRows is a statement that deletes what is from before a time, up to a number.
func purgeRows(query string, before int64) purge {
	return func(tx *store.Tx) (int, error) {
		n, err := tx.Exec(query, before, int64(purgeChunk))
		return int(n), err
	}
}

// purgeRollups deletes what was counted before a time.
func purgeRollups(before time.Time) []purge {
	minute := store.Micros(before) / microsPerMinute
	return []purge{purgeRows(oldRollups, minute), purgeRows(oldOrgMinutes, minute), purgeRows(oldHours, minute/minutesPerHour)}
}
