package workflow

import (
	"errors"

	"github.com/peal-dev/peal/internal/peal"
)

// write makes durable what changed. Branches write one after the other.
func (r *run) write(rec *Record) error {
	r.mu.Lock()
	x := *r.Execution
	rec.Execution, rec.Now = &x, r.now()
	for id := range r.dirty {
		rec.Steps = append(rec.Steps, *r.rows[id])
	}
	clear(r.dirty)
	rec.Waits, r.waits = r.waits, nil
	rec.Heard, r.heard = r.heard, nil
	if r.fresh {
		r.fresh = false
		rec.Raised = append([]peal.Raised{raisedStarted(&x, r.request())}, rec.Raised...)
	}
	r.mu.Unlock()
	written := make(chan error, 1)
	rec.Done = func(err error) { written <- err }
	r.Store.Record(rec)
	err := <-written
	if err != nil && !errors.Is(err, ErrFenced) {
		r.Log.Warn("an execution could not be recorded", "execution", x.ID, "error", err)
	}
	return err
}
