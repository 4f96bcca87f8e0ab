package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/peal-dev/peal/internal/peal"
)

// readerConns is how many queries run beside the writer.
const readerConns = 4

// sqliteEngine is a database in a file, of which this process is the only user.
type sqliteEngine struct {
	lock    *os.File
	writing *conn
	check   *checkpointer
	number  int64
	clock   func() time.Time
}

// openSQLite fails with CodeConflict where another process has the database open.
func openSQLite(ctx context.Context, db *DB, path string, open Config) error {
	lock, err := lockFile(path)
	if err != nil {
		return err
	}
	e := &sqliteEngine{lock: lock, clock: open.Now}
	db.engine = e
	if err := withSQLite(path, open.files(), up(ctx)); err != nil {
		return err
	}
	writing, err := connect(ctx, path, writerPragmas)
	if err != nil {
		return err
	}
	e.writing = writing
	db.writer = newWriter(writing, db.log)
	if db.readers, err = openPool(path, readerPragmas, readerConns); err != nil {
		return err
	}
	checking, err := connect(ctx, path, checkPragmas)
	if err != nil {
		return err
	}
	e.check = &checkpointer{conn: checking, writing: writing, writer: db.writer, log: db.log}
	db.writer.rest = e.check.restart
	e.number, err = startSession(&Tx{writing})
	return err
}

func (e *sqliteEngine) now() time.Time { return e.clock() }

func (e *sqliteEngine) session() int64 { return e.number }

// mayStart: the lock on the file is held for as long as the process lives.
func (e *sqliteEngine) mayStart() bool { return true }

func (e *sqliteEngine) mayGoOn() bool { return true }

// onNewSession: there is none.
func (e *sqliteEngine) onNewSession(func()) {}

func (e *sqliteEngine) run(ctx context.Context) { e.check.run(ctx) }

// leave: what the session still owns is released when the next one starts.
func (e *sqliteEngine) leave() error { return nil }

// close closes the writer's connection last, which cuts the log.
func (e *sqliteEngine) close() error {
	var errs []error
	if e.check != nil {
		errs = append(errs, e.check.conn.Close())
	}
	if e.writing != nil {
		errs = append(errs, e.writing.Close())
	}
	return errors.Join(append(errs, e.lock.Close())...)
}

// Checkpoints are run by hand, so that no commit pays for one; memory is bounded by
// the page caches, since mapped files would count as resident too.
var (
	commonPragmas = []string{"journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint(0)", "temp_store(memory)", "mmap_size(0)", "trusted_schema(off)"}
	writerPragmas = []string{"busy_timeout(100)", "cache_size(-32768)"}
	checkPragmas  = []string{"busy_timeout(0)", "cache_size(-256)"}
	readerPragmas = []string{"busy_timeout(1000)", "cache_size(-8192)", "query_only(on)"}
)

func openPool(path string, pragmas []string, conns int) (*sql.DB, error) {
	query := url.Values{"_pragma": append(commonPragmas[:len(commonPragmas):len(commonPragmas)], pragmas...)}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+query.Encode())
	if err != nil {
		return nil, peal.Wrap(peal.CodeUnavailable, err, "the database could not be opened")
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// folderError says why the file beside the database could not be made.
func folderError(path string, err error) error {
	dir := filepath.Dir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return peal.Invalid("database", "the database's folder %s does not exist; create it, or choose another database", dir)
	}
	return peal.Errorf(peal.CodeUnavailable, "the database's folder %s cannot be written; its owner must be the user that Peal runs as", dir)
}
