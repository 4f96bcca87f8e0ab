package queue

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// A list leaves the data out, so that it does not read the pages that they fill.
const (
	eventHead    = `SELECT org, id, client_id, type, source, subject, severity, title, message, time`
	eventColumns = eventHead + ", data FROM event "
	eventList    = eventHead + ", NULL FROM event WHERE org = ? AND id >= ? AND id < ? ORDER BY id DESC" + listLimit
)

func scanEvent(scan scanner) (*peal.Event, error) {
	ev := &peal.Event{}
	var at int64
	err := scan(&ev.Org, &ev.ID, &ev.ClientID, &ev.Type, &ev.Source, &ev.Subject, &ev.Severity, &ev.Title, &ev.Message, &at, &ev.Data)
	ev.Time, ev.AcceptedAt = time.UnixMicro(at).UTC(), ev.ID.Time()
	return ev, err
}

// Event finds an event of an org by evt_…, or else by the id that its publisher chose.
func (q *Queue) Event(ctx context.Context, org, id string) (*peal.Event, error) {
	var own any
	if parsed, err := peal.ParseEventID(id); err == nil {
		own = parsed
	}
	var found *peal.Event
	err := q.rows(ctx, func(scan scanner) (err error) {
		found, err = scanEvent(scan)
		return err
	}, eventColumns+`WHERE org = ?1 AND id = coalesce((SELECT id FROM event WHERE org = ?1 AND id = ?3),
		(SELECT event_id FROM event_ref WHERE org = ?1 AND client_id = ?2))`, org, id, own)
	if err == nil && found == nil {
		err = peal.NotFound("event")
	}
	return found, err
}

// EventByID implements dispatch.Events.
func (q *Queue) EventByID(ctx context.Context, org string, id peal.EventID) (*peal.Event, error) {
	events, err := q.eventsByID(ctx, org, []peal.EventID{id})
	if err == nil && len(events) == 0 {
		err = peal.NotFound("event")
	}
	if err != nil {
		return nil, err
	}
	return events[0], nil
}

// EventsSince implements workflow.Events.
func (q *Queue) EventsSince(ctx context.Context, org string, since time.Time, after peal.EventID, limit int) (events []*peal.Event, err error) {
	from, _ := idRange(since, time.Time{})
	if bytes.Compare(after[:], from[:]) > 0 {
		from = next(peal.DeliveryID(after))
	}
	err = q.rows(ctx, func(scan scanner) error {
		ev, err := scanEvent(scan)
		events = append(events, ev)
		return err
	}, eventHead+", NULL FROM event WHERE org = ? AND id >= ? ORDER BY id LIMIT ?", org, from, int64(limit))
	return events, err
}

func (q *Queue) eventsByID(ctx context.Context, org string, ids []peal.EventID) ([]*peal.Event, error) {
	args := []any{org}
	for _, id := range ids {
		args = append(args, id)
	}
	var events []*peal.Event
	err := q.rows(ctx, func(scan scanner) error {
		ev, err := scanEvent(scan)
		events = append(events, ev)
		return err
	}, eventColumns+"WHERE org = ? AND id IN (?"+strings.Repeat(",?", len(ids)-1)+")", args...)
	return events, err
}

// maxScan is how many rows one page of a filtered list looks at. A page that ends
// there is short, or even empty, and its cursor leads on.
const maxScan = 20_000

// listLimit tells the database that a list is not read to its end: it is better walked
// along an index than sorted.
const listLimit = " LIMIT 20001"

// gather walks over a list's rows, newest first, until limit of them were taken,
// maxScan were looked at or the reader's time is up. Its cursor leads on from the last
// that was looked at; it is empty at the list's end.
func gather[ID peal.EventID | peal.DeliveryID](
	list string, limit int, walk func(each func(scanner) error) error, take func(scanner) (id ID, taken bool, err error),
) (cursor string, err error) {
	var last ID
	seen, n := 0, 0
	err = walk(func(scan scanner) error {
		if n == limit || seen == maxScan {
			cursor = peal.Cursor(list, last[:])
			return errEnough
		}
		id, taken, err := take(scan)
		if err != nil {
			return err
		}
		last = id
		seen++
		if taken {
			n++
		}
		return nil
	})
	if seen > 0 && errors.Is(err, store.ErrSlowRead) {
		return peal.Cursor(list, last[:]), nil
	}
	return cursor, err
}

// Events lists an org's events without their data, newest first, with the next page's
// cursor.
func (q *Queue) Events(ctx context.Context, f peal.EventFilter, p peal.Page) (events []*peal.Event, cursor string, err error) {
	p = p.Clamp()
	from, to := idRange(f.Since, f.Until)
	if to, err = pageEnd("events", p, to); err != nil {
		return nil, "", err
	}
	cursor, err = gather("events", p.Limit, func(each func(scanner) error) error {
		return q.rows(ctx, each, eventList, f.Org, from, to)
	}, func(scan scanner) (peal.EventID, bool, error) {
		ev, err := scanEvent(scan)
		fits := err == nil && typeFits(f.Type, ev.Type) && (f.Subject == "" || f.Subject == ev.Subject)
		if fits {
			events = append(events, ev)
		}
		return ev.ID, fits, err
	})
	return events, cursor, err
}
