package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// minAnswerFor is what an answer may take however often the heart beats.
const minAnswerFor = time.Second

// defaultHeartbeat is how often a session says that it lives.
const defaultHeartbeat = 2 * time.Second

// session is the process among the nodes of one database: a number that is never used
// again, under which it owns deliveries for as long as its heart beats.
type session struct {
	log  *slog.Logger
	beat time.Duration
	// schema is the newest version of the database that the program knows.
	schema int64
	// patience keeps the server from waiting for a stalled process.
	patience string
	// wake makes the writer look at a lost session.
	wake func()

	mu    sync.Mutex
	id    int64
	lost  bool
	tried time.Time
	// sent is when the last heartbeat that was answered was sent, steady when the row
	// of answered ones began that still goes on.
	sent, steady time.Time
	// at is the database's time when read was the process's.
	at, read time.Time
	hooks    []func()
}

func newSession(log *slog.Logger, beat time.Duration) *session {
	if beat == 0 {
		beat = defaultHeartbeat
	}
	return &session{
		log: log, beat: beat, wake: func() {},
		patience: fmt.Sprintf("SET LOCAL idle_in_transaction_session_timeout = %d", (5 * beat / 2).Milliseconds()),
	}
}

// startFor is how long after its last good heartbeat a session starts attempts, goOnFor
// how long those go on that must not overlap with others', and deadAfter when others take
// it for dead.
func (s *session) startFor() time.Duration  { return 3 * s.beat }
func (s *session) goOnFor() time.Duration   { return 7 * s.beat / 2 }
func (s *session) deadAfter() time.Duration { return 4 * s.beat }

// answerFor bounds a heartbeat, so that there is time for another by a new connection.
func (s *session) answerFor() time.Duration { return max(s.beat, minAnswerFor) }

const clock = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

// start takes a number.
func (s *session) start(c *pgConn) error {
	sent := time.Now()
	s.mu.Lock()
	s.tried = sent
	s.mu.Unlock()
	return c.query(`WITH s AS (INSERT INTO session (started_at, heartbeat_at, schema) VALUES (clock_timestamp(), clock_timestamp(), ?) RETURNING id),
			t AS (INSERT INTO session_turn (session, turn) SELECT id, 0 FROM s)
		SELECT id, `+clock+` FROM s`, []any{s.schema}, func(r Row) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.id, s.lost = r.Int(0), false
		s.answered(sent, r.Int(1))
		return nil
	})
}

// answered notes a heartbeat. The mutex is held.
func (s *session) answered(sent time.Time, micros int64) {
	if sent.Sub(s.sent) > 2*s.beat {
		s.steady = sent
	}
	s.sent = sent
	s.read = time.Now()
	s.at = FromMicros(micros).Add(s.read.Sub(sent) / 2)
}

// pulse is one heartbeat.
func (s *session) pulse(c *pgConn) error {
	if err := c.open(); err != nil {
		return err
	}
	id, sent, alive := s.number(), time.Now(), false
	err := c.query("UPDATE session SET heartbeat_at = clock_timestamp() WHERE id = ? AND NOT reaped RETURNING "+clock,
		[]any{id}, func(r Row) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if alive = true; s.id == id {
				s.answered(sent, r.Int(0))
			}
			return nil
		})
	if err == nil && !alive {
		s.lose(id)
	}
	return err
}

// run beats until ctx is done, and buries the sessions that do not.
func (s *session) run(ctx context.Context, c *pgConn) {
	tick := time.NewTicker(s.beat)
	defer tick.Stop()
	failing := false
	var burying sync.WaitGroup
	defer burying.Wait()
	var atIt atomic.Bool
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.pulse(c)
		var dead []int64
		if err == nil && s.isSteady() {
			dead, err = s.dead(c)
		}
		if len(dead) > 0 && atIt.CompareAndSwap(false, true) {
			burying.Go(func() {
				defer atIt.Store(false)
				own := &pgConn{hosts: c.hosts, dollars: c.dollars, timeout: s.startFor()}
				if err := s.bury(ctx, own, dead); err != nil && ctx.Err() == nil {
					s.log.Warn("what a dead session owned could not be released; trying on", "error", err)
				}
			})
		}
		if err != nil && !failing {
			s.log.Warn("the session's heartbeat failed; trying on", "error", err)
		}
		if failing = err != nil; failing {
			tick.Reset(s.beat / 8)
		} else {
			tick.Reset(s.beat)
		}
		if s.isLost() {
			s.wake()
		}
	}
}

func (s *session) number() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// lose notes that others took the session for dead.
func (s *session) lose(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id == id && !s.lost {
		s.log.Warn("other nodes took this one for dead; it starts over with a new session", "session", id)
		s.lost = true
	}
}

func (s *session) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

func (s *session) triedAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried
}

// isSteady tells whether the session has beaten for so long that all who live must have
// had the time to.
func (s *session) isSteady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.lost && s.sent.Sub(s.steady) >= s.deadAfter()
}

func (s *session) mayStart() bool { return s.certain(s.startFor()) }

func (s *session) mayGoOn() bool { return s.certain(s.goOnFor()) }

// certain tells whether the last good heartbeat is not older than that.
func (s *session) certain(age time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.lost && time.Since(s.sent) <= age
}

// now is the database's time, whatever the process's clock says.
func (s *session) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at.Add(time.Since(s.read))
}

func (s *session) onNew(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, f)
}

// tell calls who wants to know of a new session.
func (s *session) tell() {
	s.mu.Lock()
	hooks := s.hooks[:len(s.hooks):len(s.hooks)]
	s.mu.Unlock()
	for _, f := range hooks {
		f()
	}
}
