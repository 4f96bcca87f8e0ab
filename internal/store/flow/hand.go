package flow

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

// Cancel implements workflow.Ledger.
func (f *Flow) Cancel(ctx context.Context, org string, id peal.ExecutionID, now time.Time) error {
	return f.db.WriteThen(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`UPDATE execution SET status = 'cancelled', finished_at = ?, owner = NULL, due_at = NULL
			WHERE org = ? AND id = ? AND finished_at = 0`, store.Micros(now), org, id[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return missing(tx, org, id, "the execution is finished already")
		}
		for _, query := range []string{
			"DELETE FROM event_wait WHERE org = ? AND execution = ?",
			"DELETE FROM signal WHERE org = ? AND execution = ?",
		} {
			if err := tx.Send(query, org, id[:]); err != nil {
				return err
			}
		}
		return tx.Send(`UPDATE step SET status = 'cancelled', finished_at = ?, due_at = 0 WHERE org = ? AND execution = ? AND finished_at = 0`,
			store.Micros(now), org, id[:])
	}, func() { f.disown(id) })
}

// missing is why an execution cannot be changed.
func missing(tx *store.Tx, org string, id peal.ExecutionID, conflict string) error {
	err := error(peal.NotFound("execution"))
	failed := tx.Query(func(store.Row) error {
		err = peal.Errorf(peal.CodeConflict, "%s", conflict)
		return nil
	}, "SELECT 1 FROM execution WHERE org = ? AND id = ?", org, id[:])
	if failed != nil {
		return failed
	}
	return err
}

// Rerun implements workflow.Ledger.
func (f *Flow) Rerun(ctx context.Context, org string, id peal.ExecutionID, now time.Time) error {
	return f.db.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`UPDATE execution SET status = 'queued', finished_at = 0, due_at = ?, failed_step = '', error = ''
			WHERE org = ? AND id = ? AND finished_at > 0 AND status <> 'succeeded'`, store.Micros(now), org, id[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return missing(tx, org, id, "only a failed or cancelled execution can run again")
		}
		// What ended it begins anew; failures that it went on after are over.
		return tx.Send(`DELETE FROM step WHERE org = ? AND execution = ? AND continued = 0 AND status NOT IN ('succeeded', 'skipped')`, org, id[:])
	})
}

// Signal implements workflow.Ledger.
func (f *Flow) Signal(ctx context.Context, s workflow.Signal, now time.Time) error {
	return f.db.Write(ctx, func(tx *store.Tx) error { return Signal(tx, s, now) })
}

// Signal gives a waiting step what it waits for, in the transaction of what happened. A
// second one for the same step changes nothing, nor does one for an execution that is
// finished.
func Signal(tx *store.Tx, s workflow.Signal, now time.Time) error {
	n, err := tx.Exec(`UPDATE execution SET signals = signals + 1,
		due_at = CASE WHEN owner IS NULL THEN ? ELSE due_at END
		WHERE org = ? AND id = ? AND finished_at = 0`, store.Micros(now), s.Org, s.Execution[:])
	if err != nil || n == 0 {
		return err
	}
	payload := []byte(s.Payload)
	if payload == nil {
		payload = []byte("null")
	}
	if err := tx.Send("INSERT INTO signal (org, execution, step, payload) VALUES (?, ?, ?, ?) ON CONFLICT (org, execution, step) DO NOTHING",
		s.Org, s.Execution[:], s.Step, payload); err != nil {
		return err
	}
	return tx.Send("DELETE FROM event_wait WHERE org = ? AND execution = ? AND step = ?", s.Org, s.Execution[:], s.Step)
}

const (
	eventWaits = "SELECT org, execution, step, pattern, filter, since FROM event_wait"
	// waitingOrgs skips from org to org in the index.
	waitingOrgs = `WITH RECURSIVE waiting (org) AS (
			SELECT * FROM (SELECT org FROM event_wait ORDER BY org LIMIT 1) AS head
			UNION ALL
			SELECT (SELECT org FROM event_wait WHERE org > waiting.org ORDER BY org LIMIT 1) FROM waiting WHERE org IS NOT NULL
		)
		SELECT org FROM waiting WHERE org IS NOT NULL`
)

// EventWaits implements workflow.Ledger. It is one query unless there are too many.
func (f *Flow) EventWaits(ctx context.Context, limit int) ([]workflow.EventWait, error) {
	waits, err := f.eventWaits(ctx, eventWaits+" ORDER BY org, execution, step LIMIT ?", int64(limit+1))
	if err != nil || len(waits) <= limit {
		return waits, err
	}
	var orgs []string
	err = f.rows(ctx, func(scan scanner) error {
		var org string
		err := scan(&org)
		orgs = append(orgs, org)
		return err
	}, waitingOrgs)
	waits = waits[:0]
	share := max(1, limit/max(1, len(orgs)))
	for _, org := range orgs {
		if err != nil {
			break
		}
		var some []workflow.EventWait
		some, err = f.eventWaits(ctx, eventWaits+" WHERE org = ? ORDER BY execution, step LIMIT ?", org, int64(share))
		waits = append(waits, some...)
	}
	return waits, err
}

func (f *Flow) eventWaits(ctx context.Context, query string, args ...any) (waits []workflow.EventWait, err error) {
	err = f.rows(ctx, func(scan scanner) error {
		var w workflow.EventWait
		var since int64
		err := scan(&w.Org, &w.Execution, &w.Step, &w.Pattern, &w.Filter, &since)
		w.Since = store.FromMicros(since)
		waits = append(waits, w)
		return err
	}, query, args...)
	return waits, err
}
