package cli

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/peal-dev/peal/internal/app"
	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/telemetry"
)

type serveCmd struct {
	config.Config
}

// Help says how it ends and gives an example.
func (serveCmd) Help() string {
	return `Every flag is also a key of the --config file. SIGTERM and SIGINT stop the server in order: it accepts nothing more, finishes the attempts under way, and exits within 30 seconds; what is left is delivered after the next start.

    peal serve --database sqlite:/var/lib/peal/peal.db --listen 0.0.0.0:8080
    peal serve --config /etc/peal.yaml --log-format json`
}

func (c *serveCmd) Run(ctx context.Context, s Streams, v Version) error {
	log, err := telemetry.NewLogger(s.Err, c.LogFormat, c.LogLevel, secret.IsSensitiveHeader)
	if err != nil {
		return err
	}
	tuneMemory(c.MemoryBudget)
	a, err := app.New(ctx, c.Config, string(v), log)
	if err != nil {
		return err
	}
	if c.AdminKey == "" && a.AdminKey() != "" {
		fmt.Fprintf(s.Err, "\nThis is the admin key that was made. It is not shown again.\n\n    %s\n\n", a.AdminKey())
	}
	return serve(ctx, a, func() { fmt.Fprintf(s.Out, "listening on http://%s\n", a.Addr()) })
}

const (
	// What the server keeps is small beside what it allocates on the way, so the
	// collector may run seldom, as long as the whole stays below the limit: the budget
	// of deliveries, and this for everything else.
	gcPercent  = 400
	restMemory = 128 << 20
)

// tuneMemory sets Go's collector unless its own environment variables do.
func tuneMemory(budget int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(budget) + restMemory)
	}
}

// serve runs the app until ctx is done, and calls ready once it listens.
func serve(ctx context.Context, a *app.App, ready func()) error {
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-a.Ready():
		ready()
		return <-done
	}
}
