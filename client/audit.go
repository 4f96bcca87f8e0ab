package client

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// AuditEntry says who changed what.
type AuditEntry struct {
	ID     int64           `json:"id"`
	Time   time.Time       `json:"time"`
	Actor  string          `json:"actor"`  // a key's id, admin, or system
	Action string          `json:"action"` // endpoint.created, key.rotated, …
	Object string          `json:"object"` // the id of what was changed
	Detail json.RawMessage `json:"detail,omitempty"`
}

// Audit lists the org's changes, newest first.
func (c *Client) Audit(ctx context.Context) iter.Seq2[AuditEntry, error] {
	return list[AuditEntry](ctx, c, join("audit"), nil)
}
