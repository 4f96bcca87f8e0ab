package queue

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// batch gathers the rows of a group, to write those of each table at once. It is
// used again for the next group.
type batch struct {
	events, live, done, refs, keys, windows []any

	rollup rollup
	tally  map[peal.EndpointID]int64
}

func newBatch() batch {
	return batch{rollup: newRollup(), tally: map[peal.EndpointID]int64{}}
}

// maxKept is how many values of a table are kept room for: about a full group's.
const maxKept = 1 << 16

// reset empties the batch, whatever became of the group before. What one large group
// needed is given back.
func (b *batch) reset() *batch {
	for _, rows := range []*[]any{&b.events, &b.live, &b.done, &b.refs, &b.keys, &b.windows} {
		if cap(*rows) > maxKept {
			*rows = nil
		}
		clear(*rows)
		*rows = (*rows)[:0]
	}
	b.rollup.reset()
	clear(b.tally)
	return b
}

var (
	insertEvents = store.NewMany(`INSERT INTO event
		(org, id, client_id, type, source, subject, severity, title, message, time, data, deliveries)`, "tbtttttttibb", "")
	insertLive = store.NewMany(`INSERT INTO live
		(org, id, endpoint_id, event_id, event_type, status, due_at, size, owner, seq, group_id)`, "tbbbttiiiib", "")
	insertDone = store.NewMany(`INSERT INTO done
		(org, id, endpoint_id, event_id, event_type, status, reason, size, attempt_count, round_start,
		 last_status_code, last_error, finished_at, attempts, group_id)`, "tbbbtttiiiititb", "")
)

// finished is a row of done.
type finished struct {
	org        string
	id         *peal.DeliveryID
	endpoint   *peal.EndpointID
	event      *peal.Event
	status     peal.Status
	reason     string
	size       int
	attempts   int
	roundStart int
	statusCode int
	lastError  string
	at         int64
	history    string
	group      peal.GroupID
}

// finishedAt is when a delivery finished, never before it was made: the days before are not
// looked through for it.
func finishedAt(now time.Time, id peal.DeliveryID) int64 {
	return max(store.Micros(now), store.Micros(id.Time()))
}

func (b *batch) addDone(f *finished) {
	b.done = append(b.done, f.org, f.id[:], f.endpoint[:], f.event.ID[:], f.event.Type, string(f.status), f.reason, int64(f.size),
		int64(f.attempts), int64(f.roundStart), int64(f.statusCode), f.lastError, f.at, f.history, orNull(f.group))
}

// flush writes what was gathered, but for names, and empties the batch.
func (b *batch) flush(tx *store.Tx, q *Queue) error {
	for _, part := range []struct {
		sql  *store.ManySQL
		args []any
	}{
		{insertEvents, b.events},
		{insertLive, b.live},
		{insertDone, b.done},
	} {
		if err := tx.Many(part.sql, part.args); err != nil {
			return err
		}
	}
	if err := b.rollup.write(tx, q.db.Session()); err != nil {
		return err
	}
	if err := q.sql.addTally(tx, b.tally); err != nil {
		return err
	}
	b.reset()
	return nil
}
