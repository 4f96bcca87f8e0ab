package queue

import (
	"context"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

const eventColumns = `SELECT org, id, client_id, type, source, subject, severity, title, message, time, data FROM event `

const eventList = eventColumns + "WHERE org = ? AND id >= ? AND id < ? ORDER BY id DESC"

func scanEvent(scan scanner) (*peal.Event, error) {
	ev := &peal.Event{}
	var at int64
	err := scan(&ev.Org, &ev.ID, &ev.ClientID, &ev.Type, &ev.Source, &ev.Subject, &ev.Severity, &ev.Title, &ev.Message, &at, &ev.Data)
	ev.Time, ev.AcceptedAt = store.FromMicros(at), ev.ID.Time()
	return ev, err
}

// Event finds an event of an org by evt_… or by the id that its publisher chose.
func (q *Queue) Event(ctx context.Context, org, id string) (*peal.Event, error) {
	query, key := eventColumns+"WHERE org = ? AND id = ?", any(id)
	if parsed, err := peal.ParseEventID(id); err == nil {
		key = parsed
	} else {
		query = eventColumns + "WHERE org = ?1 AND id = (SELECT event_id FROM event_ref WHERE org = ?1 AND client_id = ?2)"
	}
	var found *peal.Event
	err := q.rows(ctx, func(scan scanner) (err error) {
		found, err = scanEvent(scan)
		return err
	}, query, org, key)
	if err == nil && found == nil {
		err = peal.NotFound("event")
	}
	return found, err
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

// Events lists an org's events, newest first, with the next page's cursor.
func (q *Queue) Events(ctx context.Context, f peal.EventFilter, p peal.Page) (events []*peal.Event, cursor string, err error) {
	p = p.Clamp()
	from, to := idRange(f.Since, f.Until)
	if to, err = cursorEnd(p.Cursor, to); err != nil {
		return nil, "", err
	}
	var last peal.EventID
	seen := 0
	err = q.rows(ctx, func(scan scanner) error {
		if len(events) == p.Limit || seen == maxScan {
			cursor = encodeCursor(peal.DeliveryID(last))
			return errEnough
		}
		seen++
		ev, err := scanEvent(scan)
		last = ev.ID
		if (f.Type == "" || f.Type == ev.Type) && (f.Subject == "" || f.Subject == ev.Subject) {
			events = append(events, ev)
		}
		return err
	}, eventList, f.Org, from, to)
	return events, cursor, err
}
