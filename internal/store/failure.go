package store

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/peal-dev/peal/internal/peal"
)

// ErrCollided makes a transaction run again: what it read was changed by another node.
var ErrCollided = errors.New("store: another node was in the way")

// failure is what an error of the database means for the work that met it.
type failure int

const (
	// refused: the row is at fault, and its transaction can go on without it.
	refused failure = iota
	// collided: another node was in the way; the same transaction may pass at once.
	collided
	// away: the database is at fault; the same work may pass later.
	away
)

func classify(err error) failure {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	var lost *lostError
	switch {
	case errors.Is(err, ErrCollided) || errors.Is(err, errNotCommitted) || errors.Is(err, errFenced):
		return collided
	case errors.As(err, &lost):
		return away
	case errors.As(err, &lite):
		return classifySQLite(lite.Code())
	case errors.As(err, &pg):
		return classifyPostgres(pg.Code)
	}
	return refused
}

func classifySQLite(code int) failure {
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB:
		return away
	}
	return refused
}

// classifyPostgres goes by the classes of SQLSTATE: 40 is a deadlock or the like, 08, 53,
// 57, 58 and XX are about the server, and 25006 and 55 about its state.
func classifyPostgres(code string) failure {
	switch {
	case strings.HasPrefix(code, "40"):
		return collided
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "25"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "55"),
		strings.HasPrefix(code, "57"), strings.HasPrefix(code, "58"), strings.HasPrefix(code, "XX"):
		return away
	}
	return refused
}

// isMissingPartition: a check that failed without a constraint's name is a row that has
// none, since another node dropped it.
func isMissingPartition(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == checkViolation && pg.ConstraintName == ""
}

// isLocked tells that a lock was not to be had in time, or that the wait was one in a circle.
func isLocked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == lockNotAvailable || pg.Code == deadlock)
}

// The SQLSTATEs.
const (
	checkViolation   = "23514"
	lockNotAvailable = "55P03"
	deadlock         = "40P01"
)

// safe is the error to tell those who wait, with the database's words behind it.
func safe(err error) error {
	var known *peal.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case classify(err) != refused:
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return peal.Wrap(peal.CodeUnavailable, err, "the request was given up before the database was asked")
	default:
		return peal.Wrap(peal.CodeInternal, err, "the database refused the write")
	}
	message := "the database cannot be written at the moment"
	if isFull(err) {
		message = "the database has no space left"
	}
	return &peal.Error{Code: peal.CodeUnavailable, Message: message, RetryAfter: retryAfter, Err: err}
}

// diskFull is the SQLSTATE.
const diskFull = "53100"

func isFull(err error) bool {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_FULL ||
		errors.As(err, &pg) && pg.Code == diskFull || strings.Contains(err.Error(), "no space left")
}
