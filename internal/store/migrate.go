package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strconv"

	"github.com/pressly/goose/v3"

	"github.com/peal-dev/peal/internal/peal"
)

//go:embed migrations
var migrations embed.FS

// Migration is a step of the schema.
type Migration struct {
	Version int64 `json:"version"`
	// Oldest is the version that a program must know at least to run beside it.
	Oldest int64 `json:"oldest"`
}

// Plan is what a migration would do.
type Plan struct {
	Version int64       `json:"version"` // of the database, zero for an empty one
	Pending []Migration `json:"pending"` // oldest first
	// Refused says why it may not be done now: nodes are running that cannot bear it.
	Refused error `json:"-"`
}

// Migrate brings a database up to date and returns the versions that it applied, oldest
// first. On SQLite nobody may have it open; on PostgreSQL it fails with CodeConflict while
// nodes are running that cannot bear a migration.
func Migrate(ctx context.Context, url string) (applied []int64, err error) {
	err = withSchema(ctx, Config{URL: url}, func(s *schema) error {
		applied, err = s.up(ctx)
		return err
	})
	return applied, err
}

// PlanMigration tells what Migrate would do. It makes an empty database where there is
// none.
func PlanMigration(ctx context.Context, url string) (plan Plan, err error) {
	err = withSchema(ctx, Config{URL: url}, func(s *schema) error {
		plan, err = s.plan(ctx)
		return err
	})
	return plan, err
}

func withSchema(ctx context.Context, cfg Config, f func(*schema) error) error {
	dialect, at, err := parseURL(cfg.URL)
	if err != nil {
		return err
	}
	if dialect == PostgreSQL {
		return withPostgres(ctx, at, cfg.files(), f)
	}
	lock, err := lockFile(at)
	if err != nil {
		return err
	}
	return errors.Join(withSQLite(at, cfg.files(), f), lock.Close())
}

// withSQLite runs f on a file that nobody else has open.
func withSQLite(at string, files fs.FS, f func(*schema) error) error {
	// The database holds sealed secrets; its log inherits the file's mode.
	file, err := os.OpenFile(at, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return peal.Wrap(peal.CodeUnavailable, err, "the database file cannot be opened")
	}
	if err := file.Close(); err != nil {
		return peal.Wrap(peal.CodeUnavailable, err, "the database file cannot be opened")
	}
	pool, err := openPool(at, writerPragmas, 1)
	if err != nil {
		return err
	}
	s, err := newSchema(SQLite, pool, files)
	if err == nil {
		err = f(s)
	}
	return errors.Join(err, pool.Close())
}

func up(ctx context.Context) func(*schema) error {
	return func(s *schema) error {
		_, err := s.up(ctx)
		return err
	}
}

// schema is a database on whose schema nobody else works meanwhile.
type schema struct {
	dialect  Dialect
	pool     *sql.DB
	provider *goose.Provider
	all      []Migration // that the program knows, oldest first
}

func newSchema(d Dialect, pool *sql.DB, files fs.FS) (*schema, error) {
	all, err := knownMigrations(files, d)
	if err != nil {
		return nil, err
	}
	kind := goose.DialectSQLite3
	if d == PostgreSQL {
		kind = goose.DialectPostgres
	}
	sub, err := fs.Sub(files, folders[d])
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(kind, pool, sub, goose.WithDisableGlobalRegistry(true))
	return &schema{dialect: d, pool: pool, provider: provider, all: all}, err
}

var folders = map[Dialect]string{SQLite: "migrations/sqlite", PostgreSQL: "migrations/postgres"}

// oldestLine is how a migration says which programs can bear it.
var oldestLine = regexp.MustCompile(`(?m)^-- Programs from version (\d+) on can bear this\.$`)

// knownMigrations reads them. One that does not say who can bear it can be borne by those
// who know it.
func knownMigrations(files fs.FS, d Dialect) ([]Migration, error) {
	names, err := fs.Glob(files, path.Join(folders[d], "*.sql"))
	if err != nil {
		return nil, err
	}
	var all []Migration
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		m := Migration{version, version}
		if said := oldestLine.FindSubmatch(text); said != nil {
			if m.Oldest, err = strconv.ParseInt(string(said[1]), 10, 64); err != nil {
				return nil, err
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// newest is the version that the program knows.
func newest(all []Migration) int64 { return all[len(all)-1].Version }

func (s *schema) plan(ctx context.Context) (Plan, error) {
	current, _, err := s.provider.GetVersions(ctx)
	if err != nil {
		return Plan{}, peal.Wrap(peal.CodeUnavailable, err, "the database's version cannot be read; is it a database of Peal?")
	}
	plan := Plan{Version: current}
	for _, m := range s.all {
		if m.Version > current {
			plan.Pending = append(plan.Pending, m)
		}
	}
	if current > newest(s.all) {
		return plan, s.bear(ctx, current)
	}
	if current > 0 && len(plan.Pending) > 0 && s.dialect == PostgreSQL {
		plan.Refused, err = s.borne(ctx, plan.Pending)
	}
	return plan, err
}

func (s *schema) up(ctx context.Context) (applied []int64, err error) {
	plan, err := s.plan(ctx)
	if err = errors.Join(err, plan.Refused); err != nil {
		return nil, err
	}
	if len(plan.Pending) > 0 {
		results, err := s.provider.Up(ctx)
		for _, r := range results {
			applied = append(applied, r.Source.Version)
		}
		if err != nil {
			return applied, peal.Wrap(peal.CodeUnavailable, err, "the database could not be brought up to date")
		}
	}
	// Those who do not have the files read it there.
	return applied, s.noteCompat(ctx)
}
