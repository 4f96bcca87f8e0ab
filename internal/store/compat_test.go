package store_test

import (
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// later are the program's migrations with more behind them, which say what they are given.
func later(t *testing.T, says ...string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(store.Migrations(), "migrations", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(store.Migrations(), path)
		files[path] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, said := range says {
		for _, folder := range []string{"sqlite", "postgres"} {
			name := "migrations/" + folder + "/9000" + string(rune('1'+i)) + "_next.sql"
			files[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + said + "\nCREATE TABLE next" + string(rune('1'+i)) + " (id bigint);\n")}
		}
	}
	return files
}

func configOf(url string) store.Config {
	return store.Config{URL: url, Log: slog.New(slog.DiscardHandler), Now: time.Now}
}

func openWith(t *testing.T, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func wantRefused(t *testing.T, cfg store.Config, words ...string) {
	t.Helper()
	db, err := store.Open(t.Context(), cfg)
	if err == nil {
		closeDB(t, db)
	}
	if peal.CodeOf(err) != peal.CodeConflict {
		t.Fatalf("got %v, want a conflict", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

const bearable = "-- Programs from version 1 on can bear this."

// A program runs on a schema that is newer than it knows where that says so.
func TestNewerSchema(t *testing.T) {
	for name, url := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "peal.db"), "postgres": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			cfg := configOf(url)
			closeDB(t, openWith(t, cfg))
			closeDB(t, openWith(t, cfg.WithMigrations(later(t, bearable))))
			closeDB(t, openWith(t, cfg))
			closeDB(t, openWith(t, cfg.WithMigrations(later(t, bearable, "-- It says nothing."))))
			wantRefused(t, cfg, "version 90002", "install")
			wantRefused(t, cfg.WithMigrations(later(t, bearable)), "version 90002", "this one knows 90001")
			closeDB(t, openWith(t, cfg.WithMigrations(later(t, bearable, ""))))
		})
	}
}

// A migration that a running node cannot bear waits until that has ended.
func TestMigrationBesideOlderNodes(t *testing.T) {
	t.Parallel()
	cfg := configOf(storetest.Postgres(t))
	old := openWith(t, cfg)
	next := cfg.WithMigrations(later(t, bearable))
	beside := openWith(t, next) // both run
	if old.Session() == beside.Session() {
		t.Error("two nodes share a session")
	}
	breaking := cfg.WithMigrations(later(t, bearable, ""))
	wantRefused(t, breaking, "migration 90002", "2 such are running", "stop them")
	closeDB(t, old)
	closeDB(t, beside)
	closeDB(t, openWith(t, breaking))
	plan, err := store.PlanMigration(t.Context(), cfg.URL)
	if peal.CodeOf(err) != peal.CodeConflict || plan.Version != 90002 {
		t.Errorf("the plan of an older program: %+v, %v", plan, err)
	}
}
