package queue

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// Record implements dispatch.Store.
func (q *Queue) Record(o *dispatch.Outcome) {
	if err := q.records.Add(&record{Outcome: o, q: q}); err != nil {
		o.Done(err) // the database is closed: the next session sends it again
	}
}

// record is a dispatch.Outcome in the writer's lane.
type record struct {
	*dispatch.Outcome
	q *Queue

	fenced bool
	// stale says that the job was claimed in an earlier session.
	stale  bool
	before history
}

func (r *record) Rows() int  { return 1 }
func (r *record) Bytes() int { return 0 } // its lane's budget holds it

// Settle tells the dispatcher.
func (r *record) Settle(err error) {
	if err == nil {
		if !r.stale && (r.fenced || r.Status.Finished() || !r.Keep) {
			r.q.owned.remove(r.Job.ID)
		}
		if r.fenced || r.stale {
			err = dispatch.ErrFenced
		}
	}
	r.Done(err)
}

// errNotOurs says that one of many deliveries was not owned, or came twice. The group is
// then run one by one, which tells which.
var errNotOurs = errors.New("queue: a delivery of the group is fenced")

// writeRecords is the transaction of a group of outcomes. Each statement matches the
// owner, which is the fence.
func (q *Queue) writeRecords(tx *store.Tx, items []*record) error {
	b := q.batch.reset()
	items = q.fresh(items)
	if err := q.sql.record(tx, items, b); err != nil {
		return err
	}
	for _, r := range items {
		if r.fenced {
			continue
		}
		b.rollup.count(r.org(), r.Job.Endpoint, store.Micros(r.Now), r.Attempt, r.Status)
		if err := store.AddRaised(tx, r.Raised); err != nil {
			return err
		}
	}
	return b.flush(tx, q)
}

// fresh leaves out what was claimed in an earlier session: the row may be owned again, but
// then by a later claim.
func (q *Queue) fresh(items []*record) []*record {
	session, stale := q.db.Session(), false
	for _, r := range items {
		r.stale = r.Job.Session != session
		stale = stale || r.stale
	}
	if !stale {
		return items
	}
	return slices.DeleteFunc(slices.Clone(items), func(r *record) bool { return r.stale })
}

func (r *record) org() string { return r.Job.Message.Event.Org }

// trimAttempts makes room for one more.
func trimAttempts(tx *store.Tx, org string, id []byte) error {
	var lines string
	err := tx.Query(func(row store.Row) error {
		lines = row.Text(0)
		return nil
	}, "SELECT attempts FROM live WHERE org = ? AND id = ?", org, id)
	if err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE live SET attempts = ? WHERE org = ? AND id = ?", lastLines(lines, peal.MaxAttempts-1), org, id)
	return err
}

// Raised lists the oldest raised events that wait to be published, each with its Seq;
// a commit that names it consumes one.
func (q *Queue) Raised(ctx context.Context, limit int) ([]peal.Raised, error) {
	var raised []peal.Raised
	err := q.rows(ctx, func(scan scanner) error {
		var seq int64
		var doc []byte
		if err := scan(&seq, &doc); err != nil {
			return err
		}
		var r peal.Raised
		if err := json.Unmarshal(doc, &r); err != nil {
			return err
		}
		r.Seq = seq
		raised = append(raised, r)
		return nil
	}, "SELECT seq, doc FROM raised ORDER BY seq LIMIT ?", limit)
	return raised, err
}
