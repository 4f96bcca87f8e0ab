package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Config says which database to open.
type Config struct {
	// URL is sqlite:PATH.
	URL string
	Log *slog.Logger
	// Now is the clock of the process, which on SQLite is the database's.
	Now func() time.Time
}

// DB is an open database with its writer.
type DB struct {
	log     *slog.Logger
	now     func() time.Time
	session int64

	lock    *os.File
	readers *sql.DB
	writer  *writer
	check   *checkpointer

	stop    context.CancelFunc
	running sync.WaitGroup
}

// readDeadline bounds every reader: an old one would keep the log from being cut.
const readDeadline = 2 * time.Second

// Open opens the database, brings its schema up to date, starts a new session and
// releases the deliveries that earlier sessions owned. It fails with CodeConflict
// where another process has the database open.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	path, err := sqlitePath(cfg.URL)
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	db := &DB{log: cfg.Log, now: cfg.Now, lock: lock}
	if err := db.open(ctx, path); err != nil {
		return nil, errors.Join(err, db.release())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, path string) error {
	if _, err := migrate(ctx, path); err != nil {
		return err
	}
	conn, err := connect(ctx, path, writerPragmas)
	if err != nil {
		return err
	}
	db.writer = newWriter(conn, db.log)
	if db.readers, err = openPool(path, readerPragmas, readerConns); err != nil {
		return err
	}
	checkConn, err := connect(ctx, path, checkPragmas)
	if err != nil {
		return err
	}
	db.check = &checkpointer{conn: checkConn, writer: db.writer, log: db.log}
	if db.session, err = startSession(db.writer); err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	db.stop = stop
	db.running.Go(db.writer.run)
	db.running.Go(func() { db.check.run(run) })
	return nil
}

// Close refuses new work, waits until all that was taken is committed, and closes
// the database. What the session still owns is released at the next Open.
func (db *DB) Close() error {
	db.writer.close()
	db.stop()
	db.running.Wait()
	return db.release()
}

// release closes whatever was opened, the writer last: its close cuts the log.
func (db *DB) release() error {
	var errs []error
	if db.readers != nil {
		errs = append(errs, db.readers.Close())
	}
	if db.check != nil {
		errs = append(errs, db.check.conn.Close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.conn.Close())
	}
	return errors.Join(append(errs, db.lock.Close())...)
}

// Now is database time.
func (db *DB) Now() time.Time { return db.now() }

// Session is the number under which this process owns deliveries; no other process
// has or had the same.
func (db *DB) Session() int64 { return db.session }

// Stats is a snapshot of the writer's counters.
func (db *DB) Stats() Stats { return db.writer.stats() }

// Ping tells whether the database can be read and was writable when it was last
// written.
func (db *DB) Ping(ctx context.Context) error {
	if s := db.Stats(); s.Away {
		return peal.Errorf(peal.CodeUnavailable, "the database cannot be written at the moment")
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
	if errors.Is(context.Cause(ctx), ErrSlowRead) {
		return peal.Wrap(peal.CodeUnavailable, errors.Join(ErrSlowRead, err), "the query took too long; narrow it down")
	}
	return peal.Wrap(peal.CodeUnavailable, err, "the database could not be read")
}

// ErrSlowRead says that a reader took longer than it may.
var ErrSlowRead = errors.New("store: a reader was stopped at its deadline")

// folderError says why the file beside the database could not be made.
func folderError(path string, err error) error {
	dir := filepath.Dir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return peal.Invalid("database", "the database's folder %s does not exist; create it, or choose another database", dir)
	}
	return peal.Errorf(peal.CodeUnavailable, "the database's folder %s cannot be written; its owner must be the user that Peal runs as", dir)
}

// sqlitePath is the file of a database URL.
func sqlitePath(url string) (string, error) {
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return "", peal.Invalid("database", "PostgreSQL is not supported yet; use sqlite:PATH")
	}
	path, ok := strings.CutPrefix(url, "sqlite:")
	path = strings.TrimPrefix(path, "//")
	if !ok || path == "" {
		return "", peal.Invalid("database", "the database must be given as sqlite:PATH")
	}
	return path, nil
}
