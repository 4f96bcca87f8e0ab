package queue

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Stats counts what happened at an endpoint, by minutes, or by hours over more than a
// day.
func (q *Queue) Stats(ctx context.Context, org string, ep peal.EndpointID, since, until time.Time) (peal.Stats, error) {
	return q.series(ctx, since, until, "endpoint_id = ?4 AND org = ?5", ep, org)
}

// series counts by steps what a condition on rollup selects; its arguments are ?4 and on.
func (q *Queue) series(ctx context.Context, since, until time.Time, where string, args ...any) (peal.Stats, error) {
	step := time.Minute
	if until.Sub(since) > 24*time.Hour {
		step = time.Hour
	}
	s := peal.Stats{Since: since.UTC().Truncate(step), Until: until.UTC(), StepSeconds: int(step / time.Second), Buckets: []peal.Bucket{}}
	if end := s.Until.Truncate(step); end.Before(s.Until) {
		s.Until = end.Add(step)
	}
	var total int64
	args = append([]any{int64(step / time.Minute), s.Since.Unix() / 60, s.Until.Unix() / 60}, args...)
	err := q.rows(ctx, func(scan scanner) error {
		var at, duration int64
		var b peal.Bucket
		err := scan(&at, &b.Succeeded, &b.Failed, &b.Dead, &b.Dropped, &duration)
		b.Start = time.Unix(at*60, 0).UTC()
		finish(&b.Counts, duration)
		s.Buckets = append(s.Buckets, b)
		s.Total.Succeeded += b.Succeeded
		s.Total.Failed += b.Failed
		s.Total.Dead += b.Dead
		s.Total.Dropped += b.Dropped
		total += duration
		return err
	}, `SELECT minute / ?1 * ?1 AS at, CAST(sum(succeeded) AS BIGINT), CAST(sum(failed) AS BIGINT),
			CAST(sum(dead) AS BIGINT), CAST(sum(dropped) AS BIGINT), CAST(sum(duration) AS BIGINT) FROM rollup
		WHERE minute >= ?2 AND minute < ?3 AND `+where+` GROUP BY at ORDER BY at`, args...)
	finish(&s.Total, total)
	return s, err
}

// OrgStats counts what happened at all endpoints of an org, like Stats. Of endpoints
// with failures it lists up to limit.
func (q *Queue) OrgStats(ctx context.Context, org string, since, until time.Time, limit int) (peal.OrgStats, error) {
	s := peal.OrgStats{Endpoints: []peal.EndpointCounts{}}
	var err error
	if s.Stats, err = q.series(ctx, since, until, "org = ?4", org); err != nil {
		return s, err
	}
	from, to := s.Since.Unix()/60, s.Until.Unix()/60
	var buckets [len(peal.DurationBounds) + 1]int
	err = q.rows(ctx, func(scan scanner) error {
		to := make([]any, len(buckets))
		for i := range buckets {
			to[i] = &buckets[i]
		}
		return scan(to...)
	}, "SELECT "+durationSums+" FROM rollup WHERE org = ?1 AND minute >= ?2 AND minute < ?3", org, from, to)
	if err != nil {
		return s, err
	}
	ms := func(q float64) float64 { return float64(peal.Percentile(buckets, q).Microseconds()) / 1000 }
	s.Latency = peal.Latency{P50: ms(0.5), P95: ms(0.95), P99: ms(0.99)}
	err = q.rows(ctx, func(scan scanner) error {
		var c peal.EndpointCounts
		var duration int64
		err := scan(&c.EndpointID, &c.Succeeded, &c.Failed, &c.Dead, &c.Dropped, &duration)
		finish(&c.Counts, duration)
		s.Endpoints = append(s.Endpoints, c)
		return err
	}, `SELECT endpoint_id, CAST(sum(succeeded) AS BIGINT), CAST(sum(failed) AS BIGINT) AS failures,
			CAST(sum(dead) AS BIGINT), CAST(sum(dropped) AS BIGINT), CAST(sum(duration) AS BIGINT) FROM rollup
		WHERE org = ?1 AND minute >= ?2 AND minute < ?3
		GROUP BY endpoint_id ORDER BY failures DESC, endpoint_id LIMIT ?4`, org, from, to, limit)
	return s, err
}

// durationSums are the sums of the buckets of durations, the last of the counters.
var durationSums = func() string {
	columns := counters[len(counters)-len(peal.DurationBounds)-1:]
	sums := make([]string, len(columns))
	for i, c := range columns {
		sums[i] = "CAST(coalesce(sum(" + c + "), 0) AS BIGINT)"
	}
	return strings.Join(sums, ", ")
}()

// finish works out what follows from the counters.
func finish(c *peal.Counts, duration int64) {
	c.Attempts = c.Succeeded + c.Failed
	if c.Attempts > 0 {
		c.MeanDurationMS = float64(duration) / 1000 / float64(c.Attempts)
	}
}

// FailingSince is the minute in which attempts of an endpoint began to fail after the
// last minute in which one succeeded; zero where none did.
func (q *Queue) FailingSince(ctx context.Context, ep peal.EndpointID) (time.Time, error) {
	var minute sql.NullInt64
	err := q.rows(ctx, func(scan scanner) error { return scan(&minute) },
		`SELECT min(minute) FROM rollup WHERE endpoint_id = ?1 AND failed > 0 AND minute > coalesce(
			(SELECT minute FROM rollup WHERE endpoint_id = ?1 AND succeeded > 0 ORDER BY minute DESC LIMIT 1), -1)`, ep)
	if err != nil || !minute.Valid {
		return time.Time{}, err
	}
	return time.Unix(minute.Int64*60, 0).UTC(), nil
}
