package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/settings"
)

// AuditEntry says who changed what.
type AuditEntry struct {
	ID     int64           `json:"id"`
	Time   time.Time       `json:"time"`
	Actor  string          `json:"actor" example:"key_01h455vb4pex5vsknk084sn02q" doc:"A key's id, a member's address, admin, or system."`
	Action string          `json:"action" example:"endpoint.created"`
	Object string          `json:"object" doc:"The id of what was changed."`
	Detail json.RawMessage `json:"detail" doc:"What else there is to know, or null."`
}

func showAuditEntry(e settings.AuditEntry) AuditEntry {
	return AuditEntry{e.ID, e.Time.UTC(), e.Actor, e.Action, e.Object, orNull(e.Detail)}
}

func (a *api) auditRoutes() {
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-audit", Method: http.MethodGet, Path: "/v1/audit", Tags: []string{"Audit"},
		Summary: "List who changed what",
	}, func(ctx context.Context, who auth.Identity, in *PageQuery) (*body[List[AuditEntry]], error) {
		rows, next, err := a.Settings.Audit(ctx, who.Org, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(rows, next, showAuditEntry), nil
	})
}
