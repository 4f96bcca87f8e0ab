//go:build temporal

package app

import (
	"log/slog"

	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/temporal"
	"github.com/peal-dev/peal/internal/workflow"
)

// openTemporal prepares the connections to Temporal, and what closes them.
func openTemporal(cfg config.Config, log *slog.Logger) (workflow.Temporal, func(), error) {
	c, err := temporal.Open(cfg.Temporal, log)
	if err != nil {
		return nil, nil, err
	}
	return c, c.Close, nil
}
