package flow

import (
	"context"
	"log/slog"
	"path/filepath"
	"regexp"
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
	type plan struct{ query, index string }
	plans := []plan{
		{backlogQuery, "execution_due"},
		{dueQuery, "execution_due"},
		{receivedQuery, "execution_hook"},
		{receivedQuery, "refused_hook"},
		{usedVersion, "execution_workflow"},
		{versionsQuery, "PRIMARY KEY"},
		{"SELECT id FROM execution WHERE finished_at = 0 AND owner IS NOT NULL", "execution_live"},
	}
	for status, index := range map[peal.ExecutionStatus]string{
		"": "execution_id", peal.ExecutionFailed: "execution_ended", peal.ExecutionSucceeded: "execution_ended",
		peal.ExecutionCancelled: "execution_ended", peal.ExecutionWaiting: "execution_live",
	} {
		for _, q := range []struct {
			filter peal.ExecutionFilter
			index  string
		}{
			{peal.ExecutionFilter{Status: status}, index},
			{peal.ExecutionFilter{Status: status, Hook: peal.HookID{1}}, "execution_hook"},
			{peal.ExecutionFilter{Status: status, Workflow: peal.WorkflowID{1}}, "execution_"},
		} {
			query, _ := listQuery(q.filter, nil)
			plans = append(plans, plan{query, q.index})
		}
	}
	for _, q := range []struct {
		filter peal.RequestFilter
		index  string
	}{
		{peal.RequestFilter{}, "request_id"},
		{peal.RequestFilter{Status: peal.RequestPending}, "request_status"},
		{peal.RequestFilter{Priority: "URGENT"}, "request_priority"},
		{peal.RequestFilter{Offering: peal.OfferingID{1}}, "request_offering"},
		{peal.RequestFilter{Offering: peal.OfferingID{1}, Status: peal.RequestPending, Priority: "URGENT"}, "request_"},
	} {
		where, _ := requestsWhere(q.filter, nil)
		plans = append(plans, plan{selectRequests + where, q.index})
	}
	for _, s := range shelves {
		ended := map[string]string{"refused": "refused_at"}[s.table]
		if ended == "" {
			ended = s.table + "_finished"
		}
		plans = append(plans, plan{s.allQuery(), ended}, plan{s.orgQuery(), map[bool]string{true: "refused_org", false: s.table + "_id"}[s.table == "refused"]})
		for _, query := range append([]string{s.deleteQuery()}, s.with...) {
			plans = append(plans, plan{query, "SEARCH"})
		}
	}
	for _, p := range plans {
		var steps []string
		err := f.rows(context.Background(), func(scan scanner) error {
			var id, parent, unused int
			var step string
			err := scan(&id, &parent, &unused, &step)
			steps = append(steps, step)
			return err
		}, "EXPLAIN QUERY PLAN "+p.query, make([]any, parameters(p.query))...)
		all := strings.Join(steps, "\n")
		scans := false
		for _, table := range []string{"execution", "refused", "request", "task", "step", "timer", "signal", "object_wait", "event_wait", "workflow_version"} {
			scans = scans || strings.Contains(all+"\n", "SCAN "+table+"\n")
		}
		if err != nil || scans || strings.Contains(all, "TEMP B-TREE") || !strings.Contains(all, p.index) {
			t.Errorf("%v\n%s\nwants %s:\n%s", err, p.query, p.index, all)
		}
	}
}

var numbered = regexp.MustCompile(`\?(\d)`)

// parameters is how many arguments a query takes; a numbered one may stand twice.
func parameters(query string) int {
	n := 0
	for _, m := range numbered.FindAllStringSubmatch(query, -1) {
		n = max(n, int(m[1][0]-'0'))
	}
	if n == 0 {
		n = strings.Count(query, "?")
	}
	return n
}
