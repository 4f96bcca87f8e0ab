// Package plantest holds queries to indexes: it asks a database how it would run them, and
// fails the test where it would look through a table or sort what is many. No times are
// measured, and no rows are needed. It knows nothing of Peal.
package plantest

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"
)

// Database is where queries are explained: what hands out a pool of connections.
type Database interface {
	Read(ctx context.Context, f func(context.Context, *sql.DB) error) error
}

// Query is a query with arguments as those that it is run with.
type Query struct {
	SQL  string
	Args []any
	// Sorts says that it sorts on purpose, what is few: groups, or the ends of others.
	Sorts bool
	// Scans names a table that is looked through on purpose, from one end up to a limit.
	Scans string
}

// Planned is the URL of a PostgreSQL on which connections plan as beside many rows: they look
// through a table only where no index serves.
func Planned(t testing.TB, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for _, off := range []string{"enable_seqscan", "enable_sort", "enable_bitmapscan"} {
		q.Set(off, "off")
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // PostgreSQL's URLs have no +
	return u.String()
}

// Plan is how the database would run a query, a line a step.
func Plan(t testing.TB, db Database, explain string, q Query) (steps []string) {
	t.Helper()
	err := db.Read(t.Context(), func(ctx context.Context, pool *sql.DB) error {
		rows, err := pool.QueryContext(ctx, explain+q.SQL, q.Args...)
		if err != nil {
			return err
		}
		for rows.Next() && err == nil {
			var step string
			into := []any{&step}
			if explain == SQLite {
				var id, parent, unused int
				into = []any{&id, &parent, &unused, &step}
			}
			err = rows.Scan(into...)
			steps = append(steps, step)
		}
		return errors.Join(err, rows.Err(), rows.Close())
	})
	if err != nil {
		t.Errorf("%v\n%s", err, q.SQL)
	}
	return steps
}

// How the databases are asked.
const (
	SQLite   = "EXPLAIN QUERY PLAN "
	Postgres = "EXPLAIN (COSTS OFF) "
)

// Check holds a query to its indexes.
func Check(t testing.TB, db Database, explain, name string, q Query) {
	t.Helper()
	steps := Plan(t, db, explain, q)
	bad := badSQLite
	if explain == Postgres {
		bad = badPostgres
	}
	if fault := bad(steps, &q); fault != "" {
		t.Errorf("%s: %s\n%s\n\t%s", name, fault, q.SQL, strings.Join(steps, "\n\t"))
	}
}

func badSQLite(steps []string, q *Query) string {
	derived := map[string]bool{"CONSTANT ROW": true}
	for _, step := range steps {
		for _, made := range []string{"CO-ROUTINE ", "MATERIALIZE "} {
			if name, ok := strings.CutPrefix(step, made); ok {
				derived[name] = true // rows that other steps found
			}
		}
		if table, scans := strings.CutPrefix(step, "SCAN "); scans && !derived[table] && (q.Scans == "" || !strings.HasPrefix(table, q.Scans)) {
			return step
		}
		if strings.Contains(step, "TEMP B-TREE") && !q.Sorts {
			return step
		}
	}
	return ""
}

func badPostgres(steps []string, q *Query) string {
	for i, step := range steps {
		node := strings.TrimPrefix(strings.TrimSpace(step), "->  ")
		switch {
		case strings.HasPrefix(node, "Sort") && !strings.HasPrefix(node, "Sort Key") && !q.Sorts,
			strings.HasPrefix(node, "Incremental Sort") && !q.Sorts:
			return node
		case strings.HasPrefix(node, "Seq Scan"):
			return node
		case strings.HasPrefix(node, "Index ") && strings.Contains(node, " Scan ") && (q.Scans == "" || !strings.Contains(node, " on "+q.Scans)):
			if i+1 == len(steps) || !strings.Contains(steps[i+1], "Index Cond:") {
				return node + " from end to end"
			}
		}
	}
	return ""
}
