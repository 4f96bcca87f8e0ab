package ledger

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/store"
)

// TestPlans holds what runs all the time to its indexes.
func TestPlans(t *testing.T) {
	db, err := store.Open(t.Context(), store.Config{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "peal.db"), Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	l := New(db)
	queries := map[string][]any{overdueQuery: {1, 2}, nextHourQuery: {1, 2}, hourRowsQuery: {1, 2, 3}, minutesQuery: {1, 2, 3, 4}, askedQuery: {1, 2, 3, 4}, changesQuery: {1, 2}}
	for _, s := range l.steps(janitor.Retention{}, time.Now()) {
		queries[s.query] = []any{1, 2}
	}
	for query, args := range queries {
		var plan []string
		err := db.Read(t.Context(), func(ctx context.Context, db *sql.DB) error {
			rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
			if err != nil {
				return err
			}
			for rows.Next() && err == nil {
				var id, parent, unused int
				var step string
				err = rows.Scan(&id, &parent, &unused, &step)
				plan = append(plan, step)
			}
			return errors.Join(err, rows.Err(), rows.Close())
		})
		all := strings.Join(plan, "; ")
		// The ids are looked at in the order of their rows, a chunk at a time.
		scans := strings.Contains(all, "SCAN") && !strings.Contains(query, "FROM usage_id")
		if err != nil || strings.Contains(all, "TEMP B-TREE") || scans && !strings.Contains(all, "USING COVERING INDEX") && !strings.Contains(all, "USING INDEX") {
			t.Errorf("%s\n%s, %v", query, all, err)
		}
	}
}
