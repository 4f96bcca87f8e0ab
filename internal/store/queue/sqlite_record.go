package queue

import (
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// record implements dialect.
func (s *sqlite) record(tx *store.Tx, items []*record, b *batch) error {
	if err := s.takeOut(tx, items); err != nil {
		return err
	}
	for _, r := range items {
		switch {
		case r.fenced:
		case r.Status.Finished():
			r.addDone(b)
		default:
			if err := s.retry(tx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

var takeOut = store.NewIn("DELETE FROM live WHERE org = ? AND owner = ? AND id IN ")

// takeOut deletes what is finished from live, all of an org at once, and reads the
// attempts so far of those that had some.
func (s *sqlite) takeOut(tx *store.Tx, items []*record) error {
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
		n, err := tx.ManyIn(takeOut, []any{org, s.session()}, ids)
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
		status: r.Status, reason: r.Reason, size: r.Job.Size, group: r.Job.Group,
		attempts: r.Job.AttemptCount, roundStart: r.Job.RoundStart, at: finishedAt(r.Now, r.Job.ID),
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
func (s *sqlite) retry(tx *store.Tx, r *record) error {
	var owner any
	if r.Keep {
		owner = s.session()
	}
	id, due := r.Job.ID[:], store.Micros(r.DueAt)
	var n int64
	var err error
	if a := r.Attempt; a == nil {
		n, err = tx.Exec("UPDATE live SET status = ?, due_at = ?, owner = ? WHERE org = ? AND id = ? AND owner = ?",
			string(r.Status), due, owner, r.org(), id, s.session())
	} else {
		if r.Job.AttemptCount >= peal.MaxAttempts {
			if err := trimAttempts(tx, r.org(), id); err != nil {
				return err
			}
		}
		n, err = tx.Exec(`UPDATE live SET status = ?, due_at = ?, owner = ?, attempt_count = attempt_count + 1,
			last_status_code = ?, last_error = ?, attempts = attempts || ? WHERE org = ? AND id = ? AND owner = ?`,
			string(r.Status), due, owner, int64(a.StatusCode), a.Error, string(appendAttempt(nil, a)), r.org(), id, s.session())
	}
	r.fenced = n == 0
	return err
}
