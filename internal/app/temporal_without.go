//go:build !temporal

package app

import (
	"errors"
	"log/slog"

	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/workflow"
)

// openTemporal gives nothing: this build leaves the SDK out, which is a fifth of a
// program that has it (docs/adr/0007-temporal-by-tag.md).
func openTemporal(cfg config.Config, _ *slog.Logger) (workflow.Temporal, func(), error) {
	if len(cfg.Temporal) > 0 {
		return nil, nil, errors.New("temporal: this program was built without Temporal; make build TAGS=temporal builds one that has it")
	}
	return nil, nil, nil
}
