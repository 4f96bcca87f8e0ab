package queue

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/test/pgtest"
	"github.com/peal-dev/peal/test/plantest"
)

// planned opens an empty database whose plans are looked at.
func planned(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: url, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// TestPlans holds the queries that run beside millions of rows to their indexes.
func TestPlans(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		db := planned(t, "sqlite:"+filepath.Join(t.TempDir(), "peal.db"))
		for name, q := range pageQueries(db.Dialect()) {
			plantest.Check(t, db, plantest.SQLite, name, q)
		}
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		db := planned(t, plantest.Planned(t, pgtest.Schema(t)))
		for name, q := range pageQueries(db.Dialect()) {
			plantest.Check(t, db, plantest.Postgres, name, q)
		}
	})
}

// pageQueries are those of all lists and counts, with each filter that changes them.
func pageQueries(dialect store.Dialect) map[string]plantest.Query {
	all := map[string]plantest.Query{}
	from, to := idRange(time.Now().Add(-time.Hour), time.Now())
	add := func(name string, queries []string, more ...any) {
		for i, query := range queries {
			all[fmt.Sprint(name, " ", i)] = plantest.Query{SQL: query, Args: append([]any{"org", from, to, int64(50)}, more...)}
		}
	}
	for _, f := range []peal.EventFilter{{}, {Type: "a"}, {Subject: "a"}, {Type: "a", Subject: "a"}} {
		walk, nth := eventQueries(&f)
		queries := []string{walk}
		if nth != "" {
			queries = append(queries, nth)
		}
		add("events "+f.Type+f.Subject, queries, typeBase(f.Type), f.Subject)
	}
	for _, f := range []peal.DeliveryFilter{{}, {Endpoint: peal.EndpointID{1}}, {Group: peal.GroupID{1}}, {Group: peal.GroupID{1}, Endpoint: peal.EndpointID{1}}} {
		for _, f.Status = range append(peal.Statuses, "") {
			for _, f.Type = range []string{"", "a", "a.*"} {
				for _, f.Since = range []time.Time{{}, time.Now()} {
					walks, nths := deliveryQueries(dialect, &f)
					add(fmt.Sprintf("deliveries %+v", f), append(walks, nths...), f.Endpoint, f.Group, string(f.Status), typeBase(f.Type), made(from))
				}
			}
		}
	}
	dead := []any{"org", from[:], to[:], made(from), int64(discardScan)}
	all["dead letters to discard"] = plantest.Query{SQL: deadQuery(dialect, &peal.DeliveryFilter{}), Args: dead}
	all["an endpoint's dead letters to discard"] = plantest.Query{
		SQL: deadQuery(dialect, &peal.DeliveryFilter{Endpoint: peal.EndpointID{1}}), Args: append(dead, peal.EndpointID{1}),
	}
	for i, query := range offsetQueries(dialect) {
		all[fmt.Sprint("deliveries by offset ", i)] = plantest.Query{SQL: query, Args: []any{peal.EndpointID{1}, "org", int64(1), int64(2), int64(3)}}
	}
	all["search"] = plantest.Query{SQL: searchQuery, Args: []any{"org", from, to, int64(searchChunk)}}
	all["groups"] = plantest.Query{SQL: groupsQuery, Args: []any{"org", int64(1), peal.GroupID{1}, int64(50)}}
	// What is counted is counted by steps of time or by endpoint.
	all["an endpoint's counts"] = plantest.Query{SQL: endpointSeries, Args: []any{int64(60), int64(1), int64(2), peal.EndpointID{1}, "org"}, Sorts: true}
	all["an org's counts"] = plantest.Query{SQL: orgSeries, Args: []any{int64(60), int64(1), int64(2), "org"}, Sorts: true}
	all["an org's endpoints"] = plantest.Query{SQL: failuresQuery, Args: []any{"org", int64(1), int64(200), int64(1), int64(3), int64(60), int64(180), 100}, Sorts: true}
	all["failing since"] = plantest.Query{SQL: failingSince, Args: []any{peal.EndpointID{1}}}
	return all
}

// What is asked of some days looks at no partition of the days before.
func TestPartitionsAreLeftOut(t *testing.T) {
	db := planned(t, pgtest.Schema(t))
	now := db.Now()
	day := now.Truncate(24 * time.Hour)
	if err := db.Write(t.Context(), func(tx *store.Tx) error {
		for i := range 10 {
			at := store.Micros(day.AddDate(0, 0, -i))
			for _, table := range []string{store.EventTable, store.DoneTable} {
				if err := tx.NeedPartition(table, at); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	from, to := idRange(day.AddDate(0, 0, -1), now)
	deliveries := peal.DeliveryFilter{Type: "a", Since: day.AddDate(0, 0, -1)}
	walks, nths := deliveryQueries(store.PostgreSQL, &deliveries)
	args := []any{"org", from, to, int64(50), deliveries.Endpoint, deliveries.Group, "", "a", made(from)}
	events, nthEvent := eventQueries(&peal.EventFilter{Type: "a"})
	for _, q := range []plantest.Query{
		{SQL: newest(walks, "?4"), Args: args},
		{SQL: newest(nths, "1"), Args: args},
		{SQL: events, Args: append(args[:4:4], "a", "")},
		{SQL: nthEvent, Args: append(args[:4:4], "a", "")},
	} {
		plan := strings.Join(plantest.Plan(t, db, plantest.Postgres, q), "\n")
		yesterday, before := day.AddDate(0, 0, -1).Format("20060102"), day.AddDate(0, 0, -2).Format("20060102")
		if !strings.Contains(plan, "_"+yesterday) || strings.Contains(plan, "_"+before) {
			t.Errorf("%s\n%s", q.SQL, plan)
		}
	}
}
