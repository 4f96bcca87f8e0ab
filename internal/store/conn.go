package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/peal-dev/peal/internal/peal"
)

// conn is one connection that keeps its statements prepared. It speaks to the driver
// itself: database/sql would lock, check and convert for every row of a group.
type conn struct {
	pool *sql.DB
	held *sql.Conn
	raw  driver.ConnPrepareContext

	prepared map[string]statement
	args     []driver.NamedValue
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func connect(ctx context.Context, path string, pragmas []string) (*conn, error) {
	pool, err := openPool(path, pragmas, 1)
	if err != nil {
		return nil, err
	}
	c := &conn{pool: pool, prepared: map[string]statement{}}
	if c.held, err = pool.Conn(ctx); err == nil {
		err = c.held.Raw(func(raw any) error {
			c.raw = raw.(driver.ConnPrepareContext)
			return nil
		})
	}
	if err != nil {
		return nil, errors.Join(peal.Wrap(peal.CodeUnavailable, err, "the database could not be opened"), pool.Close())
	}
	return c, nil
}

func (c *conn) Close() error {
	var errs []error
	for _, s := range c.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.held.Close(), c.pool.Close())...)
}

func (c *conn) prepare(query string) (statement, error) {
	if s, ok := c.prepared[query]; ok {
		return s, nil
	}
	s, err := c.raw.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	st := s.(statement)
	c.prepared[query] = st
	return st, nil
}

func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, v := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return c.args
}

// exec runs a statement and tells how many rows it changed.
func (c *conn) exec(query string, args []any) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// query runs a statement and hands each row to f, which must not keep it.
func (c *conn) query(query string, args []any, f func(Row) error) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return err
	}
	for row := make(Row, len(rows.Columns())); ; {
		if err = rows.Next(row); err != nil {
			break
		}
		if err = f(row); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

func (c *conn) ask(query string, args []any, f func(Row) error) error {
	return c.query(query, args, f)
}

func (c *conn) send(query string, args []any) error {
	_, err := c.exec(query, args)
	return err
}

func (c *conn) many(s *ManySQL, args []any) error {
	for size := len(s.queries) - 1; size >= 0; size-- {
		for n := len(s.types) << (3 * size); len(args) >= n; args = args[n:] {
			if err := c.send(s.queries[size], args[:n]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *conn) flush() error { return nil }

func (c *conn) begin() error { return c.send("BEGIN IMMEDIATE", nil) }

func (c *conn) commit() error { return c.send("COMMIT", nil) }

// rollback ends the transaction; where a failure has ended it already, the database
// says that there is none.
func (c *conn) rollback() { _ = c.send("ROLLBACK", nil) }

func (c *conn) nested(f func() error) error {
	if err := c.send("SAVEPOINT nested", nil); err != nil {
		return err
	}
	err := f()
	if err != nil {
		// A full disk has ended the transaction, and the savepoint with it.
		if undo := c.send("ROLLBACK TO nested", nil); undo != nil {
			return errors.Join(err, undo)
		}
	}
	if end := c.send("RELEASE nested", nil); end != nil {
		return errors.Join(err, end)
	}
	return err
}

// Row is one row of a query inside a transaction.
type Row []driver.Value

// Int is an integer column, zero for NULL.
func (r Row) Int(i int) int64 {
	v, _ := r[i].(int64)
	return v
}

// Text is a text column, empty for NULL.
func (r Row) Text(i int) string {
	v, _ := r[i].(string)
	return v
}

// Blob is a blob column, nil for NULL.
func (r Row) Blob(i int) []byte {
	v, _ := r[i].([]byte)
	return v
}

// Null tells whether a column is NULL.
func (r Row) Null(i int) bool { return r[i] == nil }
