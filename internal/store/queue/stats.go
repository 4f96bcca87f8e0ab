package queue

import (
	"context"
	"database/sql"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Stats counts what happened at an endpoint, by minutes, or by hours over more than a
// day.
func (q *Queue) Stats(ctx context.Context, org string, ep peal.EndpointID, since, until time.Time) (peal.Stats, error) {
	step := time.Minute
	if until.Sub(since) > 24*time.Hour {
		step = time.Hour
	}
	s := peal.Stats{Since: since.UTC().Truncate(step), Until: until.UTC(), StepSeconds: int(step / time.Second), Buckets: []peal.Bucket{}}
	if end := s.Until.Truncate(step); end.Before(s.Until) {
		s.Until = end.Add(step)
	}
	var total int64
	minutes := int64(step / time.Minute)
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
		WHERE endpoint_id = ?2 AND org = ?3 AND minute >= ?4 AND minute < ?5 GROUP BY at ORDER BY at`,
		minutes, ep, org, s.Since.Unix()/60, s.Until.Unix()/60)
	finish(&s.Total, total)
	return s, err
}

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
