package queue

import (
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
	queries := map[string]string{"events": eventList, "search": searchQuery}
	for _, ep := range []peal.EndpointID{{}, peal.NewEndpointID(time.Now())} {
		for _, status := range append(peal.Statuses, "") {
			f := peal.DeliveryFilter{Endpoint: ep, Status: status}
			queries["deliveries "+ep.String()+" "+string(status)] = walkQuery(&f)
		}
	}
	queries["deliveries of a group"] = walkQuery(&peal.DeliveryFilter{Group: peal.GroupID{1}})
	for name, query := range queries {
		err := q.rows(t.Context(), func(scan scanner) error {
			var id, parent, unused int
			var step string
			err := scan(&id, &parent, &unused, &step)
			if strings.HasPrefix(step, "SCAN d") || strings.HasPrefix(step, "SCAN event") || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s: %s\n%s", name, step, query)
			}
			return err
		}, "EXPLAIN QUERY PLAN "+query, 0, 0, 0, 0, 0, 0, 0)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, query)
		}
	}
}
