package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// history fills a database with what weeks of traffic would have left in it, in the rows
// that the server would have written. The same seed gives the same rows, their times aside.
type history struct {
	db     *store.DB
	random *rand.Rand
	now    time.Time
	size   int       // deliveries
	orgs   []*tenant // the first is the one whose pages are measured

	events, live, done []any
	counts             map[minuteOf]*[13]int64
	tally              map[peal.EndpointID]int64
	group              peal.GroupID
}

// tenant is an org with what was made for it by the API.
type tenant struct {
	id        string
	endpoints []peal.EndpointID // the busiest first
	hook      peal.HookID
	workflow  peal.WorkflowID
}

type minuteOf struct {
	org      string
	endpoint peal.EndpointID
	minute   int64
}

const (
	// historySpan is younger than anything that is deleted for its age meanwhile.
	historySpan = 28 * 24 * time.Hour
	// historyChunk is how many deliveries one transaction writes at least.
	historyChunk = 5000
	// lastPaused is how long the endpoint that is paused has been so: nothing of this
	// time was sent to it.
	lastPaused = 48 * time.Hour
	pausedAt   = 5 // its place among the endpoints
	groupedAt  = 3 // and that of the one whose deliveries are collected
)

// benchTypes are those of events; the last is rare.
var benchTypes = []string{
	"order.created", "order.paid", "order.shipped", "invoice.sent", "invoice.paid", "user.created", "user.updated", "budget.warning",
	"budget.exceeded", "deployment.completed", "deployment.failed", "alert.raised", "alert.resolved", "ticket.opened", "ticket.closed",
	"subscription.renewed", "subscription.cancelled", "report.ready", "export.ready", rareType,
}

const (
	rareType  = "tenant.offboarded"
	rareEvery = 50_000
)

// skewed picks one of n, the first ones most often.
func (h *history) skewed(n int) int {
	r := h.random.Float64()
	return int(float64(n) * r * r * r)
}

// id is an identifier of that time.
func (h *history) id(at time.Time) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16|h.random.Uint64()&0xffff)
	binary.BigEndian.PutUint64(id[8:], h.random.Uint64())
	id[6], id[8] = 0x70|id[6]&0xf, 0x80|id[8]&0x3f
	return id
}

// fill writes everything.
func (h *history) fill(ctx context.Context, progress io.Writer) error {
	h.counts, h.tally, h.group = map[minuteOf]*[13]int64{}, map[peal.EndpointID]int64{}, peal.GroupID(h.id(h.now))
	made, told := 0, time.Now()
	for made < h.size {
		for pending := made + historyChunk; made < h.size && made < pending; {
			made += h.event(made)
		}
		if err := h.flush(ctx); err != nil {
			return err
		}
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			fmt.Fprintf(progress, "%d of %d deliveries written\n", made, h.size)
		}
	}
	if err := h.flushCounts(ctx); err != nil {
		return err
	}
	for _, rest := range []func(context.Context) error{h.executions, h.desk, h.governance, h.trail} {
		if err := rest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// event adds the event after so many deliveries and its own, and tells how many they are.
// The traffic grew: a tenth of it is of the last day.
func (h *history) event(made int) int {
	left := 1 - float64(made)/float64(h.size)
	at := h.now.Add(-time.Duration(float64(historySpan) * left * (0.5 + left/2) * left)).Add(-time.Second)
	org := h.orgs[0]
	if h.random.IntN(10) == 0 {
		org = h.orgs[1+h.random.IntN(len(h.orgs)-1)]
	}
	kind := benchTypes[h.skewed(len(benchTypes)-1)]
	if h.random.IntN(rareEvery) == 0 {
		kind = rareType
	}
	ev := h.id(at)
	var ids []byte
	n := min(1+h.random.IntN(4), h.size-made)
	for range n {
		id := h.id(at)
		ids = append(ids, id[:]...)
		h.delivery(org, ev, id, kind, at)
	}
	subject := fmt.Sprintf("customer-%d", h.random.IntN(20_000))
	data := fmt.Appendf(nil, `{"id":%d,"customer":%q,"total":%d.50,"currency":"EUR","note":%q}`, made, subject, h.random.IntN(5000), noteText)
	h.events = append(h.events, org.id, ev[:], "", kind, "/shop", subject, "info", "Something happened to "+subject, "", store.Micros(at), data, ids)
	return n
}

// noteText makes data as long as that of most events.
var noteText = string(slices.Repeat([]byte("twelve words "), 30))

func (h *history) delivery(org *tenant, ev, id [16]byte, kind string, at time.Time) {
	place := h.skewed(len(org.endpoints))
	ep := org.endpoints[place]
	var group any
	if place == groupedAt {
		group = h.group[:]
	}
	const size = 700
	h.tally[ep]++
	if place == pausedAt && h.now.Sub(at) < lastPaused {
		h.live = append(h.live, org.id, id[:], ep[:], ev[:], kind, string(peal.Pending), store.Micros(at), int64(size), group)
		return
	}
	took := time.Duration(20+h.random.IntN(400)) * time.Millisecond
	finished := at.Add(took)
	status, reason, attempts, code, failure := peal.Succeeded, "", 1, 200, ""
	switch r := h.random.IntN(1000); {
	case r < 30:
		status, attempts, code, failure = peal.Dead, 3, 500, "the receiver answered 500 Internal Server Error"
	case r < 40:
		status, reason, attempts, code = peal.Dropped, "the endpoint's rate limit", 0, 0
	case r < 45:
		status, reason, attempts, code = peal.Cancelled, "cancelled by hand", 0, 0
	case r < 60:
		status, reason, attempts, code = peal.Suppressed, "a silence", 0, 0
		h.tally[ep]--
	case r < 70:
		due := h.now.Add(time.Duration(1+h.random.IntN(12)) * time.Hour)
		h.live = append(h.live, org.id, id[:], ep[:], ev[:], kind, string(peal.Retrying), store.Micros(due), int64(size), group)
		return
	}
	h.done = append(h.done, org.id, id[:], ep[:], ev[:], kind, string(status), reason, int64(size), int64(attempts), int64(0),
		int64(code), failure, store.Micros(finished), attemptLines(at, took, attempts, code, failure), group)
	h.count(minuteOf{org.id, ep, finished.Unix() / 60}, status, attempts, took)
}

func attemptLines(at time.Time, took time.Duration, n, code int, failure string) string {
	var lines []byte
	for i := range n {
		lines = fmt.Appendf(lines, `{"number":%d,"started_at":%q,"duration":%d,"status_code":%d,`, i+1, at.UTC().Format(time.RFC3339Nano), took, code)
		if failure != "" {
			lines = fmt.Appendf(lines, `"error":%q,`, failure)
		}
		lines = fmt.Appendf(lines, `"profile":"standard","body_hash":"3q2+7w3q2+7w3q2+7w3q2+7w3q2+7w3q2+7w3q2+7w0=","request_headers":{"Content-Type":"application/json",`+
			`"User-Agent":"Peal","Webhook-Id":"msg_%d","Webhook-Signature":"v1,3q2+7w3q2+7w3q2+7w3q2+7w3q2+7w3q2+7w3q2+7w0=","Webhook-Timestamp":"%d"},"response_body":"ok"}`+"\n",
			at.UnixNano(), at.Unix())
	}
	return string(lines)
}

// count adds to the statistics as the server would have.
func (h *history) count(key minuteOf, status peal.Status, attempts int, took time.Duration) {
	c := h.counts[key]
	if c == nil {
		c = &[13]int64{}
		h.counts[key] = c
	}
	switch status {
	case peal.Succeeded:
		c[0]++
	case peal.Dead:
		c[1] += int64(attempts)
		c[2]++
	case peal.Dropped:
		c[3]++
	}
	c[4] += int64(attempts) * took.Microseconds()
	c[5+peal.DurationBucket(took)] += int64(attempts)
}

const allCounts = `succeeded, failed, dead, dropped, duration, within_10, within_30, within_100, within_300, within_1000, within_3000, within_10000, longer`

var (
	fillEvents = store.NewMany(`INSERT INTO event (org, id, client_id, type, source, subject, severity, title, message, time, data, deliveries)`, "tbtttttttibb", "")
	fillLive   = store.NewMany(`INSERT INTO live (org, id, endpoint_id, event_id, event_type, status, due_at, size, group_id)`, "tbbbttiib", "")
	fillDone   = store.NewMany(`INSERT INTO done (org, id, endpoint_id, event_id, event_type, status, reason, size, attempt_count, round_start,
		last_status_code, last_error, finished_at, attempts, group_id)`, "tbbbtttiiiititb", "")
	fillMinutes    = store.NewMany(`INSERT INTO rollup (org, endpoint_id, minute, session, `+allCounts+`)`, "tbii"+"iiiiiiiiiiiii", "")
	fillOrgMinutes = store.NewMany(`INSERT INTO org_minute (org, minute, session, `+allCounts+`)`, "tii"+"iiiiiiiiiiiii", "")
	fillHours      = store.NewMany(`INSERT INTO endpoint_hour (org, endpoint_id, hour, session, succeeded, failed, dead, dropped, duration)`, "tbii"+"iiiii", "")
)

// flush writes the deliveries that were gathered, with their events.
func (h *history) flush(ctx context.Context) error {
	err := h.db.Write(ctx, func(tx *store.Tx) error {
		const eventTime, eventWidth, doneTime, doneWidth = 9, 12, 12, 15
		for _, part := range []struct {
			table     string
			rows      []any
			at, width int
			sql       *store.ManySQL
		}{
			{store.EventTable, h.events, eventTime, eventWidth, fillEvents},
			{store.DoneTable, h.done, doneTime, doneWidth, fillDone},
		} {
			for i := part.at; i < len(part.rows); i += part.width {
				if err := tx.NeedPartition(part.table, part.rows[i].(int64)); err != nil {
					return err
				}
			}
			if err := tx.Many(part.sql, part.rows); err != nil {
				return err
			}
		}
		return tx.Many(fillLive, h.live)
	})
	h.events, h.done, h.live = h.events[:0], h.done[:0], h.live[:0]
	return err
}

// flushCounts writes the statistics, and how many deliveries each endpoint has.
func (h *history) flushCounts(ctx context.Context) error {
	var minutes, orgs, hours []any
	orgCounts, hourCounts := map[minuteOf]*[13]int64{}, map[minuteOf]*[13]int64{}
	for _, key := range inOrder(h.counts) {
		c := h.counts[key]
		minutes = appendCounts(append(minutes, key.org, key.endpoint[:], key.minute, h.db.Session()), c[:])
		addCounts(orgCounts, minuteOf{org: key.org, minute: key.minute}, c)
		addCounts(hourCounts, minuteOf{key.org, key.endpoint, key.minute / 60}, c)
	}
	for _, key := range inOrder(orgCounts) {
		orgs = appendCounts(append(orgs, key.org, key.minute, h.db.Session()), orgCounts[key][:])
	}
	for _, key := range inOrder(hourCounts) {
		hours = appendCounts(append(hours, key.org, key.endpoint[:], key.minute, h.db.Session()), hourCounts[key][:5])
	}
	for _, part := range []struct {
		sql   *store.ManySQL
		width int
		rows  []any
	}{{fillMinutes, 17, minutes}, {fillOrgMinutes, 16, orgs}, {fillHours, 9, hours}} {
		if err := h.write(ctx, part.sql, part.width, part.rows); err != nil {
			return err
		}
	}
	return h.db.Write(ctx, func(tx *store.Tx) error {
		for _, ep := range slices.SortedFunc(maps.Keys(h.tally), func(a, b peal.EndpointID) int { return bytes.Compare(a[:], b[:]) }) {
			query, args := "INSERT INTO tally (endpoint_id, deliveries) VALUES (?, ?)", []any{ep[:], h.tally[ep]}
			if h.db.Dialect() == store.PostgreSQL {
				query, args = "INSERT INTO tally (endpoint_id, deliveries, session) VALUES (?, ?, ?)", append(args, h.db.Session())
			}
			if _, err := tx.Exec(query, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

func addCounts(to map[minuteOf]*[13]int64, key minuteOf, more *[13]int64) {
	c := to[key]
	if c == nil {
		c = &[13]int64{}
		to[key] = c
	}
	for i, n := range more {
		c[i] += n
	}
}

// inOrder are the keys in an order in which they are quick to be written.
func inOrder(counts map[minuteOf]*[13]int64) []minuteOf {
	return slices.SortedFunc(maps.Keys(counts), func(a, b minuteOf) int {
		return cmp.Or(cmp.Compare(a.org, b.org), bytes.Compare(a.endpoint[:], b.endpoint[:]), cmp.Compare(a.minute, b.minute))
	})
}

func appendCounts(rows []any, counts []int64) []any {
	for _, n := range counts {
		rows = append(rows, n)
	}
	return rows
}

// write writes any number of rows of some columns.
func (h *history) write(ctx context.Context, sql *store.ManySQL, width int, values []any) error {
	for chunk := range slices.Chunk(values, width*historyChunk) {
		if err := h.db.Write(ctx, func(tx *store.Tx) error { return tx.Many(sql, chunk) }); err != nil {
			return err
		}
	}
	return nil
}

// openHistory opens the database beside no server.
func openHistory(ctx context.Context, database string, log io.Writer) (*store.DB, error) {
	return store.Open(ctx, store.Config{URL: database, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})), Now: time.Now})
}
