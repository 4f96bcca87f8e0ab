package cli

import (
	"context"
	"fmt"

	"github.com/peal-dev/peal/internal/store"
)

type migrateCmd struct {
	Database string `default:"sqlite:peal.db" env:"PEAL_DATABASE" placeholder:"URL" help:"sqlite:FILE or postgres://…"`
	Plan     bool   `help:"Show what there is to apply, and whether the running nodes can bear it."`
	format
}

// Help says when it is needed.
func (migrateCmd) Help() string {
	return `The server does this by itself when it starts. The command is for doing it beforehand; on SQLite, while no server has the database open.
On PostgreSQL, nodes of the version before may go on running where they can bear what is applied; else it is refused while they do.`
}

func (c *migrateCmd) Run(ctx context.Context, s Streams) error {
	if c.Plan {
		return c.plan(ctx, s)
	}
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

// plan says what Run would do.
func (c *migrateCmd) plan(ctx context.Context, s Streams) error {
	plan, err := store.PlanMigration(ctx, c.Database)
	if err != nil {
		return err
	}
	refused := ""
	if plan.Refused != nil {
		refused = plan.Refused.Error()
	}
	if c.json() {
		return writeJSON(s.Out, map[string]any{"version": plan.Version, "pending": append([]store.Migration{}, plan.Pending...), "refused": refused})
	}
	if _, err := fmt.Fprintf(s.Out, "The database has version %d; %d migrations are to be applied.\n", plan.Version, len(plan.Pending)); err != nil {
		return err
	}
	for _, m := range plan.Pending {
		if _, err := fmt.Fprintf(s.Out, "Migration %d can be borne by programs that know version %d or later.\n", m.Version, m.Oldest); err != nil {
			return err
		}
	}
	if refused != "" {
		_, err = fmt.Fprintf(s.Out, "It would be refused now: %s.\n", refused)
	}
	return err
}
