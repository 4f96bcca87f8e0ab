package settings

import (
	"context"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// Store writes configuration. Reading it is the directory's part.
type Store interface {
	// Write applies all of w in one transaction and returns the new configuration
	// version, which all rows of w carry. It fails with peal.CodeConflict where a
	// row's expectation does not hold.
	Write(ctx context.Context, w Write) (int64, error)
	// Audit lists an org's audit entries, newest first, with the next page's cursor.
	Audit(ctx context.Context, org string, p peal.Page) ([]AuditEntry, string, error)
}

// Write is one change of the configuration.
type Write struct {
	Rows   []Put
	Audit  []AuditEntry
	Raised []peal.Raised
}

// Put writes one row (or its tombstone, where Row.Deleted).
type Put struct {
	Row directory.Row
	// Expect is the version that the stored row must have; MustNotExist for a new
	// one (a tombstone counts as not existing).
	Expect int64
}

// MustNotExist is the expectation of a row that is created.
const MustNotExist int64 = 0

// AuditEntry says who changed what.
type AuditEntry struct {
	ID     int64           `json:"id"`
	Time   time.Time       `json:"time"`
	Org    string          `json:"org"`
	Actor  string          `json:"actor"`  // key_…, admin, or system
	Action string          `json:"action"` // endpoint.created, key.rotated, …
	Object string          `json:"object"` // the id of what was changed
	Detail json.RawMessage `json:"detail,omitempty"`
}
