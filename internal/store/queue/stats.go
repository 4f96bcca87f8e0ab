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
	s, _, err := q.series(ctx, since, until, endpointSeries, ep, org)
	return s, err
}

// The series by steps of ?1 minutes.
var (
	endpointSeries = seriesOf("rollup", "endpoint_id = ?4 AND org = ?5")
	orgSeries      = seriesOf("org_minute", "org = ?4")
)

func seriesOf(table, where string) string {
	sums := make([]string, len(counters))
	for i, c := range counters {
		sums[i] = "CAST(sum(" + c + ") AS BIGINT)"
	}
	return "SELECT minute / ?1 * ?1 AS at, " + strings.Join(sums, ", ") + " FROM " + table +
		" WHERE minute >= ?2 AND minute < ?3 AND " + where + " GROUP BY at ORDER BY at"
}

// series runs one of them, whose own arguments are ?4 and on, and gives the sums of all.
func (q *Queue) series(ctx context.Context, since, until time.Time, query string, args ...any) (s peal.Stats, all numbers, err error) {
	step := time.Minute
	if until.Sub(since) > 24*time.Hour {
		step = time.Hour
	}
	s = peal.Stats{Since: since.UTC().Truncate(step), Until: until.UTC(), StepSeconds: int(step / time.Second), Buckets: []peal.Bucket{}}
	if end := s.Until.Truncate(step); end.Before(s.Until) {
		s.Until = end.Add(step)
	}
	args = append([]any{int64(step / time.Minute), s.Since.Unix() / 60, s.Until.Unix() / 60}, args...)
	err = q.rows(ctx, func(scan scanner) error {
		var at int64
		var n numbers
		err := scan(append([]any{&at}, n.pointers(len(n))...)...)
		s.Buckets = append(s.Buckets, peal.Bucket{Start: time.Unix(at*60, 0).UTC(), Counts: n.counts()})
		all.add(&n)
		return err
	}, query, args...)
	s.Total = all.counts()
	return s, all, err
}

// pointers are where the first counters are read to.
func (n *numbers) pointers(count int) []any {
	to := make([]any, count)
	for i := range to {
		to[i] = &n[i]
	}
	return to
}

// counts are the numbers with what follows from them.
func (n *numbers) counts() peal.Counts {
	c := peal.Counts{
		Attempts: int(n[succeeded] + n[failed]), Succeeded: int(n[succeeded]), Failed: int(n[failed]), Dead: int(n[dead]), Dropped: int(n[dropped]),
	}
	if c.Attempts > 0 {
		c.MeanDurationMS = float64(n[duration]) / 1000 / float64(c.Attempts)
	}
	return c
}

// failuresQuery adds up what an org's endpoints counted from a minute up to another, of which
// whole hours were added up before.
const failuresQuery = `SELECT endpoint_id, CAST(sum(succeeded) AS BIGINT), CAST(sum(failed) AS BIGINT) AS failures,
		CAST(sum(dead) AS BIGINT), CAST(sum(dropped) AS BIGINT), CAST(sum(duration) AS BIGINT)
	FROM (SELECT endpoint_id, succeeded, failed, dead, dropped, duration FROM endpoint_hour WHERE org = ?1 AND hour >= ?4 AND hour < ?5
		UNION ALL SELECT endpoint_id, succeeded, failed, dead, dropped, duration FROM rollup WHERE org = ?1 AND minute >= ?2 AND minute < ?6
		UNION ALL SELECT endpoint_id, succeeded, failed, dead, dropped, duration FROM rollup WHERE org = ?1 AND minute >= ?7 AND minute < ?3) AS parts
	GROUP BY endpoint_id ORDER BY failures DESC, endpoint_id LIMIT ?8`

// OrgStats counts what happened at all endpoints of an org, like Stats. Of endpoints
// with failures it lists up to limit.
func (q *Queue) OrgStats(ctx context.Context, org string, since, until time.Time, limit int) (peal.OrgStats, error) {
	s := peal.OrgStats{Endpoints: []peal.EndpointCounts{}}
	var all numbers
	var err error
	if s.Stats, all, err = q.series(ctx, since, until, orgSeries, org); err != nil {
		return s, err
	}
	buckets := [len(peal.DurationBounds) + 1]int{}
	for i := range buckets {
		buckets[i] = int(all[firstDuration+i])
	}
	ms := func(q float64) float64 { return float64(peal.Percentile(buckets, q).Microseconds()) / 1000 }
	s.Latency = peal.Latency{P50: ms(0.5), P95: ms(0.95), P99: ms(0.99)}
	from, to := s.Since.Unix()/60, s.Until.Unix()/60
	firstHour, endHour := (from+minutesPerHour-1)/minutesPerHour, to/minutesPerHour
	before, after := firstHour*minutesPerHour, endHour*minutesPerHour
	if firstHour >= endHour {
		before, after = to, to
	}
	err = q.rows(ctx, func(scan scanner) error {
		var c peal.EndpointCounts
		var n numbers
		err := scan(append([]any{&c.EndpointID}, n.pointers(firstDuration)...)...)
		c.Counts = n.counts()
		s.Endpoints = append(s.Endpoints, c)
		return err
	}, failuresQuery, org, from, to, firstHour, endHour, before, after, limit)
	return s, err
}

const failingSince = `SELECT min(minute) FROM rollup WHERE endpoint_id = ?1 AND failed > 0 AND minute > coalesce(
	(SELECT minute FROM rollup WHERE endpoint_id = ?1 AND succeeded > 0 ORDER BY minute DESC LIMIT 1), -1)`

// FailingSince is the minute in which attempts of an endpoint began to fail after the
// last minute in which one succeeded; zero where none did.
func (q *Queue) FailingSince(ctx context.Context, ep peal.EndpointID) (time.Time, error) {
	var minute sql.NullInt64
	err := q.rows(ctx, func(scan scanner) error { return scan(&minute) },
		failingSince, ep)
	if err != nil || !minute.Valid {
		return time.Time{}, err
	}
	return time.Unix(minute.Int64*60, 0).UTC(), nil
}
