package ledger

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// postgres locks what it reads, sorted. A row that may be missing is made first, also
// sorted: who makes rows waits only for others who do, and who locks rows only for
// others who lock.
type postgres struct {
	session func() int64
}

func (p *postgres) claim(tx *store.Tx, ids map[string]*claim) error {
	var rows []any
	won := map[string]bool{}
	now := int64(0)
	for _, hash := range slices.Sorted(maps.Keys(ids)) {
		rows = append(rows, []byte(hash), ids[hash].expires)
		now = max(now, ids[hash].now)
	}
	err := tx.AskArrays(func(r store.Row) error {
		won[string(r.Blob(0))] = true
		return nil
	}, `INSERT INTO usage_id (hash, expires) SELECT * FROM unnest($1::bytea[], $2::bigint[])
		ON CONFLICT (hash) DO UPDATE SET expires = excluded.expires WHERE usage_id.expires <= $3 RETURNING hash`, "bi", rows, now)
	if err != nil {
		return err
	}
	if err := tx.Flush(); err != nil {
		return err
	}
	for hash, c := range ids {
		if !won[hash] {
			c.lost()
		}
	}
	return nil
}

func (p *postgres) readReservations(tx *store.Tx, into map[reservationID]*governance.Reservation) error {
	var rows []any
	for _, id := range sorted(into, func(a, b reservationID) int {
		if c := strings.Compare(a.org, b.org); c != 0 {
			return c
		}
		return bytes.Compare(a.id[:], b.id[:])
	}) {
		rows = append(rows, id.org, id.id[:])
	}
	err := tx.AskArrays(func(r store.Row) (err error) {
		id := reservationID{org: r.Text(0)}
		copy(id.id[:], r.Blob(1))
		into[id], err = parseReservation(r.Text(2))
		return err
	}, `SELECT r.org, r.id, r.doc FROM reservation r JOIN unnest($1::text[], $2::bytea[]) AS n (org, id) USING (org, id)
		ORDER BY r.org, r.id FOR UPDATE OF r`, "tb", rows)
	if err != nil {
		return err
	}
	return tx.Flush()
}

func (p *postgres) readMeters(tx *store.Tx, into map[governance.MeterID]*governance.Meter) error {
	if len(into) == 0 {
		return nil
	}
	var rows []any
	for _, id := range sorted(into, governance.MeterID.Compare) {
		rows = append(rows, id.Org, string(id.Scope), id.Ref, string(id.Period), id.Start)
	}
	err := tx.AskArrays(nil, `INSERT INTO meter (org, scope, ref, period, start)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) ON CONFLICT DO NOTHING`, "tttti", rows)
	if err != nil {
		return err
	}
	err = tx.AskArrays(func(r store.Row) error {
		id := governance.MeterID{
			Org: r.Text(0), Scope: peal.Scope(r.Text(1)), Ref: r.Text(2), Period: governance.Period(r.Text(3)), Start: r.Int(4),
		}
		if m := into[id]; m != nil {
			readMeter(m, r, 5)
		}
		return nil
	}, `SELECT m.org, m.scope, m.ref, m.period, m.start, requests, tokens, cost, held_requests, held_tokens, held_cost, granted
		FROM meter m JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) AS n (org, scope, ref, period, start)
			USING (org, scope, ref, period, start)
		ORDER BY m.org, m.scope, m.ref, m.period, m.start FOR UPDATE OF m`, "tttti", rows)
	if err != nil {
		return err
	}
	return tx.Flush()
}

func (p *postgres) readMemories(tx *store.Tx, into map[governance.MemoryID]*governance.Memory) error {
	if len(into) == 0 {
		return nil
	}
	var rows []any
	for _, id := range sorted(into, compareMemories) {
		rows = append(rows, id.Org, id.Rule, id.Subject)
	}
	err := tx.AskArrays(nil, `INSERT INTO memory (org, rule, subject, day)
		SELECT *, 0 FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`, "ttt", rows)
	if err != nil {
		return err
	}
	err = tx.AskArrays(func(r store.Row) error {
		if m := into[governance.MemoryID{Org: r.Text(0), Rule: r.Text(1), Subject: r.Text(2)}]; m != nil {
			m.Doc = []byte(r.Text(3))
		}
		return nil
	}, `SELECT m.org, m.rule, m.subject, m.doc FROM memory m JOIN unnest($1::text[], $2::text[], $3::text[]) AS n (org, rule, subject)
			USING (org, rule, subject)
		ORDER BY m.org, m.rule, m.subject FOR UPDATE OF m`, "ttt", rows)
	if err != nil {
		return err
	}
	return tx.Flush()
}

func (p *postgres) remember(tx *store.Tx, alerts []*governance.Alert, now int64) (map[governance.AlertID]bool, error) {
	alerts = slices.Clone(alerts)
	slices.SortFunc(alerts, func(a, b *governance.Alert) int { return a.Compare(b.AlertID) })
	var told, over []any
	for _, a := range alerts {
		row := []any{a.Org, a.Rule, a.Subject, a.Threshold, a.Period}
		if a.Over {
			over = append(over, row...)
		} else {
			told = append(told, row...)
		}
	}
	fired := map[governance.AlertID]bool{}
	if len(over) > 0 {
		err := tx.AskArrays(nil, `DELETE FROM alert WHERE (org, rule, subject, threshold, period) IN (
			SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]))`, "tttti", over)
		if err != nil {
			return nil, err
		}
	}
	if len(told) > 0 {
		err := tx.AskArrays(func(r store.Row) error {
			fired[governance.AlertID{Org: r.Text(0), Rule: r.Text(1), Subject: r.Text(2), Threshold: r.Text(3), Period: r.Int(4)}] = true
			return nil
		}, `INSERT INTO alert (org, rule, subject, threshold, period, at)
			SELECT *, $6 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
			ON CONFLICT DO NOTHING RETURNING org, rule, subject, threshold, period`, "tttti", told, now)
		if err != nil {
			return nil, err
		}
	}
	return fired, tx.Flush()
}

func (p *postgres) rollupSession() int64 { return p.session() }

func (p *postgres) oldIDs() string {
	return `DELETE FROM usage_id WHERE hash IN (SELECT hash FROM usage_id WHERE expires <= ?1 ORDER BY expires LIMIT ?2) AND expires <= ?1`
}
