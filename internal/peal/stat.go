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

// DurationBounds are the upper bounds of the buckets in which the times that attempts take
// are counted; one more bucket holds what took longer.
var DurationBounds = [...]time.Duration{
	10 * time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond,
	time.Second, 3 * time.Second, 10 * time.Second,
}

// DurationBucket is the bucket of a time.
func DurationBucket(d time.Duration) int {
	for i, bound := range DurationBounds {
		if d <= bound {
			return i
		}
	}
	return len(DurationBounds)
}

// Percentile estimates, from counts by bucket, the time within which the share q of all
// attempts ended, as if those of a bucket were spread evenly over it; zero without any.
func Percentile(counts [len(DurationBounds) + 1]int, q float64) time.Duration {
	total := 0
	for _, n := range counts {
		total += n
	}
	rank := q * float64(total)
	var below time.Duration
	for i, n := range counts {
		above := peakDuration
		if i < len(DurationBounds) {
			above = DurationBounds[i]
		}
		if n > 0 && rank <= float64(n) {
			return below + time.Duration(rank/float64(n)*float64(above-below))
		}
		rank -= float64(n)
		below = above
	}
	return 0
}

// peakDuration stands for the upper bound of the last bucket, which has none.
const peakDuration = 30 * time.Second

// OrgStats counts what happened at all endpoints of an org over a span of time.
type OrgStats struct {
	Stats
	Latency Latency `json:"latency"`
	// Endpoints are those at which anything happened, those with the most failures first.
	Endpoints []EndpointCounts `json:"endpoints"`
}

// Latency is how long attempts took, estimated from counts by bucket, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
}

// EndpointCounts is the part of one endpoint.
type EndpointCounts struct {
	EndpointID EndpointID `json:"endpoint_id"`
	Counts
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
