package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"os"

	"github.com/pressly/goose/v3"

	"github.com/peal-dev/peal/internal/peal"
)

//go:embed migrations
var migrations embed.FS

// Migrate brings a database up to date and returns the versions that it applied, oldest
// first. On SQLite nobody may have it open.
func Migrate(ctx context.Context, url string) ([]int64, error) {
	dialect, at, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	if dialect == PostgreSQL {
		return migratePostgres(ctx, at)
	}
	lock, err := lockFile(at)
	if err != nil {
		return nil, err
	}
	applied, err := migrateSQLite(ctx, at)
	return applied, errors.Join(err, lock.Close())
}

func migrateSQLite(ctx context.Context, path string) (applied []int64, err error) {
	// The database holds sealed secrets; its log inherits the file's mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, peal.Wrap(peal.CodeUnavailable, err, "the database file cannot be opened")
	}
	if err := f.Close(); err != nil {
		return nil, peal.Wrap(peal.CodeUnavailable, err, "the database file cannot be opened")
	}
	pool, err := openPool(path, writerPragmas, 1)
	if err != nil {
		return nil, err
	}
	applied, err = migrate(ctx, goose.DialectSQLite3, pool, "migrations/sqlite")
	return applied, errors.Join(err, pool.Close())
}

func migrate(ctx context.Context, dialect goose.Dialect, pool *sql.DB, folder string) (applied []int64, err error) {
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(dialect, pool, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, err
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return nil, peal.Wrap(peal.CodeUnavailable, err, "the database's version cannot be read; is it a database of Peal?")
	}
	if current > newest {
		return nil, peal.Errorf(peal.CodeConflict, "the database has version %d, this program knows %d: it was used by a newer Peal", current, newest)
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		applied = append(applied, r.Source.Version)
	}
	if err != nil {
		return applied, peal.Wrap(peal.CodeUnavailable, err, "the database could not be brought up to date")
	}
	return applied, nil
}
