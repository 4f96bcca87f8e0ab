package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// maxCounted is how many endpoints an org's counts name.
const maxCounted = 100

// span is the range, the last 24 hours unless it says otherwise.
func (t TimeRange) span(now time.Time) (since, until time.Time) {
	since, until = t.Since, t.Until
	if until.IsZero() {
		until = now
	}
	if since.IsZero() {
		since = until.Add(-24 * time.Hour)
	}
	return since, until
}

func (a *api) statsRoutes() {
	register(a, peal.Viewer, huma.Operation{
		OperationID: "stats", Method: http.MethodGet, Path: "/v1/stats", Tags: []string{"Deliveries"},
		Summary: "Count the org's deliveries", Description: "Over the last 24 hours, unless since or until say otherwise. The 100 endpoints with the most failures are named, those come first.",
	}, func(ctx context.Context, who auth.Identity, in *TimeRange) (*body[peal.OrgStats], error) {
		since, until := in.span(a.Now())
		return answer(a.Deliveries.OrgStats(ctx, who.Org, since, until, maxCounted))
	})
}
