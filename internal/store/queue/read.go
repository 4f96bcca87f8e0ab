package queue

import (
	"context"
	"database/sql"
	"errors"

	"github.com/peal-dev/peal/internal/store"
)

type scanner func(dest ...any) error

// errEnough ends a walk over rows without failing it.
var errEnough = errors.New("enough")

// rows runs a query on a reader and hands each row to f until there are no more or f
// says errEnough.
func (q *Queue) rows(ctx context.Context, f func(scanner) error, query string, args ...any) error {
	return q.db.Read(ctx, func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		for rows.Next() {
			if err = f(rows.Scan); err != nil {
				break
			}
		}
		if errors.Is(err, errEnough) {
			err = nil
		}
		return errors.Join(err, rows.Err(), rows.Close())
	})
}

// each is rows inside a transaction of the writer.
func each(tx *store.Tx, f func(store.Row) error, query string, args ...any) error {
	err := tx.Query(f, query, args...)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
