package store

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"os"

	"github.com/pressly/goose/v3"

	"github.com/peal-dev/peal/internal/peal"
)

//go:embed migrations
var migrations embed.FS

// Migrate brings a database that nobody has open up to date and returns the versions
// that it applied, oldest first.
func Migrate(ctx context.Context, url string) ([]int64, error) {
	path, err := sqlitePath(url)
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	applied, err := migrate(ctx, path)
	return applied, errors.Join(err, lock.Close())
}

func migrate(ctx context.Context, path string) (applied []int64, err error) {
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
	defer func() { err = errors.Join(err, pool.Close()) }()
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return nil, err
	}
	goose, err := goose.NewProvider(goose.DialectSQLite3, pool, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, err
	}
	current, newest, err := goose.GetVersions(ctx)
	if err != nil {
		return nil, peal.Wrap(peal.CodeUnavailable, err, "the database's version cannot be read; is it a database of Peal?")
	}
	if current > newest {
		return nil, peal.Errorf(peal.CodeConflict, "the database has version %d, this program knows %d: it was used by a newer Peal", current, newest)
	}
	results, err := goose.Up(ctx)
	for _, r := range results {
		applied = append(applied, r.Source.Version)
	}
	if err != nil {
		return applied, peal.Wrap(peal.CodeUnavailable, err, "the database could not be brought up to date")
	}
	return applied, nil
}
