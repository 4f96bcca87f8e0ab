package ledger

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/test/pgtest"
	"github.com/peal-dev/peal/test/plantest"
)

// TestPlans holds what runs all the time, and what pages show, to indexes.
func TestPlans(t *testing.T) {
	for explain, url := range map[string]func() string{
		plantest.SQLite:   func() string { return "sqlite:" + filepath.Join(t.TempDir(), "peal.db") },
		plantest.Postgres: func() string { return plantest.Planned(t, pgtest.Schema(t)) },
	} {
		t.Run(explain, func(t *testing.T) {
			db, err := store.Open(t.Context(), store.Config{URL: url(), Log: slog.New(slog.DiscardHandler), Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
			for _, q := range planned(t, New(db)) {
				plantest.Check(t, db, explain, "", q)
			}
		})
	}
}

func planned(t *testing.T, l *Ledger) []plantest.Query {
	before := bytes.Repeat([]byte{0xff}, 16)
	all := []plantest.Query{
		{SQL: overdueQuery, Args: []any{int64(1), int64(2)}},
		{SQL: nextHourQuery, Args: []any{"org", int64(2)}},
		{SQL: hourRowsQuery, Args: []any{"org", int64(1), int64(2)}},
		{SQL: rememberedQuery, Args: []any{"org", "rule", int64(2)}},
		{SQL: creditList, Args: []any{"org", before, int64(11)}},
		{SQL: minutesQuery, Args: []any{int64(1), int64(2), "org", "key"}},
		{SQL: askedQuery, Args: []any{"org", before, before, int64(11)}},
		{SQL: changesQuery, Args: []any{"org", before}},
	}
	for _, s := range l.steps(janitor.Retention{}, time.Now()) {
		q := plantest.Query{SQL: s.query, Args: []any{s.before, int64(2)}}
		if strings.Contains(s.query, "FROM usage_id") {
			q.Scans = "usage_id" // a chunk at a time, in the order of its rows
		}
		all = append(all, q)
	}
	for _, status := range []governance.Status{"", governance.Waiting} {
		query, args := approvalList("org", status, before)
		all = append(all, plantest.Query{SQL: query, Args: append(args, int64(51))})
	}
	for _, q := range []governance.UsageQuery{{}, {Hourly: true}, {By: []string{"model"}}} {
		query, err := usageQuery(q)
		if err != nil {
			t.Fatal(err)
		}
		// What is added up is of a span of time, by what it is asked for.
		all = append(all, plantest.Query{SQL: query, Args: []any{"org", int64(1), int64(2)}, Sorts: true})
	}
	return all
}
