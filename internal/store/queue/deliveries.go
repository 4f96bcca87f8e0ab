package queue

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// The columns of a delivery in both tables, in the same order, so that a list is one
// query that merges the two by id. None finished before it was made: where finished_at is
// bounded by that, PostgreSQL leaves out the days before.
const (
	bothColumns = `, d.org, d.event_id, d.event_type, d.endpoint_id, d.status, d.attempt_count, d.round_start, d.last_status_code,
		d.last_error, d.group_id`
	liveColumns = `SELECT d.id AS id` + bothColumns + `, '' AS reason, d.due_at, CAST(0 AS BIGINT)`
	doneColumns = `SELECT d.id AS id` + bothColumns + `, d.reason, CAST(0 AS BIGINT), d.finished_at`
)

func scanDelivery(scan scanner, more ...any) (d peal.Delivery, err error) {
	var due, finished int64
	err = scan(append([]any{
		&d.ID, &d.Org, &d.EventID, &d.EventType, &d.EndpointID, &d.Status, &d.AttemptCount, &d.RoundStart, &d.LastStatusCode,
		&d.LastError, &d.Group, &d.Reason, &due, &finished,
	}, more...)...)
	d.CreatedAt, d.NextAttemptAt, d.FinishedAt = d.ID.Time(), store.FromMicros(due), store.FromMicros(finished)
	return d, err
}

func scanWithAttempts(scan scanner) (d peal.Delivery, err error) {
	var lines string
	if d, err = scanDelivery(scan, &lines); err == nil {
		d.Attempts, err = parseAttempts(lines)
	}
	return d, err
}

// Delivery reads a delivery of an org with its attempts.
func (q *Queue) Delivery(ctx context.Context, org string, id peal.DeliveryID) (*peal.Delivery, error) {
	var found *peal.Delivery
	err := q.rows(ctx, func(scan scanner) error {
		d, err := scanWithAttempts(scan)
		found = &d
		return err
	}, liveColumns+`, attempts FROM live d WHERE org = ?1 AND id = ?2 UNION ALL `+
		doneColumns+`, attempts FROM done d WHERE org = ?1 AND id = ?2 AND finished_at >= ?3`, org, id, made(id))
	if err == nil && found == nil {
		err = peal.NotFound("delivery")
	}
	if err != nil {
		return nil, err
	}
	one := []peal.Delivery{*found}
	err = q.nameEvents(ctx, org, one)
	return &one[0], err
}

// made is when a delivery was made.
func made(id peal.DeliveryID) int64 { return store.Micros(id.Time()) }

// nameEvents looks up the ids that publishers gave to the events of deliveries.
func (q *Queue) nameEvents(ctx context.Context, org string, page []peal.Delivery) error {
	names := map[peal.EventID]string{}
	var ids []peal.EventID
	for i := range page {
		if id := page[i].EventID; !known(names, id) {
			names[id] = ""
			ids = append(ids, id)
		}
	}
	for chunk := range slices.Chunk(ids, 64) {
		args := []any{org}
		for _, id := range chunk {
			args = append(args, id)
		}
		err := q.rows(ctx, func(scan scanner) error {
			var id peal.EventID
			var name string
			err := scan(&id, &name)
			names[id] = name
			return err
		}, "SELECT id, client_id FROM event WHERE org = ?1 AND id IN ("+placeholders(2, len(chunk))+")", args...)
		if err != nil {
			return err
		}
	}
	for i := range page {
		page[i].ClientID = names[page[i].EventID]
	}
	return nil
}

func known(names map[peal.EventID]string, id peal.EventID) bool {
	_, ok := names[id]
	return ok
}

// Deliveries lists deliveries, newest first and without attempts, with the next
// page's cursor.
func (q *Queue) Deliveries(ctx context.Context, f peal.DeliveryFilter, p peal.Page) (page []peal.Delivery, cursor string, err error) {
	p = p.Clamp()
	from, to := idRange(f.Since, f.Until)
	if to, err = pageEnd("deliveries", p, to); err != nil {
		return nil, "", err
	}
	var l listing
	if f.Event.IsZero() {
		walks, nths := deliveryQueries(q.db.Dialect(), &f)
		l = q.listed(ctx, newest(walks, "?4"), newest(nths, "1"), f.Org, scanOf(&f), func(from peal.DeliveryID) []any {
			return []any{f.Endpoint, f.Group, string(f.Status), typeBase(f.Type), made(from)}
		})
	} else {
		l.walk = func(from, to peal.DeliveryID, _ int, each func(scanner) error) error {
			return q.walkEvent(ctx, &f, from, to, each)
		}
	}
	cursor, err = l.page("deliveries", p.Limit, from, to, func(scan scanner) (peal.DeliveryID, bool, error) {
		d, err := scanDelivery(scan)
		fits := err == nil && matches(&f, &d)
		if fits {
			page = append(page, d)
		}
		return d.ID, fits, err
	})
	if err == nil {
		err = q.nameEvents(ctx, f.Org, page)
	}
	return page, cursor, err
}

// matches tells whether a delivery of the org is one that the filter selects, its
// times aside.
func matches(f *peal.DeliveryFilter, d *peal.Delivery) bool {
	return (f.Status == "" || f.Status == d.Status) && typeFits(f.Type, d.EventType) &&
		(f.Endpoint.IsZero() || f.Endpoint == d.EndpointID) && (f.Event.IsZero() || f.Event == d.EventID) &&
		(f.Group.IsZero() || f.Group == d.Group)
}

// deliveryQueries list the deliveries of an org, of its endpoint ?5 or of a group ?6, with the
// status ?7 and of the type ?8, made after what finished before ?9. They ask the tables in which
// the status is, each along an index in the order of ids; what no index serves is a sieve.
func deliveryQueries(dialect store.Dialect, f *peal.DeliveryFilter) (walks, nths []string) {
	where, sieve := " WHERE d.org = ?1 AND d.id >= ?2 AND d.id < ?3", ""
	beside := dialect.Beside("d.org") + " = ?1 AND d.id >= ?2 AND d.id < ?3"
	if !f.Group.IsZero() {
		where = " WHERE d.group_id = ?6 AND " + beside
		if !f.Endpoint.IsZero() {
			sieve = " AND d.endpoint_id = ?5"
		}
	} else if !f.Endpoint.IsZero() {
		where = " WHERE d.endpoint_id = ?5 AND " + beside
	}
	if f.Type != "" {
		sieve += typeSieve("d.event_type", "?8", f.Type)
	}
	indexed := f.Status == "" || f.Status.Finished() && f.Status != peal.Succeeded
	if !indexed {
		sieve += " AND d.status = ?7"
	}
	add := func(columns, from, finished string) {
		walks = append(walks, columns+from+finished+sieve+" ORDER BY d.id DESC LIMIT ?4")
		if f.Since.IsZero() {
			finished = "" // to skip rows of all days, their index is enough
		}
		if sieve != "" {
			nths = append(nths, "SELECT d.id AS id"+from+finished+" ORDER BY d.id DESC LIMIT 1 OFFSET ?4")
		}
	}
	if f.Status == "" || !f.Status.Finished() {
		add(liveColumns, " FROM live d"+where, "")
	}
	if f.Status == "" || f.Status.Finished() {
		from := " FROM done d" + where
		if f.Status != "" && indexed {
			from += " AND d.status = ?7 AND d.status <> 'succeeded'"
		}
		add(doneColumns, from, " AND d.finished_at >= ?9")
	}
	return walks, nths
}

// scanOf is how many rows a page of deliveries looks at.
func scanOf(f *peal.DeliveryFilter) int {
	if f.Endpoint.IsZero() && f.Group.IsZero() && (f.Status == "" || f.Status == peal.Succeeded) {
		return maxScan
	}
	return maxScattered
}

// newest merges lists by id, the newest first. Each ends by itself: where it did not,
// PostgreSQL would sort all rows of all lists.
func newest(lists []string, limit string) string {
	if len(lists) == 0 {
		return ""
	}
	parts := make([]string, len(lists))
	for i, l := range lists {
		parts[i] = "SELECT * FROM (" + l + ") AS part"
	}
	return strings.Join(parts, " UNION ALL ") + " ORDER BY id DESC LIMIT " + limit
}

// walkEvent goes through the deliveries that an event names.
func (q *Queue) walkEvent(ctx context.Context, f *peal.DeliveryFilter, from, to peal.DeliveryID, each func(scanner) error) error {
	var packed []byte
	err := q.rows(ctx, func(scan scanner) error { return scan(&packed) },
		"SELECT deliveries FROM event WHERE org = ? AND id = ?", f.Org, f.Event)
	if err != nil {
		return err
	}
	var ids []peal.DeliveryID
	for b := range slices.Chunk(packed, len(peal.DeliveryID{})) {
		if id := deliveryID(b); bytes.Compare(id[:], from[:]) >= 0 && bytes.Compare(id[:], to[:]) < 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b peal.DeliveryID) int { return bytes.Compare(b[:], a[:]) })
	enough := false
	for chunk := range slices.Chunk(ids, 64) {
		if enough {
			break
		}
		args := []any{f.Org, made(chunk[len(chunk)-1])} // the earliest
		for _, id := range chunk {
			args = append(args, id)
		}
		in := " WHERE d.org = ?1 AND d.id IN (" + placeholders(3, len(chunk)) + ")"
		err := q.rows(ctx, func(scan scanner) error {
			err := each(scan)
			enough = enough || err != nil
			return err
		}, liveColumns+" FROM live d"+in+" UNION ALL "+doneColumns+" FROM done d"+in+" AND d.finished_at >= ?2 ORDER BY id DESC", args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// placeholders are ?from, ?from+1, … so that both arms of a union share them.
func placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("?" + strconv.Itoa(from+i))
	}
	return b.String()
}

// offsetQueries list the deliveries of an endpoint ?1 of an org ?2, up to ?5.
func offsetQueries(dialect store.Dialect) []string {
	where, order := " WHERE d.endpoint_id = ?1 AND "+dialect.Beside("d.org")+" = ?2", " ORDER BY d.id DESC LIMIT ?5"
	return []string{
		liveColumns + ", d.attempts FROM live d" + where + order,
		doneColumns + ", d.attempts FROM done d" + where + " AND d.status <> 'suppressed'" + order,
	}
}

// DeliveriesOffset lists an endpoint's deliveries by offset, newest first, with their
// attempts and without suppressed ones, and tells how many there are in all.
func (q *Queue) DeliveriesOffset(ctx context.Context, org string, ep peal.EndpointID, offset, limit int) (page []peal.Delivery, total int, err error) {
	limit = peal.Page{Limit: limit}.Clamp().Limit
	err = q.db.Read(ctx, func(ctx context.Context, db *sql.DB) error {
		row := db.QueryRowContext(ctx, "SELECT CAST(coalesce(sum(deliveries), 0) AS BIGINT) FROM tally WHERE endpoint_id = ?", ep)
		return row.Scan(&total)
	})
	if err != nil {
		return nil, 0, err
	}
	offset = max(offset, 0)
	err = q.rows(ctx, func(scan scanner) error {
		d, err := scanWithAttempts(scan)
		page = append(page, d)
		return err
	}, newest(offsetQueries(q.db.Dialect()), "?3 OFFSET ?4"), ep, org, limit, offset, limit+offset)
	if err == nil {
		err = q.nameEvents(ctx, org, page)
	}
	return page, total, err
}
