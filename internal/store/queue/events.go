package queue

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// A list leaves the data out, so that it does not read the pages that they fill.
const (
	eventHead    = `SELECT org, id, client_id, type, source, subject, severity, title, message, time`
	eventColumns = eventHead + ", data FROM event "
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

// eventQueries list an org's events of the type ?5 and the subject ?6, where they are not
// empty. Neither is indexed: each event would pay for it.
func eventQueries(f *peal.EventFilter) (walk, nth string) {
	const where = " FROM event WHERE org = ?1 AND id >= ?2 AND id < ?3"
	sieve := ""
	if f.Type != "" {
		sieve += typeSieve("type", "?5", f.Type)
	}
	if f.Subject != "" {
		sieve += " AND subject = ?6"
	}
	walk = eventHead + ", NULL" + where + sieve + " ORDER BY id DESC LIMIT ?4"
	if sieve != "" {
		nth = "SELECT id" + where + " ORDER BY id DESC LIMIT 1 OFFSET ?4"
	}
	return walk, nth
}

// Events lists an org's events without their data, newest first, with the next page's
// cursor.
func (q *Queue) Events(ctx context.Context, f peal.EventFilter, p peal.Page) (events []*peal.Event, cursor string, err error) {
	p = p.Clamp()
	from, to := idRange(f.Since, f.Until)
	if to, err = pageEnd("events", p, to); err != nil {
		return nil, "", err
	}
	walk, nth := eventQueries(&f)
	l := q.listed(ctx, walk, nth, f.Org, maxScan, func(peal.DeliveryID) []any { return []any{typeBase(f.Type), f.Subject} })
	cursor, err = l.page("events", p.Limit, from, to, func(scan scanner) (peal.DeliveryID, bool, error) {
		ev, err := scanEvent(scan)
		if err == nil {
			events = append(events, ev)
		}
		return peal.DeliveryID(ev.ID), true, err
	})
	return events, cursor, err
}
