package queue

import (
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// batch gathers the rows of a group, to write those of each table at once. It is
// used again for the next group.
type batch struct {
	events, live, done, refs, keys, windows, tallied, counted []any

	counts map[bucket]*counts
	tally  map[peal.EndpointID]int64
}

func newBatch() batch {
	return batch{counts: map[bucket]*counts{}, tally: map[peal.EndpointID]int64{}}
}

// maxKept is how many values of a table are kept room for: about a full group's.
const maxKept = 1 << 16

// reset empties the batch, whatever became of the group before. What one large group
// needed is given back.
func (b *batch) reset() *batch {
	for _, rows := range []*[]any{&b.events, &b.live, &b.done, &b.refs, &b.keys, &b.windows, &b.tallied, &b.counted} {
		if cap(*rows) > maxKept {
			*rows = nil
		}
		clear(*rows)
		*rows = (*rows)[:0]
	}
	clear(b.counts)
	clear(b.tally)
	return b
}

var (
	insertEvents = store.NewMany(`INSERT INTO event
		(org, id, client_id, type, source, subject, severity, title, message, time, data, deliveries) VALUES `, 12, "")
	insertLive = store.NewMany(`INSERT INTO live
		(org, id, endpoint_id, event_id, event_type, status, due_at, size, owner, seq) VALUES `, 10, "")
	insertDone = store.NewMany(`INSERT INTO done
		(org, id, endpoint_id, event_id, event_type, status, reason, size, attempt_count, round_start,
		 last_status_code, last_error, finished_at, attempts) VALUES `, 14, "")
	insertRefs = store.NewMany(`INSERT INTO event_ref (org, client_id, event_id, hash, deliveries) VALUES `, 5, "")
	insertKeys = store.NewMany(`INSERT OR REPLACE INTO idempotency (org, key, hash, answer, expires) VALUES `, 5, "")
	putWindows = store.NewMany(`INSERT INTO dedup (org, key, type, until) VALUES `, 4,
		` ON CONFLICT DO UPDATE SET until = excluded.until`)
	addTally = store.NewMany(`INSERT INTO tally (endpoint_id, deliveries) VALUES `, 2,
		` ON CONFLICT DO UPDATE SET deliveries = deliveries + excluded.deliveries`)
	addCounts = store.NewMany(`INSERT INTO rollup
		(endpoint_id, minute, session, org, succeeded, failed, dead, dropped, duration) VALUES `, 9,
		` ON CONFLICT DO UPDATE SET succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed,
		dead = dead + excluded.dead, dropped = dropped + excluded.dropped, duration = duration + excluded.duration`)
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
}

func (b *batch) addDone(f *finished) {
	b.done = append(b.done, f.org, f.id[:], f.endpoint[:], f.event.ID[:], f.event.Type, string(f.status), f.reason, int64(f.size),
		int64(f.attempts), int64(f.roundStart), int64(f.statusCode), f.lastError, f.at, f.history)
}

// flush writes what was gathered and empties the batch.
func (b *batch) flush(tx *store.Tx, session int64) error {
	for id, n := range b.tally {
		b.tallied = append(b.tallied, id[:], n)
	}
	for at, c := range b.counts {
		b.counted = append(b.counted, at.endpoint[:], at.minute, session, c.org, c.succeeded, c.failed, c.dead, c.dropped, c.duration)
	}
	for _, part := range []struct {
		sql  *store.ManySQL
		args []any
	}{
		{insertEvents, b.events},
		{insertLive, b.live},
		{insertDone, b.done},
		{insertRefs, b.refs},
		{insertKeys, b.keys},
		{putWindows, b.windows},
		{addTally, b.tallied},
		{addCounts, b.counted},
	} {
		if _, err := tx.Many(part.sql, part.args); err != nil {
			return err
		}
	}
	b.reset()
	return nil
}

// bucket is one endpoint's minute in the roll-up.
type bucket struct {
	endpoint peal.EndpointID
	minute   int64
}

type counts struct {
	org                              string
	succeeded, failed, dead, dropped int64
	duration                         int64
}

const microsPerMinute = 60_000_000

// count adds an attempt, if there was one, and the state that a delivery came to.
func (b *batch) count(org string, ep peal.EndpointID, at int64, a *peal.Attempt, status peal.Status) {
	if a == nil && status != peal.Dead && status != peal.Dropped {
		return
	}
	key := bucket{ep, at / microsPerMinute}
	c := b.counts[key]
	if c == nil {
		c = &counts{org: org}
		b.counts[key] = c
	}
	if a != nil {
		c.duration += a.Duration.Microseconds()
		if status == peal.Succeeded {
			c.succeeded++
		} else {
			c.failed++
		}
	}
	switch status {
	case peal.Dead:
		c.dead++
	case peal.Dropped:
		c.dropped++
	}
}
