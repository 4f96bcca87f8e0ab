package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/peal-dev/peal/internal/peal"
)

const readerConns = 4

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

// failure is what an error of the database means for the work that met it.
type failure int

const (
	// refused: the row is at fault, and its transaction can go on without it.
	refused failure = iota
	// away: the database is at fault; the same work may pass later.
	away
)

func classify(err error) failure {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return refused
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB:
		return away
	}
	return refused
}

// safe is the error to tell those who wait, with the database's words behind it.
func safe(err error) error {
	var known *peal.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return peal.Wrap(peal.CodeUnavailable, err, "the request was given up before the database was asked")
	case classify(err) == refused:
		return peal.Wrap(peal.CodeInternal, err, "the database refused the write")
	}
	message := "the database cannot be written at the moment"
	if isFull(err) {
		message = "the database has no space left"
	}
	return &peal.Error{Code: peal.CodeUnavailable, Message: message, RetryAfter: retryAfter, Err: err}
}

func isFull(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL || strings.Contains(err.Error(), "no space left")
}
