package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// pgConn is a connection to PostgreSQL. Statements are held back until an answer is
// needed and then go out together.
type pgConn struct {
	hosts   *pgHosts
	dollars *dollars
	timeout time.Duration // of one exchange
	// until ends exchanges that nobody waits for any more; nil where all are waited for.
	until context.Context //nolint:containedctx // it is many exchanges'

	pg      *pgLink
	batch   *pgconn.Batch
	pending []pending
}

// pending is a statement that was not sent yet.
type pending struct {
	row     func(Row) error
	changed *int64
	// want is the tag that it must end with.
	want string
	err  error
}

// lostError is an error of the connection, not of the statement.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// open makes sure that there is a connection.
func (c *pgConn) open() error {
	if c.pg != nil && !c.pg.IsClosed() {
		return nil
	}
	pg, err := c.hosts.connect(context.Background())
	if err != nil {
		return &lostError{err}
	}
	c.pg = pg
	return nil
}

func (c *pgConn) Close() error {
	if c.pg == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.pg.Close(ctx)
}

// end is Close where nothing depends on it.
func (c *pgConn) end() { _ = c.Close() }

// lose gives the connection up: the next transaction makes another.
func (c *pgConn) lose() {
	if c.pg != nil {
		closeNow(c.pg.PgConn)
	}
	c.pg, c.batch, c.pending = nil, nil, c.pending[:0]
}

func (c *pgConn) put(p pending, query string, args []any) error {
	values, oids, err := encode(args)
	if err != nil {
		return err
	}
	c.add(p, c.dollars.rewrite(query), values, oids)
	return nil
}

func (c *pgConn) add(p pending, query string, values [][]byte, oids []uint32) {
	if c.batch == nil {
		c.batch = &pgconn.Batch{}
	}
	c.batch.ExecParams(query, values, oids, binaryFormat, binaryFormat)
	c.pending = append(c.pending, p)
}

// flush sends what was held back and deals with the answers.
func (c *pgConn) flush() error {
	if len(c.pending) == 0 {
		return nil
	}
	if c.pg == nil {
		return &lostError{errors.New("store: there is no connection")}
	}
	ctx, cancel := context.WithTimeout(c.pg.life, c.timeout)
	defer cancel()
	if c.until != nil {
		defer context.AfterFunc(c.until, cancel)()
	}
	results := c.pg.ExecBatch(ctx, c.batch)
	var failed error
	for i := 0; results.NextResult(); i++ {
		failed = join(failed, c.pending[i].settle(results.ResultReader()))
	}
	err := c.broken(results.Close())
	c.batch, c.pending = nil, c.pending[:0]
	return join(err, failed)
}

// broken tells errors of the connection from those of a statement. A server that takes
// no writes any more is left, for the one that took its place.
func (c *pgConn) broken(err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code != readOnly && !c.pg.IsClosed() {
		return err
	}
	c.lose()
	return &lostError{err}
}

// readOnly is the SQLSTATE.
const readOnly = "25006"

// join is errors.Join that leaves a single error as it is.
func join(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}

// settle reads one statement's answer. Its error is not the statement's, which ends all
// that follow too.
func (p *pending) settle(r *pgconn.ResultReader) error {
	var failed error
	if p.row != nil {
		fields := r.FieldDescriptions()
		row, oids := make(Row, len(fields)), make([]uint32, len(fields))
		for i, f := range fields {
			oids[i] = f.DataTypeOID
		}
		for r.NextRow() {
			if failed == nil {
				decode([]driver.Value(row), oids, r.Values())
				failed = p.row(row)
			}
		}
	}
	tag, err := r.Close()
	if err != nil {
		return nil
	}
	if p.changed != nil {
		*p.changed = tag.RowsAffected()
	}
	if p.want != "" && tag.String() != p.want {
		return join(failed, p.err)
	}
	return failed
}

func (c *pgConn) exec(query string, args []any) (changed int64, err error) {
	if err := c.put(pending{changed: &changed}, query, args); err != nil {
		return 0, err
	}
	return changed, c.flush()
}

func (c *pgConn) query(query string, args []any, f func(Row) error) error {
	if err := c.put(pending{row: f}, query, args); err != nil {
		return err
	}
	return c.flush()
}

func (c *pgConn) ask(query string, args []any, f func(Row) error) error {
	return c.put(pending{row: f}, query, args)
}

func (c *pgConn) send(query string, args []any) error { return c.put(pending{}, query, args) }

func (c *pgConn) many(s *ManySQL, args []any) error {
	values, oids, err := encodeColumns(s.types, args)
	if err == nil {
		c.add(pending{}, s.arrays, values, oids)
	}
	return err
}

func (c *pgConn) askArrays(f func(Row) error, query, types string, rows, more []any) error {
	values, oids, err := encodeColumns(types, rows)
	if err != nil {
		return err
	}
	moreValues, moreOIDs, err := encode(more)
	if err == nil {
		c.add(pending{row: f}, query, append(values, moreValues...), append(oids, moreOIDs...))
	}
	return err
}
