package ledger

import (
	"context"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/store"
)

// Meters implements governance.Books.
func (l *Ledger) Meters(ctx context.Context, want governance.MeterID, limit int) (ids []governance.MeterID, meters []governance.Meter, err error) {
	query, args := "", []any{want.Org, string(want.Scope)}
	if want.Ref != "" {
		query, args = " AND ref = ?", append(args, want.Ref)
	}
	args = append(args, string(want.Period), want.Start, limit)
	err = l.rows(ctx, func(scan func(...any) error) error {
		id, m := want, governance.Meter{}
		err := scan(&id.Ref, &m.Requests, &m.Tokens, &m.Cost, &m.HeldRequests, &m.HeldTokens, &m.HeldCost)
		ids, meters = append(ids, id), append(meters, m)
		return err
	}, "SELECT ref, requests, tokens, cost, held_requests, held_tokens, held_cost FROM meter WHERE org = ? AND scope = ?"+query+
		" AND period = ? AND start = ? ORDER BY CAST(cost AS numeric) + held_cost DESC, ref LIMIT ?", args...)
	return ids, meters, err
}

// Told implements governance.Books.
func (l *Ledger) Told(ctx context.Context, org string, periods []int64, limit int) (told []governance.Told, err error) {
	query, args := "0", []any{org}
	for _, period := range periods {
		query += ", ?"
		args = append(args, period)
	}
	err = l.rows(ctx, func(scan func(...any) error) error {
		t := governance.Told{AlertID: governance.AlertID{Org: org}}
		var at int64
		err := scan(&t.Rule, &t.Subject, &t.Threshold, &t.Period, &at)
		t.At = store.FromMicros(at)
		told = append(told, t)
		return err
	}, `SELECT rule, subject, threshold, period, at FROM alert a WHERE org = ? AND (period IN (`+query+`) OR threshold = 'open' AND NOT EXISTS (
		SELECT 1 FROM alert c WHERE c.org = a.org AND c.rule = a.rule AND c.subject = a.subject AND c.threshold = 'closed' AND c.period = a.period))
		ORDER BY at DESC, rule, subject, threshold LIMIT ?`, append(args, limit)...)
	return told, err
}
