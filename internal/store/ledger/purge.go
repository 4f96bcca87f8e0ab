package ledger

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/store"
)

const (
	// purgeChunk is how many rows one transaction of the janitor deletes.
	purgeChunk = 200
	// meterKept outlives every record that is still taken, so that none of them finds
	// its period empty; minutes are held against limits for a day only.
	meterKept  = 450 * 24 * time.Hour
	minuteKept = 48 * time.Hour
	// closedKept is longer than hours are compared with those before.
	closedKept = 30 * 24 * time.Hour
)

// step deletes a chunk of what is from before a moment, in the units of its column.
type step struct {
	query  string
	before int64
}

// steps compares the age of what can be used again outside of the subquery too: while the
// delete waits for another node's commit, a row may have become a new one.
func (l *Ledger) steps(r janitor.Retention, now time.Time) []step {
	old := now.Add(-meterKept)
	return []step{
		{l.sql.oldIDs(), store.Micros(now)},
		{oldMeters(governance.Minute), store.Micros(now.Add(-minuteKept))},
		{oldMeters(governance.Day), store.Micros(old)},
		{oldMeters(governance.Month), store.Micros(old)},
		{`DELETE FROM usage_rollup WHERE (org, hour, hash, session) IN (
			SELECT org, hour, hash, session FROM usage_rollup WHERE hour < ?1 ORDER BY hour LIMIT ?2)`, store.Micros(old)},
		{`DELETE FROM closed_hour WHERE (org, hour) IN (
			SELECT org, hour FROM closed_hour WHERE hour < ?1 ORDER BY hour LIMIT ?2)`, store.Micros(now.Add(-closedKept))},
		{`DELETE FROM key_use WHERE (org, key) IN (
			SELECT org, key FROM key_use WHERE hour < ?1 ORDER BY hour LIMIT ?2) AND hour < ?1`, store.Micros(old)},
		{`DELETE FROM alert WHERE (org, rule, subject, threshold, period) IN (
			SELECT org, rule, subject, threshold, period FROM alert WHERE at < ?1 AND period <> 0 ORDER BY at LIMIT ?2) AND at < ?1`, store.Micros(old)},
		{`DELETE FROM memory WHERE (org, rule, subject) IN (
			SELECT org, rule, subject FROM memory WHERE day < ?1 ORDER BY day LIMIT ?2) AND day < ?1`, dayOf(old)},
		{`DELETE FROM reservation WHERE (org, id) IN (
			SELECT org, id FROM reservation WHERE status NOT IN ('allowed', 'waiting') AND expires < ?1 ORDER BY expires LIMIT ?2)`, store.Micros(now.Add(-r.Events))},
	}
}

func oldMeters(p governance.Period) string {
	return `DELETE FROM meter WHERE (org, scope, ref, period, start) IN (
		SELECT org, scope, ref, period, start FROM meter WHERE period = '` + string(p) + `' AND start < ?1 ORDER BY start LIMIT ?2)`
}

// Purge implements janitor.Store. The kinds of rows take turns, so that much of one does
// not keep the others.
func (l *Ledger) Purge(ctx context.Context, r janitor.Retention, now time.Time) (n int, err error) {
	steps := l.steps(r, now)
	for range steps {
		s := steps[l.step]
		l.step = (l.step + 1) % len(steps)
		err := l.db.WriteIdle(ctx, func(tx *store.Tx) error {
			changed, err := tx.Exec(s.query, s.before, int64(purgeChunk))
			n = int(changed)
			return err
		})
		if err != nil || n > 0 {
			return n, err
		}
	}
	return 0, nil
}
