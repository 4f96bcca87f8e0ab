package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// rows runs a query on a reader and hands each row to f.
func (l *Ledger) rows(ctx context.Context, f func(scan func(...any) error) error, query string, args ...any) error {
	return l.db.Read(ctx, func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		for rows.Next() && err == nil {
			err = f(rows.Scan)
		}
		return errors.Join(err, rows.Err(), rows.Close())
	})
}

const overdueQuery = `SELECT org, id FROM reservation WHERE status IN ('allowed', 'waiting') AND expires <= ? ORDER BY expires LIMIT ?`

// Overdue implements governance.Store.
func (l *Ledger) Overdue(ctx context.Context, now time.Time, limit int) (overdue []governance.Overdue, err error) {
	err = l.rows(ctx, func(scan func(...any) error) error {
		var o governance.Overdue
		err := scan(&o.Org, &o.ID)
		overdue = append(overdue, o)
		return err
	}, overdueQuery, store.Micros(now), limit)
	return overdue, err
}

// Reservation implements governance.Reader.
func (l *Ledger) Reservation(ctx context.Context, org string, id peal.ReservationID) (r *governance.Reservation, err error) {
	err = l.rows(ctx, func(scan func(...any) error) error {
		r, err = scanReservation(scan)
		return err
	}, "SELECT doc FROM reservation WHERE org = ? AND id = ?", org, id[:])
	if err == nil && r == nil {
		err = peal.NotFound("reservation")
	}
	return r, err
}

func scanReservation(scan func(...any) error) (*governance.Reservation, error) {
	var doc string
	if err := scan(&doc); err != nil {
		return nil, err
	}
	return parseReservation(doc)
}

// Approvals implements governance.Reader.
func (l *Ledger) Approvals(ctx context.Context, org string, status governance.Status, p peal.Page) (out []*governance.Reservation, cursor string, err error) {
	p = p.Clamp()
	before, err := p.Before("approvals")
	if err != nil {
		return nil, "", err
	}
	query, args := approvalList(org, status, before)
	err = l.rows(ctx, func(scan func(...any) error) error {
		r, err := scanReservation(scan)
		out = append(out, r)
		return err
	}, query, append(args, p.Limit+1)...)
	if err == nil && len(out) > p.Limit {
		out = out[:p.Limit]
		cursor = peal.Cursor("approvals", out[p.Limit-1].ID[:])
	}
	return out, cursor, err
}

// approvalList walks along an index; the limit is its last argument.
func approvalList(org string, status governance.Status, before []byte) (query string, args []any) {
	query, args = "SELECT doc FROM reservation WHERE org = ? AND approval = 1 AND id < ?", []any{org, before}
	if status != "" {
		query += " AND status = ?"
		args = append(args, string(status))
	}
	return query + " ORDER BY id DESC LIMIT ?", args
}

// Account implements governance.Reader.
func (l *Ledger) Account(ctx context.Context, org string) (a governance.Account, err error) {
	err = l.rows(ctx, func(scan func(...any) error) error {
		var entries int64
		err := scan(&entries, &a.Granted, &a.Spent, &a.Reserved)
		a.Open = entries > 0
		return err
	}, "SELECT requests, granted, cost, held_cost FROM meter WHERE org = ? AND scope = 'org' AND ref = '' AND period = 'credit' AND start = 0", org)
	return a, err
}

const creditList = "SELECT id, time, amount, balance, note, actor FROM credit_entry WHERE org = ? AND id < ? ORDER BY id DESC LIMIT ?"

// Credits implements governance.Reader.
func (l *Ledger) Credits(ctx context.Context, org string, p peal.Page) (out []governance.CreditEntry, cursor string, err error) {
	p = p.Clamp()
	before, err := p.Before("credits")
	if err != nil {
		return nil, "", err
	}
	err = l.rows(ctx, func(scan func(...any) error) error {
		e, err := scanCredit(org, scan)
		out = append(out, e)
		return err
	}, creditList, org, before, p.Limit+1)
	if err == nil && len(out) > p.Limit {
		out = out[:p.Limit]
		cursor = peal.Cursor("credits", out[p.Limit-1].ID[:])
	}
	return out, cursor, err
}

func scanCredit(org string, scan func(...any) error) (governance.CreditEntry, error) {
	e := governance.CreditEntry{Org: org}
	var at int64
	err := scan(&e.ID, &at, &e.Amount, &e.Balance, &e.Note, &e.Actor)
	e.Time = store.FromMicros(at)
	return e, err
}

// Usage implements governance.Reader.
func (l *Ledger) Usage(ctx context.Context, q governance.UsageQuery, f func(governance.UsageSum) error) error {
	query, err := usageQuery(q)
	if err != nil {
		return err
	}
	return l.rows(ctx, func(scan func(...any) error) error {
		var hour int64
		sum := governance.UsageSum{By: make([]string, len(q.By))}
		var whole int64
		into := []any{&sum.Requests, &sum.Failed, &sum.Tokens, &whole, &sum.Cost}
		if q.Hourly {
			into = append(into, &hour)
		}
		for i := range sum.By {
			into = append(into, &sum.By[i])
		}
		if err := scan(into...); err != nil {
			return err
		}
		sum.Cost = sum.Cost.Add(peal.Decimal(min(whole, int64(peal.MaxDecimal/peal.DecimalOne))) * peal.DecimalOne)
		sum.Start = store.FromMicros(hour)
		return f(sum)
	}, query, q.Org, store.Micros(q.Since), store.Micros(q.Until))
}

func usageQuery(q governance.UsageQuery) (string, error) {
	columns := make([]string, 0, len(q.By)+1)
	if q.Hourly {
		columns = append(columns, "hour")
	}
	for _, d := range q.By {
		if !slices.Contains(governance.Dimensions, d) {
			return "", fmt.Errorf("ledger: no dimension %q", d)
		}
		columns = append(columns, `"`+d+`"`)
	}
	query := "SELECT " + bigSum("requests") + ", " + bigSum("failed") + ", " + bigSum("tokens") +
		// Whole amounts and their rests, neither of which is ever too large to be a bigint.
		", " + bigSum("cost / 1000000000") + ", " + bigSum("cost % 1000000000")
	group := ""
	if len(columns) > 0 {
		query += ", " + strings.Join(columns, ", ")
		group = " GROUP BY " + strings.Join(columns, ", ")
	}
	return query + " FROM usage_rollup WHERE org = ? AND hour >= ? AND hour < ?" + group, nil
}

// bigSum is a sum that stays a bigint, which PostgreSQL's are not unless they are told to.
func bigSum(of string) string { return "CAST(COALESCE(SUM(" + of + "), 0) AS bigint)" }
