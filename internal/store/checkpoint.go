package store

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	checkpointPause = 250 * time.Millisecond
	// logFrame is a page in the log with its header.
	logFrame = 4096 + 24
	// maxLog is the size of the log at which the writer itself cuts it.
	maxLog = 64 << 20
)

// checkpointer copies the log into the database beside the writer, without ever
// making it wait.
type checkpointer struct {
	conn *conn
	// writing is the writer's connection.
	writing *conn
	writer  *writer
	log     *slog.Logger

	busy        sync.Mutex
	lastRestart time.Time
}

func (c *checkpointer) run(ctx context.Context) {
	tick := time.NewTicker(checkpointPause)
	defer tick.Stop()
	var seen int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n := c.writer.transactions.Load(); n != seen {
			seen = n
			c.checkpoint()
		}
	}
}

func (c *checkpointer) checkpoint() {
	c.busy.Lock()
	defer c.busy.Unlock()
	_, frames, err := checkpoint(c.conn, "PASSIVE")
	if err != nil {
		c.log.Warn("the database's log could not be copied", "error", err)
		return
	}
	c.writer.logBytes.Store(frames * logFrame)
}

// restart copies the rest of a log that has grown too long into the database, between
// two transactions of the writer, so that the next one writes it from its start.
func (c *checkpointer) restart() {
	if c.writer.logBytes.Load() < maxLog || time.Since(c.lastRestart) < idlePause || !c.busy.TryLock() {
		return
	}
	defer c.busy.Unlock()
	c.lastRestart = time.Now()
	busy, _, err := checkpoint(c.writing, "RESTART")
	switch {
	case err != nil:
		c.log.Warn("the database's log could not be cut", "error", err)
	case !busy:
		c.writer.logBytes.Store(0)
	}
}

// checkpoint tells whether others kept it from finishing and how long the log is.
func checkpoint(c *conn, mode string) (busy bool, frames int64, err error) {
	err = c.query("PRAGMA wal_checkpoint("+mode+")", nil, func(r Row) error {
		busy, frames = r.Int(0) != 0, r.Int(1)
		return nil
	})
	return busy, frames, err
}
