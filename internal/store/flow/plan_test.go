package flow

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/test/pgtest"
	"github.com/peal-dev/peal/test/plantest"
)

// TestPlans holds the queries that run beside millions of rows to their indexes.
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
			for name, q := range planned(New(db)) {
				plantest.Check(t, db, explain, name, q)
			}
		})
	}
}

func planned(f *Flow) map[string]plantest.Query {
	before := bytes.Repeat([]byte{0xff}, 16)
	accepted, refused := receivedQueries(f.db.Dialect())
	hook, request := peal.HookID{1}, peal.RequestID{1}
	all := map[string]plantest.Query{
		"backlog":  {SQL: backlogQuery, Args: []any{"", int64(5)}},
		"due":      {SQL: dueQuery, Args: []any{"org", int64(1), int64(5)}},
		"used":     {SQL: usedVersion, Args: []any{"org", hook[:], before, int64(1)}},
		"versions": {SQL: versionsQuery, Args: []any{"", []byte{}, int64(1), int64(5)}},
		"accepted": {SQL: accepted, Args: []any{hook[:], "org", before, int64(5)}},
		"refused":  {SQL: refused, Args: []any{hook[:], "org", before, int64(5)}},
	}
	for _, s := range shelves {
		all["old "+s.table] = plantest.Query{SQL: s.allQuery(), Args: []any{int64(1), int64(1), []byte{}, int64(5)}}
		all["old of an org "+s.table] = plantest.Query{SQL: s.orgQuery(), Args: []any{"org", []byte{}, before, int64(5)}}
		for _, query := range append([]string{s.deleteQuery()}, s.with...) {
			all[query] = plantest.Query{SQL: query, Args: []any{"org", before}}
		}
	}
	list := func(name, query string, args []any) {
		all[name] = plantest.Query{SQL: query, Args: append(args, int64(51))}
	}
	for i, q := range []peal.ExecutionFilter{
		{},
		{Hook: hook},
		{Workflow: peal.WorkflowID{1}},
		{Status: peal.ExecutionFailed},
		{Status: peal.ExecutionWaiting},
		{Status: peal.ExecutionSucceeded},
		{Status: peal.ExecutionCancelled},
		{Hook: hook, Status: peal.ExecutionFailed},
	} {
		q.Org = "org"
		query, args := listQuery(f.db.Dialect(), q, before)
		list(fmt.Sprint("executions ", i), query, args)
	}
	for i, q := range []peal.RequestFilter{{}, {Status: peal.RequestPending}, {Offering: peal.OfferingID{1}}, {Priority: "URGENT"}} {
		where, args := requestList(q, before)
		list(fmt.Sprint("requests ", i), selectRequests+where, append([]any{"org"}, args...))
	}
	for i, q := range []peal.TaskFilter{{}, {Status: peal.TaskOpen}, {Assignee: peal.Assignee{Kind: "user", ID: "ada"}}, {Request: request}, {Execution: peal.ExecutionID{1}}} {
		where, args := taskList(q, before)
		list(fmt.Sprint("tasks ", i), selectTasks+where, append([]any{"org"}, args...))
	}
	return all
}
