package ledger

import (
	"context"
	"maps"
	"slices"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/store"
)

// hourChore is the chore of closing hours of usage.
const hourChore = "hours"

// ClaimHours implements governance.HourStore.
func (l *Ledger) ClaimHours(ctx context.Context) (marks map[string]int64, mine bool, err error) {
	err = l.db.WriteIdle(ctx, func(tx *store.Tx) (err error) {
		mine, err = tx.Owns(hourChore)
		return err
	})
	if err != nil || !mine {
		return nil, false, err
	}
	marks = map[string]int64{}
	err = l.rows(ctx, func(scan func(...any) error) error {
		var org string
		var hour int64
		err := scan(&org, &hour)
		marks[org] = hour
		return err
	}, "SELECT org, hour FROM watermark")
	return marks, true, err
}

// NextHour implements governance.HourStore.
func (l *Ledger) NextHour(ctx context.Context, org string, from int64) (hour int64, ok bool, err error) {
	err = l.rows(ctx, func(scan func(...any) error) error {
		ok = true
		return scan(&hour)
	}, nextHourQuery, org, from)
	return hour, ok, err
}

const (
	nextHourQuery = "SELECT hour FROM usage_rollup WHERE org = ? AND hour >= ? ORDER BY hour LIMIT 1"
	hourRowsQuery = `SELECT hour, team, key, agent, "user", route, model, requests, failed, tokens, cost, failed_cost
		FROM usage_rollup WHERE org = ? AND hour >= ? AND hour < ?`
)

// HourRows implements governance.HourStore.
func (l *Ledger) HourRows(ctx context.Context, org string, from, to int64, f func(governance.RollupID, governance.Rollup)) error {
	return l.rows(ctx, func(scan func(...any) error) error {
		id := governance.RollupID{Org: org}
		var r governance.Rollup
		err := scan(&id.Hour, &id.Team, &id.Key, &id.Agent, &id.User, &id.Route, &id.Model,
			&r.Requests, &r.Failed, &r.Tokens, &r.Cost, &r.FailedCost)
		if err == nil {
			f(id, r)
		}
		return err
	}, hourRowsQuery, org, from, to)
}

// Past implements governance.HourStore.
func (l *Ledger) Past(ctx context.Context, org string, since int64, rules []string, h *governance.Hour) error {
	for _, rule := range rules {
		err := l.rows(ctx, func(scan func(...any) error) error {
			id := governance.AlertID{Org: org, Rule: rule}
			err := scan(&id.Subject, &id.Threshold)
			h.Standing = append(h.Standing, id)
			return err
		}, "SELECT subject, threshold FROM alert WHERE org = ? AND rule = ? AND period = 0", org, rule)
		if err != nil {
			return err
		}
	}
	if h.Total == (governance.Rollup{}) {
		return nil
	}
	err := l.rows(ctx, func(scan func(...any) error) error {
		var sum governance.HourSum
		err := scan(&sum.Start, &sum.Requests, &sum.Cost)
		h.Before = append(h.Before, sum)
		return err
	}, "SELECT hour, requests, cost FROM closed_hour WHERE org = ? AND hour >= ? AND hour < ? ORDER BY hour", org, since, h.Start)
	if err != nil || len(h.Keys) == 0 {
		return err
	}
	return l.rows(ctx, func(scan func(...any) error) error {
		var key string
		var use governance.KeyUse
		err := scan(&key, &use.Last, &use.Hours, &use.Usual)
		if k := h.Keys[key]; k != nil {
			k.Before = use
		}
		return err
	}, "SELECT key, hour, hours, usual FROM key_use WHERE org = ?", org)
}

const putHour = "INSERT INTO closed_hour (org, hour, requests, cost) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"

var putKeys = store.NewMany("INSERT INTO key_use (org, key, hour, hours, usual)", "ttiii",
	"ON CONFLICT (org, key) DO UPDATE SET hour = excluded.hour, hours = excluded.hours, usual = excluded.usual")

// CloseHours implements governance.HourStore. Who moves the watermark tells what was
// decided, in the same transaction; whoever else decided the same finds it moved.
func (l *Ledger) CloseHours(ctx context.Context, c *governance.Closed) (done bool, err error) {
	err = l.db.WriteIdle(ctx, func(tx *store.Tx) error {
		n, err := moveMark(tx, c)
		if done = n > 0; err != nil || !done || c.Hour == nil {
			return err
		}
		if t := c.Hour.Total; t != (governance.Rollup{}) {
			if _, err := tx.Exec(putHour, c.Org, c.Hour.Start, t.Requests, int64(t.Cost)); err != nil {
				return err
			}
		}
		if err := tx.Many(putKeys, keyRows(c)); err != nil {
			return err
		}
		if err := l.settle(tx, c); err != nil {
			return err
		}
		_, err = l.tell(tx, c.Group)
		return err
	})
	return done, err
}

// settle has decided what rules remember of the hours, and tells that too.
func (l *Ledger) settle(tx *store.Tx, c *governance.Closed) error {
	g := governance.NewGroup()
	for _, rule := range c.Remembering {
		err := tx.Query(func(r store.Row) error {
			g.Memories[governance.MemoryID{Org: c.Org, Rule: rule, Subject: r.Text(0)}] = &governance.Memory{}
			return nil
		}, rememberedQuery, c.Org, rule, dayOf(store.FromMicros(c.From))-remembersEarly)
		if err != nil {
			return err
		}
	}
	if err := l.sql.readMemories(tx, g.Memories); err != nil {
		return err
	}
	if err := c.Settle(g); err != nil {
		return err
	}
	if err := writeMemories(tx, g); err != nil {
		return err
	}
	_, err := l.tell(tx, g)
	return err
}

// rememberedQuery is of what was changed since an hour began, or was ahead of it.
const rememberedQuery = "SELECT subject FROM memory WHERE org = ? AND rule = ? AND day >= ? AND doc <> ''"

// remembersEarly is how many days ahead of its time a record may be remembered, and some.
const remembersEarly = 2

func moveMark(tx *store.Tx, c *governance.Closed) (int64, error) {
	if c.From == 0 {
		return tx.Exec("INSERT INTO watermark (org, hour) VALUES (?, ?) ON CONFLICT DO NOTHING", c.Org, c.To)
	}
	return tx.Exec("UPDATE watermark SET hour = ? WHERE org = ? AND hour = ?", c.To, c.Org, c.From)
}

func keyRows(c *governance.Closed) []any {
	rows := make([]any, 0, 5*len(c.Hour.Keys))
	for _, key := range slices.Sorted(maps.Keys(c.Hour.Keys)) {
		use := c.Hour.Keys[key].After(c.Hour.Start)
		rows = append(rows, c.Org, key, use.Last, use.Hours, use.Usual)
	}
	return rows
}
