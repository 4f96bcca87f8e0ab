package ledger

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

const (
	minutesQuery = `SELECT ref, start, requests, tokens FROM meter
		WHERE period = 'minute' AND start >= ? AND start < ? AND org = ? AND scope = ?`
	askedQuery   = `SELECT id, doc FROM reservation WHERE org = ? AND id > ? AND id < ? ORDER BY id LIMIT ?`
	changesQuery = `SELECT id, time, amount, balance, note, actor FROM credit_entry WHERE org = ? AND id >= ? ORDER BY id`
)

// Minutes implements governance.History.
func (l *Ledger) Minutes(ctx context.Context, org string, scope peal.Scope, since, until int64, f func(governance.MeterID, governance.Meter)) error {
	return l.rows(ctx, func(scan func(...any) error) error {
		id := governance.MeterID{Org: org, Scope: scope, Period: governance.Minute}
		var m governance.Meter
		err := scan(&id.Ref, &id.Start, &m.Requests, &m.Tokens)
		if err == nil {
			f(id, m)
		}
		return err
	}, minutesQuery, since, until, org, string(scope))
}

// askedChunk is how many reservations are read at once.
const askedChunk = 500

// idsEarly is how long before what it names is written an id may be made.
const idsEarly = time.Minute

// Asked implements governance.History.
func (l *Ledger) Asked(ctx context.Context, org string, since, until time.Time, f func(*governance.Reservation) error) error {
	after, end := firstID(since.Add(-idsEarly)), firstID(until.Add(time.Millisecond))
	for read := askedChunk; read == askedChunk; {
		read = 0
		var chunk []*governance.Reservation
		err := l.rows(ctx, func(scan func(...any) error) error {
			var id peal.ReservationID
			var doc string
			err := scan(&id, &doc)
			if err != nil {
				return err
			}
			after = id[:]
			r, err := parseReservation(doc)
			if err == nil && !r.CreatedAt.Before(since) && r.CreatedAt.Before(until) {
				chunk = append(chunk, r)
			}
			read++
			return err
		}, askedQuery, org, after, end, askedChunk)
		if err != nil {
			return err
		}
		for _, r := range chunk {
			if err := f(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// CreditsSince implements governance.History.
func (l *Ledger) CreditsSince(ctx context.Context, org string, since time.Time) (out []governance.CreditEntry, err error) {
	err = l.rows(ctx, func(scan func(...any) error) error {
		e, err := scanCredit(org, scan)
		if err == nil && !e.Time.Before(since) {
			out = append(out, e)
		}
		return err
	}, changesQuery, org, firstID(since.Add(-idsEarly)))
	return out, err
}

// firstID is before all ids of a moment and later ones: an id begins with its milliseconds.
func firstID(t time.Time) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(max(t.UnixMilli(), 0))<<16), make([]byte, 8)...)
}
