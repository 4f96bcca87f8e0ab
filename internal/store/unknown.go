package store

import (
	"errors"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// errUnknown says that the connection was lost while a transaction was committed.
var errUnknown = errors.New("store: the transaction may have been committed")

// ErrUnknown is what the items of such a transaction are settled with where it could
// not be found out in time. They may be in the database or not.
var ErrUnknown = &peal.Error{
	Code: peal.CodeUnavailable, Message: "the database went away while the request was written; it may have been accepted",
	RetryAfter: retryAfter, Err: errUnknown,
}

// finder is a connection to a database that can be lost.
type finder interface {
	// find tells whether the transaction of which that is unknown is committed. It fails
	// while that cannot be told.
	find() (committed bool, err error)
}

// find asks until it is known whether the batch was committed, since nothing else can
// be written before: the same rows would be written twice. It gives the lanes that are
// still to be settled, with nil where they are committed. Who waits is let go after a
// while.
func (w *writer) find(batch []lane, err error) ([]lane, error) {
	// Where the connection alone was lost, nobody else has to notice.
	noticed := w.takes(maxWait)
	for ; ; noticed = true {
		if noticed {
			if batch = w.keepsAway(batch, err); batch == nil {
				return nil, err
			}
		}
		committed, failed := w.conn.(finder).find()
		switch {
		case failed == nil && committed:
			return batch, nil
		case failed == nil:
			return batch, errNotCommitted
		}
		err = failed
		time.Sleep(awayPause)
	}
}

// keepsAway notes that the database is away, and settles who has waited for too long; it
// gives who waits on, nil if nobody does.
func (w *writer) keepsAway(batch []lane, err error) []lane {
	w.mu.Lock()
	w.away(err)
	closing, tell := w.closing, w.unknown
	w.mu.Unlock()
	w.refuseWaiting(err)
	if !closing && !w.takes(unknownFor) {
		return batch
	}
	waited := len(batch)
	if batch = w.letGo(batch, closing); len(batch) < waited {
		for _, f := range tell {
			f()
		}
	}
	return batch
}

// errNotCommitted makes the batch run again.
var errNotCommitted = errors.New("store: the transaction was not committed")

// letGo settles who cannot wait for the database to come back.
func (w *writer) letGo(batch []lane, closing bool) (patient []lane) {
	for _, l := range batch {
		if l.patient() && !closing {
			patient = append(patient, l)
		} else {
			l.settle(ErrUnknown)
		}
	}
	return patient
}
