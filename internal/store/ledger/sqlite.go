package ledger

import (
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// sqlite needs no locks: there is one writer.
type sqlite struct{}

func (sqlite) claim(tx *store.Tx, ids map[string]*claim) error {
	for hash, c := range ids {
		// One that expired and is not purged yet is free.
		n, err := tx.Exec(`INSERT INTO usage_id (hash, expires) VALUES (?, ?)
			ON CONFLICT (hash) DO UPDATE SET expires = excluded.expires WHERE usage_id.expires <= ?`, []byte(hash), c.expires, c.now)
		if err != nil {
			return err
		}
		if n == 0 {
			c.lost()
		}
	}
	return nil
}

func (sqlite) readReservations(tx *store.Tx, into map[reservationID]*governance.Reservation) error {
	for id := range into {
		err := tx.Query(func(r store.Row) (err error) {
			into[id], err = parseReservation(r.Text(0))
			return err
		}, "SELECT doc FROM reservation WHERE org = ? AND id = ?", id.org, id.id[:])
		if err != nil {
			return err
		}
	}
	return nil
}

func (sqlite) readMeters(tx *store.Tx, into map[governance.MeterID]*governance.Meter) error {
	for id, m := range into {
		err := tx.Query(func(r store.Row) error {
			readMeter(m, r, 0)
			return nil
		}, `SELECT requests, tokens, cost, held_requests, held_tokens, held_cost, granted FROM meter
			WHERE org = ? AND scope = ? AND ref = ? AND period = ? AND start = ?`,
			id.Org, string(id.Scope), id.Ref, string(id.Period), id.Start)
		if err != nil {
			return err
		}
	}
	return nil
}

func (sqlite) readMemories(tx *store.Tx, into map[governance.MemoryID]*governance.Memory) error {
	for id, m := range into {
		err := tx.Query(func(r store.Row) error {
			m.Doc = []byte(r.Text(0))
			return nil
		}, "SELECT doc FROM memory WHERE org = ? AND rule = ? AND subject = ?", id.Org, id.Rule, id.Subject)
		if err != nil {
			return err
		}
	}
	return nil
}

func (sqlite) remember(tx *store.Tx, alerts []*governance.Alert, now int64) (map[governance.AlertID]bool, error) {
	fired := map[governance.AlertID]bool{}
	for _, a := range alerts {
		query, args := `INSERT INTO alert (org, rule, subject, threshold, period, at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, []any{a.Org, a.Rule, a.Subject, a.Threshold, a.Period, now}
		if a.Over {
			query, args = `DELETE FROM alert WHERE org = ? AND rule = ? AND subject = ? AND threshold = ? AND period = ?`, args[:5]
		}
		n, err := tx.Exec(query, args...)
		if err != nil {
			return nil, err
		}
		fired[a.AlertID] = n > 0
	}
	return fired, nil
}

// rollupSession is the same for all sessions, of which there is one at a time.
func (sqlite) rollupSession() int64 { return 0 }

func (sqlite) oldIDs() string {
	return `DELETE FROM usage_id WHERE rowid IN (
		SELECT rowid FROM (SELECT rowid, expires FROM usage_id ORDER BY rowid LIMIT ?2) WHERE expires <= ?1)`
}

func amount(r store.Row, i int) peal.Decimal { return peal.Decimal(r.Int(i)) }
