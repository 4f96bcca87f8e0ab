package settings

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/store"
)

// TestPlan holds the polling of changes to the index over versions.
func TestPlan(t *testing.T) {
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
	var plan []string
	err = db.Read(t.Context(), func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+changesQuery, 0, "", "", "", 1)
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
	if err != nil || !strings.Contains(all, "USING INDEX setting_version") || strings.Contains(all, "TEMP B-TREE") {
		t.Errorf("%s, %v", all, err)
	}
}
