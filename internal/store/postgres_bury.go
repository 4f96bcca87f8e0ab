package store

import (
	"context"
	"errors"
	"time"
)

const (
	// releaseChunk is how many deliveries of a dead session are released at a time.
	releaseChunk = 2000
	// buriedFor is how long a dead session is remembered, for a process that asks later
	// what became of its last transaction.
	buriedFor = time.Hour
)

// dead gives the sessions that no longer beat and may still own something.
func (s *session) dead(c *pgConn) (dead []int64, err error) {
	err = c.query("SELECT id FROM session WHERE NOT released AND (reaped OR heartbeat_at < clock_timestamp() - ? * interval '1 microsecond')",
		[]any{s.deadAfter().Microseconds()}, func(r Row) error {
			dead = append(dead, r.Int(0))
			return nil
		})
	return dead, err
}

// bury releases what dead sessions own. Several nodes may do it at once. It can take
// longer than a heartbeat may wait, and so has a connection for itself.
func (s *session) bury(ctx context.Context, c *pgConn, dead []int64) error {
	err := c.open()
	for i := 0; i < len(dead) && err == nil && ctx.Err() == nil; i++ {
		err = s.buryOne(c, dead[i])
	}
	if err == nil {
		_, err = c.exec(`WITH old AS (DELETE FROM session WHERE released AND heartbeat_at < clock_timestamp() - ? * interval '1 microsecond' RETURNING id)
			DELETE FROM session_turn WHERE session IN (SELECT id FROM old)`, []any{buriedFor.Microseconds()})
	}
	return errors.Join(err, c.Close())
}

func (s *session) buryOne(c *pgConn, id int64) error {
	n, err := c.exec("UPDATE session SET reaped = true WHERE id = ? AND (reaped OR heartbeat_at < clock_timestamp() - ? * interval '1 microsecond')",
		[]any{id, s.deadAfter().Microseconds()})
	if err != nil || n == 0 {
		return err
	}
	s.log.Info("a session is dead; what it owned is released", "session", id)
	return release(c, id)
}

// release fences a session that is marked as reaped and gives up what it owns. Rows that
// others have locked are left for the next time.
func release(c *pgConn, id int64) error {
	// This waits for the transaction that the session may have under way.
	if _, err := c.exec("UPDATE session_turn SET closed = true WHERE session = ? AND NOT closed", []any{id}); err != nil {
		return err
	}
	org, last := "", []byte{}
	for {
		n := 0
		err := c.query(`WITH mine AS (
				SELECT org, id FROM live WHERE (org, id) > (?1, ?2) AND owner = ?3 ORDER BY org, id LIMIT ?4 FOR UPDATE SKIP LOCKED
			), freed AS (
				UPDATE live SET owner = NULL FROM mine WHERE live.org = mine.org AND live.id = mine.id
			)
			SELECT org, id FROM mine ORDER BY org, id`,
			[]any{org, last, id, int64(releaseChunk)}, func(r Row) error {
				org, last = r.Text(0), r.Blob(1)
				n++
				return nil
			})
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	// A node holds a few thousand executions at the most.
	if _, err := c.exec("UPDATE execution SET owner = NULL WHERE finished_at = 0 AND owner = ?", []any{id}); err != nil {
		return err
	}
	// Lanes go last: whoever takes one over finds all that waits in it.
	_, err := c.exec(`WITH ended AS (
			UPDATE session SET released = true WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM live WHERE owner = ?1) RETURNING id
		)
		DELETE FROM lane_owner WHERE session IN (SELECT id FROM ended)`, []any{id})
	return err
}
