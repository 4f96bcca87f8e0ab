package flow

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// TestPlans holds the queries that run beside millions of rows to their indexes: no step
// scans a table, and no list sorts.
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
	f := New(db)
	queries := map[string]string{
		"backlog": backlogQuery, "claim": f.claimQuery(), "received": receivedQuery, "old": oldExecutions,
		"live": "SELECT id FROM execution WHERE finished_at = 0 AND owner IS NOT NULL",
	}
	for _, q := range []peal.ExecutionFilter{
		{},
		{Hook: peal.HookID{1}},
		{Workflow: peal.WorkflowID{1}},
		{Status: peal.ExecutionFailed},
		{Status: peal.ExecutionWaiting},
		{Status: peal.ExecutionSucceeded},
		{Hook: peal.HookID{1}, Status: peal.ExecutionFailed},
	} {
		query, _ := listQuery(q, nil)
		queries["list "+string(q.Status)+q.Hook.String()+q.Workflow.String()] = query
	}
	for name, query := range queries {
		err := f.rows(context.Background(), func(scan scanner) error {
			var id, parent, unused int
			var step string
			err := scan(&id, &parent, &unused, &step)
			bad := strings.HasPrefix(step, "SCAN execution") || strings.HasPrefix(step, "SCAN refused") || strings.Contains(step, "TEMP B-TREE")
			if bad && !strings.Contains(step, "USING") {
				t.Errorf("%s: %s\n%s", name, step, query)
			}
			return err
		}, "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
		if err != nil && !strings.Contains(err.Error(), "missing argument") {
			t.Errorf("%s: %v\n%s", name, err, query)
		}
	}
}
