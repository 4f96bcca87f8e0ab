package client

import (
	"context"
	"time"
)

// Stats counts an endpoint's deliveries over a span.
type Stats struct {
	// Since and Until are the span, widened to whole steps.
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until"`
	StepSeconds int       `json:"step_seconds"`
	Total       Counts    `json:"total"`
	// Buckets are the steps in which anything happened, oldest first.
	Buckets []Bucket `json:"buckets"`
}

// Bucket is one step.
type Bucket struct {
	Start time.Time `json:"start"`
	Counts
}

// Counts is what was counted.
type Counts struct {
	Attempts  int `json:"attempts"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	// Dead and Dropped are deliveries that ended so.
	Dead    int `json:"dead"`
	Dropped int `json:"dropped"`
	// MeanDurationMS is the mean time that an attempt took, in milliseconds.
	MeanDurationMS float64 `json:"mean_duration_ms"`
}

// EndpointStats counts an endpoint's deliveries; a zero since is a day before until,
// a zero until is now.
func (c *Client) EndpointStats(ctx context.Context, id string, since, until time.Time) (Stats, error) {
	var s Stats
	err := c.get(ctx, join("endpoints", id, "stats"), values("since", timeText(since), "until", timeText(until)), &s)
	return s, err
}
