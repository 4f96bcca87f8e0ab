package queue

import (
	"context"
	"encoding/json"
	"errors"

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
	before history
}

func (r *record) Rows() int  { return 1 }
func (r *record) Bytes() int { return 0 } // its lane's budget holds it

// Settle tells the dispatcher.
func (r *record) Settle(err error) {
	if err == nil {
		if r.fenced || r.Status.Finished() || !r.Keep {
			r.q.owned.remove(r.Job.ID)
		}
		if r.fenced {
			err = dispatch.ErrFenced
		}
	}
	r.Done(err)
}

// writeRecords is the transaction of a group of outcomes. Each statement matches the
// owner, which is the fence.
func (q *Queue) writeRecords(tx *store.Tx, items []*record) error {
	b := q.batch.reset()
	if err := q.takeOut(tx, items); err != nil {
		return err
	}
	for _, r := range items {
		switch {
		case r.fenced:
			continue
		case r.Status.Finished():
			r.addDone(b)
		default:
			if err := q.retry(tx, r); err != nil {
				return err
			}
			if r.fenced {
				continue
			}
		}
		b.count(r.org(), r.Job.Endpoint, store.Micros(r.Now), r.Attempt, r.Status)
		if err := store.AddRaised(tx, r.Raised); err != nil {
			return err
		}
	}
	return b.flush(tx, q.session)
}

func (r *record) org() string { return r.Job.Message.Event.Org }

var takeOut = store.NewIn("DELETE FROM live WHERE org = ? AND owner = ? AND id IN ")

// errNotOurs says that one of many deliveries was not owned. The group is then run
// one by one, which tells which.
var errNotOurs = errors.New("queue: a delivery of the group is fenced")

// takeOut deletes what is finished from live, all of an org at once, and reads the
// attempts so far of those that had some.
func (q *Queue) takeOut(tx *store.Tx, items []*record) error {
	byOrg := map[string][]any{}
	for _, r := range items {
		r.before = history{}
		if r.fenced = false; !r.Status.Finished() {
			continue
		}
		if r.Job.AttemptCount > 0 {
			if err := r.readHistory(tx); err != nil {
				return err
			}
		}
		byOrg[r.org()] = append(byOrg[r.org()], r.Job.ID[:])
	}
	for org, ids := range byOrg {
		n, err := tx.ManyIn(takeOut, []any{org, q.session}, ids)
		if err != nil {
			return err
		}
		if int(n) < len(ids) {
			if len(items) > 1 {
				return errNotOurs
			}
			items[0].fenced = true
		}
	}
	return nil
}

// history is what live knows of a delivery's attempts so far.
type history struct {
	statusCode int
	lastError  string
	attempts   string
}

func (r *record) readHistory(tx *store.Tx) error {
	return tx.Query(func(row store.Row) error {
		r.before = history{int(row.Int(0)), row.Text(1), row.Text(2)}
		return nil
	}, "SELECT last_status_code, last_error, attempts FROM live WHERE org = ? AND id = ?", r.org(), r.Job.ID[:])
}

// addDone adds the finished delivery to the batch.
func (r *record) addDone(b *batch) {
	f := finished{
		org: r.org(), id: &r.Job.ID, endpoint: &r.Job.Endpoint, event: r.Job.Message.Event,
		status: r.Status, reason: r.Reason, size: r.Job.Size,
		attempts: r.Job.AttemptCount, roundStart: r.Job.RoundStart, at: store.Micros(r.Now),
		statusCode: r.before.statusCode, lastError: r.before.lastError, history: r.before.attempts,
	}
	if a := r.Attempt; a != nil {
		f.attempts++
		f.statusCode, f.lastError = a.StatusCode, a.Error
		f.history = lastLines(string(appendAttempt([]byte(f.history), a)), peal.MaxAttempts)
	}
	b.addDone(&f)
}

// retry leaves the delivery live until its next due time.
func (q *Queue) retry(tx *store.Tx, r *record) error {
	var owner any
	if r.Keep {
		owner = q.session
	}
	id, due := r.Job.ID[:], store.Micros(r.DueAt)
	var n int64
	var err error
	if a := r.Attempt; a == nil {
		n, err = tx.Exec("UPDATE live SET status = ?, due_at = ?, owner = ? WHERE org = ? AND id = ? AND owner = ?",
			string(r.Status), due, owner, r.org(), id, q.session)
	} else {
		if r.Job.AttemptCount >= peal.MaxAttempts {
			if err := trimAttempts(tx, r.org(), id); err != nil {
				return err
			}
		}
		n, err = tx.Exec(`UPDATE live SET status = ?, due_at = ?, owner = ?, attempt_count = attempt_count + 1,
			last_status_code = ?, last_error = ?, attempts = attempts || ? WHERE org = ? AND id = ? AND owner = ?`,
			string(r.Status), due, owner, int64(a.StatusCode), a.Error, string(appendAttempt(nil, a)), r.org(), id, q.session)
	}
	r.fenced = n == 0
	return err
}

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
