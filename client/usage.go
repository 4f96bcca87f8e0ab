package client

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// UsageRecord is what a gateway used. Amounts are exact decimals as text, such as "0.0125".
type UsageRecord struct {
	// ID is unique in the org: a record that is reported again is not counted again.
	ID string `json:"id,omitempty"`
	// Time is when; zero is now.
	Time  time.Time `json:"time,omitzero"`
	Team  string    `json:"team,omitempty"`
	Key   string    `json:"key,omitempty"`
	Agent string    `json:"agent,omitempty"`
	User  string    `json:"user,omitempty"`
	Route string    `json:"route,omitempty"`
	Model string    `json:"model,omitempty"`
	// Requests are one where nil.
	Requests *int64 `json:"requests,omitempty"`
	Tokens   int64  `json:"tokens,omitempty"`
	Cost     string `json:"cost,omitempty"`
	// Status is an HTTP status, or a word such as error: from 500 on it failed.
	Status string `json:"status,omitempty"`
}

// UsageAccepted is the answer to a report.
type UsageAccepted struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
}

// ReportUsage counts records, all or none: at most 10,000 and 4 MiB. They are durable when it
// returns. Where all have an ID it is repeatable, and repeated after 429 and 503.
func (c *Client) ReportUsage(ctx context.Context, records []UsageRecord) (UsageAccepted, error) {
	var a UsageAccepted
	named := !slices.ContainsFunc(records, func(r UsageRecord) bool { return r.ID == "" })
	err := c.do(ctx, call{method: http.MethodPost, path: join("usage"), body: records, repeatable: named}, &a)
	return a, err
}

// UsageQuery asks for sums of usage.
type UsageQuery struct {
	// By are dimensions: team, key, agent, user, route, model.
	By []string
	// Period divides the time by the org's calendar: hour, day or month; empty is the whole.
	Period string
	// Since is the beginning of the billing month where zero, Until now.
	Since, Until time.Time
}

// UsageSum is a row of a summary, with the dimensions that were asked for.
type UsageSum struct {
	Start    time.Time `json:"start"`
	Team     string    `json:"team,omitempty"`
	Key      string    `json:"key,omitempty"`
	Agent    string    `json:"agent,omitempty"`
	User     string    `json:"user,omitempty"`
	Route    string    `json:"route,omitempty"`
	Model    string    `json:"model,omitempty"`
	Requests int64     `json:"requests"`
	Failed   int64     `json:"failed"`
	Tokens   int64     `json:"tokens"`
	Cost     string    `json:"cost"`
}

// Usage sums usage up: at most 5,000 rows, in the order of time, then of cost.
func (c *Client) Usage(ctx context.Context, q UsageQuery) ([]UsageSum, error) {
	var p page[UsageSum]
	err := c.get(ctx, join("usage", "summary"), values(
		"by", strings.Join(q.By, ","), "period", q.Period, "since", timeText(q.Since), "until", timeText(q.Until),
	), &p)
	return p.Data, err
}
