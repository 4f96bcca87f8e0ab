package flow

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/desk"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// Fire implements desk.Clock. What other nodes have under way is left to them.
func (f *Flow) Fire(ctx context.Context, now time.Time, limit int) (n int, err error) {
	type timer struct {
		desk.Timer
		org     string
		request peal.RequestID
	}
	query := `DELETE FROM timer WHERE (org, ref, kind) IN (SELECT org, ref, kind FROM timer WHERE due_at <= ? ORDER BY due_at LIMIT ?` +
		f.locking() + `) RETURNING org, ref, kind, due_at`
	err = f.db.Write(ctx, func(tx *store.Tx) error {
		var due []timer
		err := tx.Query(func(row store.Row) error {
			t := timer{desk.ReadTimer(row.Text(2), store.FromMicros(row.Int(3))), row.Text(0), peal.RequestID{}}
			copy(t.request[:], row.Blob(1))
			due = append(due, t)
			return nil
		}, query, store.Micros(now), int64(limit))
		if err != nil {
			return err
		}
		n = len(due)
		slices.SortStableFunc(due, func(a, b timer) int { return cmp.Compare(a.DueAt.UnixMicro(), b.DueAt.UnixMicro()) })
		for _, t := range due {
			r, err := lockedRequest(tx, "", t.org, t.request)
			if err != nil {
				return err
			}
			if !r.Met(t.Target).IsZero() {
				continue
			}
			if err := store.AddRaised(tx, []peal.Raised{desk.Fired(r, t.Timer, now)}); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// Next implements desk.Clock.
func (f *Flow) Next(ctx context.Context) (next time.Time, err error) {
	err = f.rows(ctx, func(scan scanner) error {
		var due *int64
		err := scan(&due)
		if due != nil {
			next = store.FromMicros(*due)
		}
		return err
	}, "SELECT min(due_at) FROM timer")
	return next, err
}
