package queue

import (
	"strings"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// What happens is counted by an endpoint's minute, and what the pages of a whole org would
// have to add up is added up here: by an org's minute, and by an endpoint's hour without the
// times that attempts took. A group of records has few minutes, so that this costs little.

// counters are the columns that grow, the buckets of durations last.
var counters = []string{
	"succeeded", "failed", "dead", "dropped", "duration",
	"within_10", "within_30", "within_100", "within_300", "within_1000", "within_3000", "within_10000", "longer",
}

// The places of the counters.
const (
	succeeded = iota
	failed
	dead
	dropped
	duration
	firstDuration
)

// numbers are in the order of counters.
type numbers [firstDuration + len(peal.DurationBounds) + 1]int64

func (n *numbers) add(more *numbers) {
	for i := range n {
		n[i] += more[i]
	}
}

var (
	addMinutes    = addTo("rollup", "endpoint_id, minute, session", "org", "biit", len(counters))
	addOrgMinutes = addTo("org_minute", "org, minute, session", "", "tii", len(counters))
	addHours      = addTo("endpoint_hour", "org, hour, endpoint_id, session", "", "tibi", firstDuration)
)

// addTo adds the first n counters to what is there under the key.
func addTo(table, key, more, types string, n int) *store.ManySQL {
	columns := key
	if more != "" {
		columns += ", " + more
	}
	set := make([]string, n)
	for i, c := range counters[:n] {
		set[i] = c + " = " + table + "." + c + " + excluded." + c
	}
	return store.NewMany("INSERT INTO "+table+" ("+columns+", "+strings.Join(counters[:n], ", ")+")", types+strings.Repeat("i", n),
		" ON CONFLICT ("+key+") DO UPDATE SET "+strings.Join(set, ", "))
}

type (
	orgEndpoint struct {
		org      string
		endpoint peal.EndpointID
	}
	minuteKey struct {
		orgEndpoint
		minute int64
	}
	orgKey struct {
		org    string
		minute int64
	}
	hourKey struct {
		orgEndpoint
		hour int64
	}
)

// rollup is what a batch counted.
type rollup struct {
	minutes map[minuteKey]*numbers
	orgs    map[orgKey]*numbers
	hours   map[hourKey]*numbers
	rows    []any
}

func newRollup() rollup {
	return rollup{map[minuteKey]*numbers{}, map[orgKey]*numbers{}, map[hourKey]*numbers{}, nil}
}

func (r *rollup) reset() {
	clear(r.minutes)
	clear(r.orgs)
	clear(r.hours)
	clear(r.rows)
	r.rows = r.rows[:0]
}

// at gives the numbers of a key.
func at[K comparable](m map[K]*numbers, key K) *numbers {
	n := m[key]
	if n == nil {
		n = &numbers{}
		m[key] = n
	}
	return n
}

const (
	microsPerMinute = 60_000_000
	minutesPerHour  = 60
)

// count adds an attempt, if there was one, and the state that a delivery came to.
func (r *rollup) count(org string, ep peal.EndpointID, micros int64, a *peal.Attempt, status peal.Status) {
	if a == nil && status != peal.Dead && status != peal.Dropped {
		return
	}
	n := at(r.minutes, minuteKey{orgEndpoint{org, ep}, micros / microsPerMinute})
	if a != nil {
		n[duration] += a.Duration.Microseconds()
		n[firstDuration+peal.DurationBucket(a.Duration)]++
		if status == peal.Succeeded {
			n[succeeded]++
		} else {
			n[failed]++
		}
	}
	switch status {
	case peal.Dead:
		n[dead]++
	case peal.Dropped:
		n[dropped]++
	}
}

// write adds what was counted to the tables.
func (r *rollup) write(tx *store.Tx, session int64) error {
	for key, n := range r.minutes {
		at(r.orgs, orgKey{key.org, key.minute}).add(n)
		at(r.hours, hourKey{key.orgEndpoint, key.minute / minutesPerHour}).add(n)
		r.rows = appendNumbers(append(r.rows, key.endpoint[:], key.minute, session, key.org), n[:])
	}
	if err := r.flush(tx, addMinutes); err != nil {
		return err
	}
	for key, n := range r.orgs {
		r.rows = appendNumbers(append(r.rows, key.org, key.minute, session), n[:])
	}
	if err := r.flush(tx, addOrgMinutes); err != nil {
		return err
	}
	for key, n := range r.hours {
		r.rows = appendNumbers(append(r.rows, key.org, key.hour, key.endpoint[:], session), n[:firstDuration])
	}
	return r.flush(tx, addHours)
}

func appendNumbers(rows []any, n []int64) []any {
	for _, v := range n {
		rows = append(rows, v)
	}
	return rows
}

func (r *rollup) flush(tx *store.Tx, into *store.ManySQL) error {
	err := tx.Many(into, r.rows)
	clear(r.rows)
	r.rows = r.rows[:0]
	return err
}
