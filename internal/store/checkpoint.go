package store

import (
	"context"
	"log/slog"
	"time"
)

const (
	checkpointPause = 250 * time.Millisecond
	// logFrame is a page in the log with its header.
	logFrame = 4096 + 24
)

// checkpointer copies the log into the database beside the writer, without ever
// making it wait.
type checkpointer struct {
	conn   *conn
	writer *writer
	log    *slog.Logger
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
	c.writer.checkpointing.Lock()
	defer c.writer.checkpointing.Unlock()
	_, frames, err := checkpoint(c.conn, "PASSIVE")
	if err != nil {
		c.log.Warn("the database's log could not be copied", "error", err)
		return
	}
	c.writer.logBytes.Store(frames * logFrame)
}

// checkpoint tells whether others kept it from finishing and how long the log is.
func checkpoint(c *conn, mode string) (busy bool, frames int64, err error) {
	err = c.query("PRAGMA wal_checkpoint("+mode+")", nil, func(r Row) error {
		busy, frames = r.Int(0) != 0, r.Int(1)
		return nil
	})
	return busy, frames, err
}
