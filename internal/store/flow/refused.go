package flow

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// refusal is a request that started nothing, in the writer's lane.
type refusal struct {
	org string
	peal.Received
}

func (r *refusal) Rows() int { return 1 }

func (r *refusal) Bytes() int { return len(r.Request) + 256 }

// Settle tells nobody: what is lost here was refused.
func (r *refusal) Settle(error) {}

// Refused implements inbound.Refusals. It returns at once; where more is refused than the
// database takes in, the rest is not kept.
func (f *Flow) Refused(org string, r peal.Received) {
	_ = f.refused.Add(&refusal{org, r})
}

var insertRefused = store.NewMany(`INSERT INTO refused (org, hook, id, at, verdict, status_code, execution, request)`, "tbbitibb", "")

func (f *Flow) writeRefused(tx *store.Tx, items []*refusal) error {
	var rows []any
	for _, r := range items {
		var execution any
		if !r.Execution.IsZero() {
			execution = r.Execution[:]
		}
		rows = append(rows, r.org, r.Hook[:], r.ID[:], store.Micros(r.At), r.Verdict, int64(r.StatusCode), execution, []byte(r.Request))
	}
	return tx.Many(insertRefused, rows)
}

// purgeChunk is how many rows one transaction of the janitor deletes.
const purgeChunk = 200

// Purge implements janitor.Store. What is finished is kept as long as deliveries are.
func (f *Flow) Purge(ctx context.Context, r janitor.Retention, now time.Time) (n int, err error) {
	keep := r.Deliveries
	err = f.db.WriteIdle(ctx, func(tx *store.Tx) error {
		n = 0
		for _, purge := range []func(*store.Tx) (int64, error){
			func(tx *store.Tx) (int64, error) { return f.purgeExecutions(tx, now.Add(-keep)) },
			func(tx *store.Tx) (int64, error) {
				return tx.Exec(`DELETE FROM refused WHERE (hook, id) IN (SELECT hook, id FROM refused WHERE at < ?1 ORDER BY at LIMIT ?2)`,
					store.Micros(now.Add(-keep)), int64(purgeChunk))
			},
			func(tx *store.Tx) (int64, error) {
				return tx.Exec(`DELETE FROM hook_delivery WHERE (hook, delivery) IN
					(SELECT hook, delivery FROM hook_delivery WHERE expires <= ?1 ORDER BY expires LIMIT ?2) AND expires <= ?1`,
					store.Micros(now), int64(purgeChunk))
			},
		} {
			deleted, err := purge(tx)
			if err != nil {
				return err
			}
			if n += int(deleted); n >= purgeChunk {
				break
			}
		}
		return nil
	})
	return n, err
}

const (
	oldExecutions = "SELECT org, id FROM execution WHERE finished_at > 0 AND finished_at < ? ORDER BY finished_at LIMIT ?"
	objectWaits   = "DELETE FROM object_wait WHERE org = ? AND execution = ?"
)

func (f *Flow) purgeExecutions(tx *store.Tx, before time.Time) (int64, error) {
	type name struct {
		org string
		id  peal.ExecutionID
	}
	var old []name
	err := tx.Query(func(r store.Row) error {
		old = append(old, name{r.Text(0), executionID(r.Blob(1))})
		return nil
	}, oldExecutions+f.locking(), store.Micros(before), int64(purgeChunk)) // one that is to run again is no longer old
	if err != nil {
		return 0, err
	}
	for _, o := range old {
		for _, query := range []string{
			"DELETE FROM step WHERE org = ? AND execution = ?",
			"DELETE FROM signal WHERE org = ? AND execution = ?",
			"DELETE FROM event_wait WHERE org = ? AND execution = ?",
			objectWaits,
			"DELETE FROM execution WHERE org = ? AND id = ?",
		} {
			if err := tx.Send(query, o.org, o.id[:]); err != nil {
				return 0, err
			}
		}
	}
	return int64(len(old)), nil
}
