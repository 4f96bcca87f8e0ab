package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// pgReader makes connections for queries outside of transactions. It is a driver of
// database/sql, so that readers are written once for both databases: placeholders are
// as on SQLite, and rows come as they are asked for, so that a list may stop early.
type pgReader struct {
	hosts   *pgHosts
	dollars *dollars
}

// Connect implements driver.Connector.
func (r *pgReader) Connect(ctx context.Context) (driver.Conn, error) {
	pg, err := r.hosts.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &readConn{pg: pg, dollars: r.dollars}, nil
}

// Driver implements driver.Connector.
func (r *pgReader) Driver() driver.Driver { return noDriver{} }

type noDriver struct{}

// Open is not to be used: readers are opened by their connector.
func (noDriver) Open(string) (driver.Conn, error) { return nil, errUnused }

var errUnused = errors.New("store: a reader only queries")

// readConn is one connection of the readers.
type readConn struct {
	pg      *pgLink
	dollars *dollars
	broken  bool
}

var (
	_ driver.QueryerContext = (*readConn)(nil)
	_ driver.Validator      = (*readConn)(nil)
	_ driver.Pinger         = (*readConn)(nil)
)

// Prepare and Begin are not to be used.
func (c *readConn) Prepare(string) (driver.Stmt, error) { return nil, errUnused }

// Begin is not to be used.
func (c *readConn) Begin() (driver.Tx, error) { return nil, errUnused }

// Close implements driver.Conn.
func (c *readConn) Close() error { return c.pg.Close(context.Background()) }

// IsValid implements driver.Validator.
func (c *readConn) IsValid() bool { return !c.broken && !c.pg.IsClosed() && c.pg.life.Err() == nil }

// Ping implements driver.Pinger.
func (c *readConn) Ping(ctx context.Context) error {
	rows, err := c.QueryContext(ctx, "SELECT 1", nil)
	if err != nil {
		return err
	}
	return rows.Close()
}

// fetch is how many rows the server makes at a time.
const fetch = 64

// QueryContext implements driver.QueryerContext.
func (c *readConn) QueryContext(ctx context.Context, query string, named []driver.NamedValue) (driver.Rows, error) {
	args := make([]any, len(named))
	for i, a := range named {
		args[i] = a.Value
	}
	values, oids, err := encode(args)
	if err != nil {
		return nil, err
	}
	f := c.pg.Frontend()
	f.SendParse(&pgproto3.Parse{Query: c.dollars.rewrite(query), ParameterOIDs: oids})
	f.SendBind(&pgproto3.Bind{ParameterFormatCodes: binaryFormat, Parameters: values, ResultFormatCodes: binaryFormat})
	f.SendDescribe(&pgproto3.Describe{ObjectType: 'P'})
	r := &readRows{c: c, ctx: ctx}
	if err := r.begin(); err != nil {
		err = r.end(err)
		if c.broken && ctx.Err() == nil {
			return nil, driver.ErrBadConn // it ended while nobody looked: another one is tried
		}
		return nil, err
	}
	return r, nil
}

// readRows are the rows of a query, read a few at a time.
type readRows struct {
	c       *readConn
	ctx     context.Context //nolint:containedctx // driver.Rows has no other way to be stopped
	columns []string
	oids    []uint32
	row     [][]byte
	// ended says that no more rows come, closed that the server knows.
	ended, closed bool
}

// begin asks for the first rows. The columns come before them.
func (r *readRows) begin() error {
	if err := r.more(); err != nil {
		return err
	}
	for r.columns == nil && !r.ended {
		if err := r.receive(); err != nil {
			return err
		}
	}
	return nil
}

// Columns implements driver.Rows.
func (r *readRows) Columns() []string { return r.columns }

// more asks for more rows.
func (r *readRows) more() error {
	f := r.c.pg.Frontend()
	f.SendExecute(&pgproto3.Execute{MaxRows: fetch})
	f.Send(&pgproto3.Flush{})
	return r.flush()
}

func (r *readRows) flush() error {
	err := r.c.pg.Frontend().Flush()
	if err != nil {
		r.c.broken = true
	}
	return err
}

// receive deals with one message; a row is left in r.row.
func (r *readRows) receive() error {
	message, err := r.c.pg.ReceiveMessage(r.ctx)
	if err != nil {
		r.c.broken = true
		return err
	}
	switch m := message.(type) {
	case *pgproto3.RowDescription:
		for _, f := range m.Fields {
			r.columns = append(r.columns, string(f.Name))
			r.oids = append(r.oids, f.DataTypeOID)
		}
	case *pgproto3.DataRow:
		r.row = m.Values
	case *pgproto3.PortalSuspended:
		return r.more()
	case *pgproto3.CommandComplete, *pgproto3.EmptyQueryResponse:
		r.ended = true
	case *pgproto3.ErrorResponse:
		return pgconn.ErrorResponseToPgError(m)
	}
	return nil
}

// Next implements driver.Rows.
func (r *readRows) Next(dest []driver.Value) error {
	for r.row = nil; r.row == nil; {
		if r.ended {
			return io.EOF
		}
		if err := r.receive(); err != nil {
			return r.end(err)
		}
	}
	decode(dest, r.oids, r.row)
	return nil
}

// Close implements driver.Rows.
func (r *readRows) Close() error { return r.end(nil) }

// end ends the query, so that the connection can take the next one.
func (r *readRows) end(cause error) error {
	if r.c.broken || r.closed {
		return cause
	}
	r.closed = true
	r.c.pg.Frontend().SendSync(&pgproto3.Sync{})
	if err := r.flush(); err != nil {
		return join(cause, err)
	}
	for {
		message, err := r.c.pg.ReceiveMessage(r.ctx)
		if err != nil {
			r.c.broken = true
			return join(cause, err)
		}
		if _, ok := message.(*pgproto3.ReadyForQuery); ok {
			return cause
		}
	}
}
