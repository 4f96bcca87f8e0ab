package settings

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/test/plantest"
)

// TestPlans holds the polling of changes to the index over versions, and the trail to the
// one over orgs.
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
	for index, q := range map[string]plantest.Query{
		"setting_version": {SQL: changesQuery, Args: []any{0, "", "", "", 1}},
		"audit_org":       {SQL: auditQuery, Args: []any{"org", 1, 51}},
	} {
		plantest.Check(t, db, plantest.SQLite, index, q)
		if plan := strings.Join(plantest.Plan(t, db, plantest.SQLite, q), "; "); !strings.Contains(plan, "USING INDEX "+index) {
			t.Error(plan)
		}
	}
}
