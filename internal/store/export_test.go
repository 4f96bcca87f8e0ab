package store

import (
	"context"
	"fmt"
	"io/fs"
)

// WithMigrations opens with other migrations than the program's.
func (c Config) WithMigrations(files fs.FS) Config {
	c.schema = files
	return c
}

// Migrations are the program's.
func Migrations() fs.FS { return migrations }

// LimitPages makes the disk as small as a number of pages; zero makes it large again.
func (db *DB) LimitPages(ctx context.Context, extra int64) error {
	return db.Write(ctx, func(tx *Tx) error {
		var pages int64 = 1 << 30
		if extra > 0 {
			if err := tx.Query(func(r Row) error {
				pages = r.Int(0) + extra
				return nil
			}, "PRAGMA page_count"); err != nil {
				return err
			}
		}
		return tx.Query(func(Row) error { return nil }, fmt.Sprint("PRAGMA max_page_count = ", pages))
	})
}
