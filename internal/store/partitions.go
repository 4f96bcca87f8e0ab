package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"
)

// The tables that are partitioned by days in UTC.
const (
	EventTable = "event" // by the time in the id
	DoneTable  = "done"  // by the time of finishing
)

const (
	// partitionsAhead is how many days partitions are made ahead by the chore. A start
	// makes those of two days, and a write makes one that is missing all the same.
	partitionsAhead = 7
	// partitionLock keeps nodes from making the same partition at once.
	partitionLock = 0x7065616d
	// lockFor is how long a detach waits, since all who come later wait behind it.
	lockFor = 50 * time.Millisecond
	// choreFor bounds one statement of the chores'.
	choreFor = 10 * time.Minute
)

// Partition is a day of a partitioned table.
type Partition struct {
	Table string
	Start time.Time
}

// End is when the next day begins.
func (p Partition) End() time.Time { return p.Start.Add(day) }

// Name is its table's.
func (p Partition) Name() string { return p.Table + "_" + p.Start.Format(partitionDate) }

const (
	day           = 24 * time.Hour
	partitionDate = "20060102"
)

func partitionOf(table string, at time.Time) Partition {
	return Partition{table, at.UTC().Truncate(day)}
}

// bound is the literal of the first value of the day that begins at t.
func (p Partition) bound(t time.Time) string {
	if p.Table == DoneTable {
		return fmt.Sprintf("'%d'", Micros(t))
	}
	ms := binary.BigEndian.AppendUint64(nil, uint64(max(t.UnixMilli(), 0)))
	return `'\x` + hex.EncodeToString(ms[2:]) + "'"
}

// partitions makes the partitions of a database and takes them away. It has connections
// of its own: what it makes is there before the write that needs it goes on, whatever
// becomes of that, and no chore holds up a write.
type partitions struct {
	connect func(timeout time.Duration) *pgConn

	mu    sync.Mutex
	known map[Partition]bool
}

// need makes the partition of a row that is about to be written, unless it is known.
func (p *partitions) need(table string, at time.Time) error {
	part := partitionOf(table, at)
	p.mu.Lock()
	known := p.known[part]
	p.mu.Unlock()
	if known {
		return nil
	}
	return p.make(p.connect(answerFor), part)
}

// ahead makes the partitions of the days from now on.
func (p *partitions) ahead(c *pgConn, now time.Time, days int) error {
	var wanted []Partition
	for i := range days + 1 {
		at := now.Add(time.Duration(i) * day)
		wanted = append(wanted, partitionOf(EventTable, at), partitionOf(DoneTable, at))
	}
	return p.make(c, wanted...)
}

// forget makes the partitions be looked for again: one was not there.
func (p *partitions) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.known)
}

// make makes what is not there, over a connection that ends with it.
func (p *partitions) make(c *pgConn, wanted ...Partition) error {
	defer c.end()
	if err := c.open(); err != nil {
		return err
	}
	there, err := p.list(c)
	if err != nil {
		return err
	}
	if missing := without(wanted, there); len(missing) > 0 {
		if err := p.create(c, missing); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.known)
	for part := range there {
		p.known[part] = true
	}
	for _, part := range wanted {
		p.known[part] = true
	}
	return nil
}

func without(wanted []Partition, there map[Partition]bool) (missing []Partition) {
	for _, part := range wanted {
		if !there[part] {
			missing = append(missing, part)
		}
	}
	return missing
}

// create makes partitions. They are attached, which lets others write meanwhile, unlike
// CREATE TABLE … PARTITION OF.
func (p *partitions) create(c *pgConn, wanted []Partition) error {
	if err := join(c.send("BEGIN", nil), c.query("SELECT pg_advisory_xact_lock(?::int, hashtext(current_schema()))::text", []any{int64(partitionLock)}, ignoreRow)); err != nil {
		return err
	}
	there, err := p.list(c) // another node may just have made some
	if err != nil {
		return err
	}
	for _, part := range without(wanted, there) {
		for _, statement := range []string{
			fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL)", part.Name(), part.Table),
			fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)",
				part.Table, part.Name(), part.bound(part.Start), part.bound(part.End())),
		} {
			if _, err := c.exec(statement, nil); err != nil {
				return err
			}
		}
	}
	_, err = c.exec("COMMIT", nil)
	return err
}

func ignoreRow(Row) error { return nil }

func (p *partitions) list(c *pgConn) (map[Partition]bool, error) {
	there := map[Partition]bool{}
	err := c.query(`SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent IN ('event'::regclass, 'done'::regclass)`, nil, func(r Row) error {
		if part, ok := parsePartition(r.Text(0)); ok {
			there[part] = true
		}
		return nil
	})
	return there, err
}

func parsePartition(name string) (Partition, bool) {
	table, date, _ := strings.Cut(name, "_")
	start, err := time.Parse(partitionDate, date)
	return Partition{table, start}, err == nil
}

// Chores are what a database wants done beside its writer: on PostgreSQL one node's
// work. It has a connection that is opened when it is needed.
type Chores struct {
	ctx context.Context //nolint:containedctx // it is many statements'
	p   *partitions
	c   *pgConn
}

// Chores begins them, until ctx is done; End gives the connection back.
func (db *DB) Chores(ctx context.Context) (*Chores, error) {
	c := &Chores{ctx: ctx, p: db.engine.(*pgEngine).writing.partitions}
	c.c = c.connect()
	if err := c.c.open(); err != nil {
		return nil, safe(err)
	}
	return c, nil
}

func (c *Chores) connect() *pgConn {
	conn := c.p.connect(choreFor)
	conn.until = c.ctx
	return conn
}

// End closes the connection.
func (c *Chores) End() { c.c.end() }

// MakeAhead makes the partitions of the coming days.
func (c *Chores) MakeAhead(now time.Time) error {
	return safe(c.p.ahead(c.connect(), now, partitionsAhead))
}

// Partitions are those that are there, of both tables.
func (c *Chores) Partitions() (map[Partition]bool, error) {
	there, err := c.p.list(c.c)
	return there, safe(err)
}

// Detached are the tables that were partitions of one.
func (c *Chores) Detached(table string) (names []string, err error) {
	err = c.c.query(`SELECT relname::text FROM pg_class WHERE relkind = 'r' AND starts_with(relname::text, ?1)
			AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = ?2::text::regclass) ORDER BY relname`,
		[]any{table + detached, table}, func(r Row) error {
			names = append(names, r.Text(0))
			return nil
		})
	return names, safe(err)
}

// detached stands between a table's name and a number in the names of its former
// partitions, so that a day can be made anew.
const detached = "_gone_"

// Detach takes a partition out of its table. It tells false where others used the table
// for too long: then it has to be tried again.
func (c *Chores) Detach(ctx context.Context, p Partition) (done bool, err error) {
	var oid int64
	err = c.c.query("SELECT ?::text::regclass::oid::bigint", []any{p.Name()}, func(r Row) error {
		oid = r.Int(0)
		return nil
	})
	for try := 0; err == nil && try < 20 && ctx.Err() == nil; try++ {
		err = c.tx(func() error {
			for _, statement := range []string{
				fmt.Sprintf("SET LOCAL lock_timeout = %d", lockFor.Milliseconds()),
				fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %s", p.Table, p.Name()),
				fmt.Sprintf("ALTER TABLE %s RENAME TO %s%s%d", p.Name(), p.Table, detached, oid),
			} {
				if _, err := c.c.exec(statement, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			c.p.forget()
			return true, nil
		}
		if !isLocked(err) {
			return false, safe(err)
		}
		err = nil
		select {
		case <-ctx.Done():
		case <-time.After(lockFor):
		}
	}
	return false, safe(err)
}

// Query and Exec run a statement by itself.
func (c *Chores) Query(f func(Row) error, query string, args ...any) error {
	return safe(c.c.query(query, args, f))
}

// Exec tells how many rows the statement changed.
func (c *Chores) Exec(query string, args ...any) (int64, error) {
	n, err := c.c.exec(query, args)
	return n, safe(err)
}

// Together runs statements in one transaction.
func (c *Chores) Together(statements ...string) error {
	return safe(c.tx(func() error {
		for _, s := range statements {
			if _, err := c.c.exec(s, nil); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (c *Chores) tx(f func() error) error {
	_, err := c.c.exec("BEGIN", nil)
	if err == nil {
		if err = f(); err == nil {
			_, err = c.c.exec("COMMIT", nil)
			return err
		}
		if _, undo := c.c.exec("ROLLBACK", nil); undo != nil {
			return join(err, undo)
		}
	}
	return err
}
