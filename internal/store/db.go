package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Config says which database to open.
type Config struct {
	// URL is sqlite:PATH or postgres://….
	URL string
	Log *slog.Logger
	// Now is the clock of the process, which on SQLite is the database's. PostgreSQL
	// has its own.
	Now func() time.Time
	// Heartbeat is how often a session says that it lives; zero is every 2 s. After
	// three times as long without an answer it starts nothing, after four it is dead.
	Heartbeat time.Duration

	// schema are other migrations than the program's own, for tests.
	schema fs.FS
}

// files are the migrations.
func (c *Config) files() fs.FS {
	if c.schema != nil {
		return c.schema
	}
	return migrations
}

// DB is an open database with its writer.
type DB struct {
	log     *slog.Logger
	dialect Dialect
	readers *sql.DB
	writer  *writer
	engine  engine

	stop    context.CancelFunc
	running sync.WaitGroup
}

// Dialect is the kind of a database, for the SQL in which they differ.
type Dialect int

// The databases.
const (
	SQLite Dialect = iota
	PostgreSQL
)

// Beside is a column of a condition that stands beside one with a better index: SQLite is kept
// from taking the column's own, and PostgreSQL knows better by its statistics.
func (d Dialect) Beside(column string) string {
	if d == SQLite {
		return "+" + column
	}
	return column
}

// engine is what an open database is besides its writer and readers.
type engine interface {
	now() time.Time
	session() int64
	mayStart() bool
	mayGoOn() bool
	onNewSession(f func())
	// run is its background work, until ctx is done.
	run(ctx context.Context)
	// leave ends the session, after the last write.
	leave() error
	close() error
}

// readDeadline bounds every reader: an old one keeps the database from cleaning up.
const readDeadline = 2 * time.Second

// Open opens the database, brings its schema up to date and starts a new session. On
// SQLite it releases the deliveries that earlier sessions owned, and fails with
// CodeConflict where another process has the database open.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	dialect, at, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	db := &DB{log: cfg.Log, dialect: dialect}
	if dialect == PostgreSQL {
		err = openPostgres(ctx, db, at, cfg)
	} else {
		err = openSQLite(ctx, db, at, cfg)
	}
	if err != nil {
		return nil, errors.Join(err, db.release())
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	db.stop = stop
	db.running.Go(db.writer.run)
	db.running.Go(func() { db.engine.run(run) })
	return db, nil
}

// Close refuses new work, waits until all that was taken is committed, and closes
// the database. What the session still owns is released at once, or on SQLite at the
// next Open.
func (db *DB) Close() error {
	db.writer.close()
	db.stop()
	db.running.Wait()
	return errors.Join(db.engine.leave(), db.release())
}

// release closes whatever was opened.
func (db *DB) release() error {
	var errs []error
	if db.readers != nil {
		errs = append(errs, db.readers.Close())
	}
	if db.engine != nil {
		errs = append(errs, db.engine.close())
	}
	return errors.Join(errs...)
}

// Dialect is the kind of the database.
func (db *DB) Dialect() Dialect { return db.dialect }

// Now is database time.
func (db *DB) Now() time.Time { return db.engine.now() }

// Session is the number under which this process owns deliveries; no other process has
// or had the same. It changes where the session was taken for dead: see OnNewSession.
func (db *DB) Session() int64 { return db.engine.session() }

// MayStart tells whether the session is certain to be alive. Where it is not, others
// may be about to take over what it owns, and no attempt may be started.
func (db *DB) MayStart() bool { return db.engine.mayStart() }

// MayGoOn tells whether an attempt that others must not overlap may go on. It ends after
// MayStart and before others take over what the session owns.
func (db *DB) MayGoOn() bool { return db.engine.mayGoOn() }

// OnNewSession registers a function to be called when others took the session for dead
// and a new one was started: nothing that the process held is its own any more. It is
// called on the writer's goroutine, between two transactions, so it must not block. It
// is not called for the first session.
func (db *DB) OnNewSession(f func()) { db.engine.onNewSession(f) }

// OnUnknown registers a function to be called when items were settled with ErrUnknown,
// so that rows may come to be owned that nobody holds. It is called on the writer's
// goroutine, so it must not block.
func (db *DB) OnUnknown(f func()) {
	db.writer.mu.Lock()
	defer db.writer.mu.Unlock()
	db.writer.unknown = append(db.writer.unknown, f)
}

// Stats is a snapshot of the writer's counters.
func (db *DB) Stats() Stats { return db.writer.stats() }

// Ping tells whether the database can be read and was writable when it was last
// written.
func (db *DB) Ping(ctx context.Context) error {
	if s := db.Stats(); s.Away {
		return &peal.Error{Code: peal.CodeUnavailable, Message: "the database cannot be written at the moment", RetryAfter: retryAfter}
	}
	return db.Read(ctx, func(ctx context.Context, db *sql.DB) error { return db.PingContext(ctx) })
}

// Read runs f on a reader under a deadline of two seconds. The error is a
// *peal.Error: f's own, or what the database said as CodeUnavailable, and ErrSlowRead
// where the time was up.
func (db *DB) Read(ctx context.Context, f func(ctx context.Context, db *sql.DB) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readDeadline, ErrSlowRead)
	defer cancel()
	err := f(ctx, db.readers)
	var known *peal.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	known = &peal.Error{Code: peal.CodeUnavailable, Message: "the database could not be read", RetryAfter: retryAfter, Err: err}
	if errors.Is(context.Cause(ctx), ErrSlowRead) {
		known.Message, known.Err = "the query took too long; narrow it down", errors.Join(ErrSlowRead, err)
	}
	return known
}

// ErrSlowRead says that a reader took longer than it may.
var ErrSlowRead = errors.New("store: a reader was stopped at its deadline")

// parseURL tells what kind of database a URL names, and where it is: a path, or the
// URL itself.
func parseURL(url string) (d Dialect, at string, err error) {
	if isPostgres(url) {
		return PostgreSQL, url, nil
	}
	path, ok := strings.CutPrefix(url, "sqlite:")
	path = strings.TrimPrefix(path, "//")
	if !ok || path == "" {
		return SQLite, "", peal.Invalid("database", "the database must be given as sqlite:PATH or postgres://…")
	}
	return SQLite, path, nil
}
