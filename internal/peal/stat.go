package peal

import "time"

// Stats counts what happened at one endpoint over a span of time.
type Stats struct {
	// Since and Until are the span, widened to whole steps.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// StepSeconds is the length of a bucket: 60, or 3600 for more than a day.
	StepSeconds int    `json:"step_seconds"`
	Total       Counts `json:"total"`
	// Buckets are those in which anything happened, oldest first.
	Buckets []Bucket `json:"buckets"`
}

// Bucket is one step of Stats.
type Bucket struct {
	Start time.Time `json:"start"`
	Counts
}

// Counts is what was counted. Attempts are the succeeded and the failed ones;
// deliveries end as one succeeded attempt, dead or dropped.
type Counts struct {
	Attempts  int `json:"attempts"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Dead      int `json:"dead"`
	Dropped   int `json:"dropped"`
	// MeanDurationMS is the mean time that an attempt took, in milliseconds.
	MeanDurationMS float64 `json:"mean_duration_ms"`
}
