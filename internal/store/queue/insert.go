package queue

import (
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// batch gathers the rows of a group, to write those of each table at once. It is
// used again for the next group.
type batch struct {
	events, live, done, refs, keys, windows, counted []any

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
	for _, rows := range []*[]any{&b.events, &b.live, &b.done, &b.refs, &b.keys, &b.windows, &b.counted} {
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
		(org, id, client_id, type, source, subject, severity, title, message, time, data, deliveries)`, "tbtttttttibb", "")
	insertLive = store.NewMany(`INSERT INTO live
		(org, id, endpoint_id, event_id, event_type, status, due_at, size, owner, seq, group_id)`, "tbbbttiiiib", "")
	insertDone = store.NewMany(`INSERT INTO done
		(org, id, endpoint_id, event_id, event_type, status, reason, size, attempt_count, round_start,
		 last_status_code, last_error, finished_at, attempts, group_id)`, "tbbbtttiiiititb", "")
	addCounts = store.NewMany("INSERT INTO rollup (endpoint_id, minute, session, org, "+strings.Join(counters, ", ")+")",
		"biit"+strings.Repeat("i", len(counters)),
		" ON CONFLICT (endpoint_id, minute, session) DO UPDATE SET "+added(counters))
)

// counters are the columns of rollup that grow.
var counters = []string{
	"succeeded", "failed", "dead", "dropped", "duration",
	"within_10", "within_30", "within_100", "within_300", "within_1000", "within_3000", "within_10000", "longer",
}

// added is the list of assignments that add what is new to what is there.
func added(columns []string) string {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = c + " = rollup." + c + " + excluded." + c
	}
	return strings.Join(set, ", ")
}

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
	session := q.db.Session()
	for at, c := range b.counts {
		b.counted = append(b.counted, at.endpoint[:], at.minute, session, c.org, c.succeeded, c.failed, c.dead, c.dropped, c.duration)
		for _, n := range c.durations {
			b.counted = append(b.counted, n)
		}
	}
	for _, part := range []struct {
		sql  *store.ManySQL
		args []any
	}{
		{insertEvents, b.events},
		{insertLive, b.live},
		{insertDone, b.done},
		{addCounts, b.counted},
	} {
		if err := tx.Many(part.sql, part.args); err != nil {
			return err
		}
	}
	if err := q.sql.addTally(tx, b.tally); err != nil {
		return err
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
	durations                        [len(peal.DurationBounds) + 1]int64
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
		c.durations[peal.DurationBucket(a.Duration)]++
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
