package cli

import (
	"context"
	"fmt"

	"github.com/peal-dev/peal/internal/store"
)

type migrateCmd struct {
	Database string `default:"sqlite:peal.db" env:"PEAL_DATABASE" placeholder:"URL" help:"sqlite:FILE or postgres://…"`
	format
}

// Help says when it is needed.
func (migrateCmd) Help() string {
	return `The server does this by itself when it starts. The command is for doing it beforehand; on SQLite, while no server has the database open.`
}

func (c *migrateCmd) Run(ctx context.Context, s Streams) error {
	applied, err := store.Migrate(ctx, c.Database)
	if err != nil {
		return err
	}
	if c.json() {
		return writeJSON(s.Out, map[string]any{"applied": append([]int64{}, applied...)})
	}
	if len(applied) == 0 {
		_, err = fmt.Fprintln(s.Out, "The database is up to date.")
		return err
	}
	_, err = fmt.Fprintf(s.Out, "Applied %d migrations; the database has version %d.\n", len(applied), applied[len(applied)-1])
	return err
}
