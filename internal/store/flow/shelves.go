package flow

import (
	"bytes"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// shelf is a table whose rows get old once they have ended.
type shelf struct {
	table string
	// ended is the column that says when, 0 while a row has not.
	ended string
	// needed is a condition on rows that have to stay; empty for none.
	needed string
	// with are what goes with a row: they delete by org and id.
	with []string
	keep func(deliveries, events time.Duration) time.Duration
}

func asDeliveries(deliveries, _ time.Duration) time.Duration { return deliveries }
func asEvents(_, events time.Duration) time.Duration         { return events }

// shelves are all of them. An execution that is kept can run again, so that what it
// opened or works on stays with it.
var shelves = []*shelf{
	{
		table: "execution", ended: "finished_at", keep: asDeliveries,
		with: []string{
			"DELETE FROM step WHERE org = ? AND execution = ?",
			"DELETE FROM signal WHERE org = ? AND execution = ?",
			"DELETE FROM event_wait WHERE org = ? AND execution = ?",
			"DELETE FROM object_wait WHERE org = ? AND execution = ?",
		},
	},
	{table: "refused", ended: "at", keep: asDeliveries},
	{
		table: "request", ended: "finished_at", keep: asEvents,
		needed: `EXISTS (SELECT 1 FROM execution WHERE org = request.org AND id = request.execution)
			OR EXISTS (SELECT 1 FROM execution WHERE org = request.org AND id = request.origin)
			OR EXISTS (SELECT 1 FROM task WHERE org = request.org AND request = request.id AND finished_at = 0)`,
		with: []string{
			"DELETE FROM timer WHERE org = ? AND ref = ?",
			"DELETE FROM object_wait WHERE org = ? AND object = ?",
		},
	},
	{
		table: "task", ended: "finished_at", keep: asEvents,
		needed: `EXISTS (SELECT 1 FROM execution WHERE org = task.org AND id = task.execution)
			OR EXISTS (SELECT 1 FROM request WHERE org = task.org AND id = task.request AND finished_at = 0)`,
		with: []string{"DELETE FROM object_wait WHERE org = ? AND object = ?"},
	},
}

// allQuery walks along what ended before a time, the oldest first.
func (s *shelf) allQuery() string {
	return s.columns() + " WHERE " + s.ended + " > 0 AND " + s.ended + " < ?1 AND (" + s.ended + ", id) > (?2, ?3) ORDER BY " + s.ended + ", id LIMIT ?4"
}

// orgQuery walks along what an org made before a time, of which some ended before it too.
func (s *shelf) orgQuery() string {
	return s.columns() + " WHERE org = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4"
}

func (s *shelf) deleteQuery() string { return "DELETE FROM " + s.table + " WHERE org = ? AND id = ?" }

func (s *shelf) columns() string {
	needed := "CAST(0 AS BIGINT)"
	if s.needed != "" {
		needed = "CAST(CASE WHEN " + s.needed + " THEN 1 ELSE 0 END AS BIGINT)"
	}
	return "SELECT org, id, " + s.ended + ", " + needed + " FROM " + s.table
}

// aged is a row of a shelf.
type aged struct {
	place
	needed bool
}

// purgeAll deletes a chunk of what ended before a time in any org.
func (f *Flow) purgeAll(tx *store.Tx, s *shelf, from place, before time.Time) (int, place, error) {
	if from.id == nil {
		from.id = []byte{}
	}
	return f.purgeShelf(tx, s, before, s.allQuery(), store.Micros(before), from.at, from.id, int64(purgeChunk))
}

// purgeOrg deletes a chunk of what ended before a time in an org.
func (f *Flow) purgeOrg(tx *store.Tx, s *shelf, org string, from place, before time.Time) (int, place, error) {
	if from.id == nil {
		from.id = []byte{}
	}
	end := firstID(before)
	return f.purgeShelf(tx, s, before, s.orgQuery(), org, from.id, end[:], int64(purgeChunk))
}

func (f *Flow) purgeShelf(tx *store.Tx, s *shelf, before time.Time, query string, args ...any) (n int, next place, err error) {
	var rows []aged
	err = tx.Query(func(r store.Row) error {
		rows = append(rows, aged{place{org: r.Text(0), id: bytes.Clone(r.Blob(1)), at: r.Int(2)}, r.Int(3) != 0})
		return nil
	}, query+f.lockingOf(s.table), args...) // one that is to run again is no longer old
	if err != nil {
		return 0, place{}, err
	}
	for i := range rows {
		row := &rows[i]
		if row.needed || row.at == 0 || row.at >= store.Micros(before) {
			continue
		}
		n++
		for _, query := range s.with {
			if err := tx.Send(query, row.org, row.id); err != nil {
				return 0, place{}, err
			}
		}
		if err := tx.Send(s.deleteQuery(), row.org, row.id); err != nil {
			return 0, place{}, err
		}
	}
	if len(rows) == purgeChunk {
		next = rows[len(rows)-1].place
	}
	return n, next, nil
}

// lockingOf is locking for a query that looks at other tables too.
func (f *Flow) lockingOf(table string) string {
	if f.db.Dialect() == store.PostgreSQL {
		return " FOR UPDATE OF " + table + " SKIP LOCKED"
	}
	return ""
}

// firstID is the lowest id of a millisecond.
func firstID(t time.Time) (id peal.ExecutionID) {
	ms := max(t.UnixMilli(), 0)
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}
