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
)

// TestPlans holds the queries that run beside millions of rows to their indexes: no
// step scans a table or sorts.
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
	q := New(db)
	queries := map[string]string{}
	add := func(name string, walk, nth string) {
		queries[name] = walk
		if nth != "" {
			queries[name+", skipping"] = nth
		}
	}
	for _, f := range []peal.EventFilter{{}, {Type: "a"}, {Subject: "a"}, {Type: "a", Subject: "a"}} {
		walk, nth := eventQueries(&f)
		add("events "+f.Type+f.Subject, walk, nth)
	}
	for _, f := range []peal.DeliveryFilter{{}, {Endpoint: peal.EndpointID{1}}, {Group: peal.GroupID{1}}, {Group: peal.GroupID{1}, Endpoint: peal.EndpointID{1}}} {
		for _, f.Status = range append(peal.Statuses, "") {
			for _, f.Type = range []string{"", "a"} {
				walk, nth := deliveryQueries(&f)
				add(fmt.Sprintf("deliveries %+v", f), walk, nth)
			}
		}
	}
	queries["an endpoint's counts"], queries["an org's counts"], queries["failures"] = endpointSeries, orgSeries, failuresQuery
	for name, query := range queries {
		err := q.rows(t.Context(), func(scan scanner) error {
			var id, parent, unused int
			var step string
			err := scan(&id, &parent, &unused, &step)
			if strings.HasPrefix(step, "SCAN d") || strings.HasPrefix(step, "SCAN event") || sorts(name, step) {
				t.Errorf("%s: %s\n%s", name, step, query)
			}
			return err
		}, "EXPLAIN QUERY PLAN "+query, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, query)
		}
	}
}

// sorts tells whether a step sorts rows that are many. Two ids are not, nor are the steps of
// time and the endpoints that are counted.
func sorts(name, step string) bool {
	return strings.Contains(step, "TEMP B-TREE") && !strings.HasSuffix(name, ", skipping") && !strings.Contains(name, "counts") && name != "failures"
}
