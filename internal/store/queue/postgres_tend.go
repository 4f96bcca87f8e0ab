package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

const (
	// late are the deliveries that the index done_late holds, in its words.
	late = `finished_at / 1000 - 86400000 >
		((get_byte(id, 0)::bigint << 40) | (get_byte(id, 1)::bigint << 32) | (get_byte(id, 2)::bigint << 24) |
		 (get_byte(id, 3) << 16) | (get_byte(id, 4) << 8) | get_byte(id, 5))`
	// stillWanted tells whether an event of a range of ids has a delivery left, where the
	// days of done around it are gone.
	stillWanted = `SELECT EXISTS (SELECT 1 FROM live WHERE event_id >= ?1 AND event_id < ?2)
		OR EXISTS (SELECT 1 FROM done WHERE event_id >= ?1 AND event_id < ?2 AND ` + late + `)`
	// thinChunk is how many events are looked at by one statement beside the writer.
	thinChunk = 2000
	// thinEvery is how often a day that is still wanted is gone through.
	thinEvery = 24 * time.Hour
	// doneAround is how many days after its own an event's deliveries may finish without
	// being late.
	doneAround = 2
)

// tend makes partitions ahead, and lets go of the days that have been kept for long
// enough: they are detached, which takes no time, and dealt with then.
func (p *postgres) tend(ctx context.Context, r janitor.Retention, now time.Time) (int, error) {
	c, err := p.db.Chores(ctx)
	if err != nil {
		return 0, err
	}
	defer c.End()
	if err := c.MakeAhead(now); err != nil {
		return 0, err
	}
	for _, step := range []func() (int, error){
		func() (int, error) { return finishDone(c) },
		func() (int, error) { return finishEvents(ctx, c) },
		func() (int, error) { return p.detach(ctx, c, r, now) },
	} {
		if n, err := step(); err != nil || n > 0 {
			return n, err
		}
	}
	return 0, nil
}

// detach lets go of one day, or thins it.
func (p *postgres) detach(ctx context.Context, c *store.Chores, r janitor.Retention, now time.Time) (int, error) {
	there, err := c.Partitions()
	if err != nil {
		return 0, err
	}
	var days []store.Partition
	for part := range there {
		days = append(days, part)
	}
	slices.SortFunc(days, func(a, b store.Partition) int { return a.Start.Compare(b.Start) })
	for _, part := range days {
		if part.Table == store.DoneTable && !part.End().After(now.Add(-r.Deliveries)) {
			if done, err := c.Detach(ctx, part); done || err != nil {
				return 1, err
			}
		}
	}
	for _, part := range days {
		if part.Table != store.EventTable || part.End().After(now.Add(-r.Events)) || doneNear(there, part) {
			continue
		}
		n, err := p.letGo(ctx, c, part, now)
		if err != nil || n > 0 {
			return n, err
		}
	}
	return 0, nil
}

// doneNear tells whether deliveries are kept of the days in which an event's finish.
func doneNear(there map[store.Partition]bool, event store.Partition) bool {
	for i := range doneAround + 1 {
		if there[store.Partition{Table: store.DoneTable, Start: event.Start.AddDate(0, 0, i)}] {
			return true
		}
	}
	return false
}

// letGo detaches a day of events, or deletes those of it that no delivery needs.
func (p *postgres) letGo(ctx context.Context, c *store.Chores, part store.Partition, now time.Time) (int, error) {
	if at, ok := p.thinned[part]; ok && now.Sub(at) < thinEvery {
		return 0, nil
	}
	from, to := firstID(part.Start), firstID(part.End())
	wanted := false
	if err := c.Query(func(r store.Row) error {
		wanted = r[0].(bool)
		return nil
	}, stillWanted, from[:], to[:]); err != nil {
		return 0, err
	}
	if !wanted {
		done, err := c.Detach(ctx, part)
		if !done || err != nil {
			return 0, err
		}
		return 1, nil
	}
	n, err := thin(ctx, c, part.Name(), fmt.Sprintf(` AND NOT EXISTS (
			SELECT 1 FROM generate_series(0, length(e.deliveries) / 16 - 1) AS i, live l
			WHERE l.org = e.org AND l.id = substring(e.deliveries FROM i * 16 + 1 FOR 16))
		AND NOT EXISTS (SELECT 1 FROM done WHERE event_id = e.id AND %s)`, late), true)
	if err == nil && ctx.Err() == nil {
		p.thinned[part] = now
	}
	return n, err
}

// thin walks over the events of a table and deletes the references to those that the
// condition selects, and where they are told to, the events too.
func thin(ctx context.Context, c *store.Chores, table, condition string, events bool) (total int, err error) {
	remove := ""
	if events {
		remove = fmt.Sprintf(", gone AS (DELETE FROM %s e USING old WHERE e.org = old.org AND e.id = old.id)", table)
	}
	query := fmt.Sprintf(`WITH chunk AS (
			SELECT org, id, client_id, deliveries FROM %s WHERE (org, id) > (?1, ?2) ORDER BY org, id LIMIT ?3
		), old AS (SELECT * FROM chunk e WHERE true%s
		), refs AS (
			DELETE FROM event_ref r USING old WHERE old.client_id <> '' AND r.org = old.org AND r.client_id = old.client_id AND r.event_id = old.id
		)%s
		SELECT org, id, (SELECT count(*) FROM old) FROM chunk ORDER BY org DESC, id DESC LIMIT 1`, table, condition, remove)
	org, last := "", []byte{}
	for more := true; more && ctx.Err() == nil; {
		more = false
		err := c.Query(func(r store.Row) error {
			org, last, more = r.Text(0), slices.Clone(r.Blob(1)), true
			total += int(r.Int(2))
			return nil
		}, query, org, last, int64(thinChunk))
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// finishDone drops former days of done, and takes their deliveries off the count.
func finishDone(c *store.Chores) (int, error) {
	names, err := c.Detached(store.DoneTable)
	for _, name := range names {
		if err := c.Together(
			fmt.Sprintf("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", name),
			fmt.Sprintf(`INSERT INTO tally (endpoint_id, session, deliveries)
				SELECT endpoint_id, 0, -count(*) FROM %s WHERE status <> '%s' GROUP BY endpoint_id ORDER BY endpoint_id
				ON CONFLICT (endpoint_id, session) DO UPDATE SET deliveries = tally.deliveries + excluded.deliveries`, name, peal.Suppressed),
			"DROP TABLE "+name,
		); err != nil {
			return 0, err
		}
	}
	return len(names), err
}

// finishEvents deletes the references to former days' events and drops them.
func finishEvents(ctx context.Context, c *store.Chores) (int, error) {
	names, err := c.Detached(store.EventTable)
	for _, name := range names {
		if _, err := thin(ctx, c, name, "", false); err != nil || ctx.Err() != nil {
			return 0, err
		}
		if err := c.Together("DROP TABLE " + name); err != nil {
			return 0, err
		}
	}
	return len(names), err
}
