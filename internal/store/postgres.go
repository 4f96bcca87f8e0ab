package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/peal-dev/peal/internal/peal"
)

// pgReaders is how many queries of a node run at once beside its writer.
const pgReaders = 8

// pgEngine is a PostgreSQL database that any number of equal nodes share.
type pgEngine struct {
	s       *session
	writing *pgWriter
	beating *pgConn
}

func openPostgres(ctx context.Context, db *DB, url string, open Config) error {
	cfg, err := pgConfig(url)
	if err != nil {
		return err
	}
	if err := withPostgres(ctx, url, open.files(), up(ctx)); err != nil {
		return err
	}
	all, err := knownMigrations(open.files(), PostgreSQL)
	if err != nil {
		return err
	}
	s := newSession(db.log, open.Heartbeat)
	s.schema = newest(all)
	hosts, known := newHosts(cfg), &dollars{}
	connect := func(timeout time.Duration) *pgConn { return &pgConn{hosts: hosts, dollars: known, timeout: timeout} }
	parts := &partitions{connect: connect, known: map[Partition]bool{}}
	e := &pgEngine{
		s:       s,
		writing: &pgWriter{pgConn: pgConn{hosts: hosts, dollars: known, timeout: answerFor}, session: s, partitions: parts},
		beating: &pgConn{hosts: hosts, dollars: known, timeout: answerFor},
	}
	db.engine = e
	db.writer = newWriter(e.writing, db.log)
	db.writer.rest = e.writing.rest
	s.wake = db.writer.wakeUp
	db.readers = sql.OpenDB(&pgReader{hosts: hosts, dollars: known})
	db.readers.SetMaxOpenConns(pgReaders)
	db.readers.SetMaxIdleConns(pgReaders)
	if err := e.beating.open(); err != nil {
		return safe(err)
	}
	if err := s.start(e.beating); err != nil {
		return safe(err)
	}
	// The database may have been migrated before the session was there to be seen.
	if err := bearable(e.beating, s.schema); err != nil {
		return err
	}
	e.beating.timeout = s.answerFor() // from here on it only beats
	return safe(parts.ahead(connect(answerFor), s.now(), 1))
}

func (e *pgEngine) now() time.Time { return e.s.now() }

func (e *pgEngine) session() int64 { return e.s.number() }

func (e *pgEngine) mayStart() bool { return e.s.mayStart() }

func (e *pgEngine) mayGoOn() bool { return e.s.mayGoOn() }

func (e *pgEngine) onNewSession(f func()) { e.s.onNew(f) }

func (e *pgEngine) run(ctx context.Context) { e.s.run(ctx, e.beating) }

// leave releases what the session owns. Where the database is away, the other nodes do
// it once they miss the heartbeat.
func (e *pgEngine) leave() error {
	id := e.s.number()
	err := e.beating.open()
	if err == nil {
		_, err = e.beating.exec("UPDATE session SET reaped = true WHERE id = ?", []any{id})
	}
	if err == nil {
		err = release(e.beating, id)
	}
	if err != nil {
		e.s.log.Warn("what the session owned is left to the other nodes", "error", err)
	}
	return nil
}

func (e *pgEngine) close() error { return errors.Join(e.beating.Close(), e.writing.Close()) }

// pgConfig reads a URL. Of several hosts the one that takes writes is wanted.
func pgConfig(url string) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, peal.Invalid("database", "the database's URL cannot be read") // its words may hold the password
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectFor
		if len(cfg.Fallbacks) > 0 {
			cfg.ConnectTimeout = hostFor
		}
	}
	if len(cfg.Fallbacks) > 0 && cfg.ValidateConnect == nil {
		cfg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "peal"
	}
	return cfg, nil
}

// migrationLock keeps nodes that start together from migrating at once. Like all locks it
// is a schema's, so that those who share a database do not wait for each other.
const migrationLock = 0x7065616c

// withPostgres runs f while no other node works on the schema.
func withPostgres(ctx context.Context, url string, files fs.FS, f func(*schema) error) (err error) {
	base, err := pgConfig(url)
	if err != nil {
		return err
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return peal.Invalid("database", "the database's URL cannot be read")
	}
	cfg.Config = *base
	cfg.ConnectTimeout *= 2 // a start can wait
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool := stdlib.OpenDB(*cfg)
	defer func() { err = errors.Join(err, pool.Close()) }()
	// The lock is a transaction's, since a session's does not work through a pooler.
	lock, err := pool.BeginTx(ctx, nil)
	if err == nil {
		_, err = lock.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1::int, hashtext(current_schema()))", migrationLock)
	}
	if err != nil {
		return peal.Wrap(peal.CodeUnavailable, err, "the database could not be opened")
	}
	s, err := newSchema(PostgreSQL, pool, files)
	if err == nil {
		err = f(s)
	}
	return errors.Join(err, lock.Rollback())
}

// isPostgres tells whether a URL names a PostgreSQL database.
func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}
