package store

import (
	"context"
	"sync/atomic"
)

// Write runs f in the writer's next transaction, after what waits in lanes, and
// returns once that is committed. Where f fails, nothing of it is written. It may
// run more than once, and not at all where ctx ends first.
func (db *DB) Write(ctx context.Context, f func(*Tx) error) error {
	return do(ctx, db.writer.writes, f, nil)
}

// WriteThen is Write with a function that runs once f is committed, on the writer's
// goroutine and so in the order of commits; it must not block.
func (db *DB) WriteThen(ctx context.Context, f func(*Tx) error, then func()) error {
	return do(ctx, db.writer.writes, f, then)
}

// WriteIdle is Write for work that can wait: it runs when there is no other, or else
// every 200 ms.
func (db *DB) WriteIdle(ctx context.Context, f func(*Tx) error) error {
	return do(ctx, db.writer.idle, f, nil)
}

// closure is an item that writes by itself.
type closure struct {
	f     func(*Tx) error
	then  func()
	state atomic.Int32
	err   error
	done  chan error
}

const (
	closureWaits int32 = iota
	closureRuns
	closureAbandoned
)

func do(ctx context.Context, l *Lane[*closure], f func(*Tx) error, then func()) error {
	c := &closure{f: f, then: then, done: make(chan error, 1)}
	if err := l.Add(c); err != nil {
		return err
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
	}
	if c.state.CompareAndSwap(closureWaits, closureAbandoned) {
		return safe(ctx.Err())
	}
	return <-c.done
}

func runClosures(tx *Tx, batch []*closure) error {
	if err := tx.Flush(); err != nil { // what lanes sent is no closure's fault
		return err
	}
	for _, c := range batch {
		c.state.CompareAndSwap(closureWaits, closureRuns)
		if c.state.Load() == closureAbandoned {
			continue
		}
		err := tx.conn.nested(func() error { return c.f(tx) })
		if err != nil && classify(err) != refused {
			return err
		}
		c.err = safe(err)
	}
	return nil
}

func (c *closure) Rows() int { return 1 }

// Bytes is zero: who waits for a closure holds more than it does.
func (c *closure) Bytes() int { return 0 }

func (c *closure) Settle(err error) {
	if err == nil {
		err = c.err
	}
	if err == nil && c.then != nil && c.state.Load() == closureRuns {
		c.then()
	}
	c.done <- err
}
