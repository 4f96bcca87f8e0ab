package store

import (
	"errors"
	"time"
)

// answerFor bounds one exchange of the writer with the database.
const answerFor = 10 * time.Second

// pgWriter is the writer's connection. Each transaction moves the session's turn on by
// one. That is its fence, since others close the turn of a session that they take for
// dead; and it tells after a lost connection whether the transaction was committed.
type pgWriter struct {
	pgConn
	session    *session
	partitions *partitions

	// turn is the last one that is known to be committed; unsure says that it has to be
	// read first.
	turn   int64
	unsure bool
}

var (
	// errFenced says that the turn is not where this process thinks it is.
	errFenced   = errors.New("store: the session is fenced")
	errNoCommit = errors.New("store: the transaction was undone instead of committed")
)

const nextTurn = "UPDATE session_turn SET turn = turn + 1 WHERE session = ? AND turn = ? AND NOT closed"

func (c *pgWriter) begin() error {
	for c.session.isLost() || c.unsure {
		if c.session.isLost() {
			if err := c.renew(); err != nil {
				return err
			}
		} else if _, err := c.find(); err != nil {
			return err
		}
	}
	if err := c.open(); err != nil {
		return err
	}
	c.batch, c.pending = nil, c.pending[:0]
	return errors.Join(
		c.send("BEGIN", nil),
		// A process that is stopped must not keep locks for longer than it lives.
		c.send(c.session.patience, nil),
		c.put(pending{want: "UPDATE 1", err: errFenced}, nextTurn, []any{c.session.number(), c.turn}),
	)
}

func (c *pgWriter) flush() error {
	err := c.pgConn.flush()
	if errors.Is(err, errFenced) {
		c.unsure = true
	}
	if isMissingPartition(err) {
		c.partitions.forget()
		return join(ErrCollided, err)
	}
	return err
}

func (c *pgWriter) exec(query string, args []any) (changed int64, err error) {
	if err := c.put(pending{changed: &changed}, query, args); err != nil {
		return 0, err
	}
	err = c.flush()
	return changed, err
}

func (c *pgWriter) query(query string, args []any, f func(Row) error) error {
	return join(c.ask(query, args, f), c.flush())
}

func (c *pgWriter) nested(f func() error) error {
	if err := c.send("SAVEPOINT nested", nil); err != nil {
		return err
	}
	// Where f failed by itself, what it sent is undone all the same.
	err := join(f(), c.flush())
	if err != nil {
		if classify(err) != refused {
			return err
		}
		if _, undo := c.exec("ROLLBACK TO SAVEPOINT nested", nil); undo != nil {
			return errors.Join(err, undo)
		}
	}
	return join(err, c.send("RELEASE SAVEPOINT nested", nil))
}

func (c *pgWriter) commit() error {
	for _, p := range c.pending {
		if p.want != "" || p.row != nil { // it may fail what would be committed with it
			if err := c.flush(); err != nil {
				return err
			}
			break
		}
	}
	if err := c.put(pending{want: "COMMIT", err: errNoCommit}, "COMMIT", nil); err != nil {
		return err
	}
	err := c.flush()
	var lost *lostError
	switch {
	case err == nil:
		c.turn++
	case errors.As(err, &lost):
		c.unsure = true
		return errors.Join(errUnknown, err)
	}
	return err
}

func (c *pgWriter) rollback() {
	if c.pg == nil {
		return
	}
	c.batch, c.pending = nil, c.pending[:0]
	if _, err := c.pgConn.exec("ROLLBACK", nil); err != nil {
		c.lose()
	}
}

// find reads the session's turn and tells whether the transaction that might have been
// committed was. It waits for the one that the server may still be at. It writes, so that
// what it tells is on a synchronous standby as well.
func (c *pgWriter) find() (committed bool, err error) {
	if err := c.open(); err != nil {
		return false, err
	}
	number, closed, turn := c.session.number(), true, c.turn
	err = c.query("UPDATE session_turn SET turn = turn WHERE session = ? RETURNING turn, closed", []any{number}, func(r Row) error {
		turn, closed = r.Int(0), r[1].(bool)
		return nil
	})
	if err != nil {
		return false, err
	}
	committed = turn > c.turn
	c.turn, c.unsure = turn, false
	if closed {
		c.session.lose(number)
	}
	return committed, nil
}

// renew starts a new session in place of one that others took for dead.
func (c *pgWriter) renew() error {
	if err := c.open(); err != nil {
		return err
	}
	if err := c.session.start(&c.pgConn); err != nil {
		return err
	}
	c.turn, c.unsure = 0, false
	c.session.tell()
	return nil
}

// rest renews a lost session also while there is nothing to write.
func (c *pgWriter) rest() {
	if !c.session.isLost() || time.Since(c.session.triedAt()) < awayPause {
		return
	}
	if err := c.renew(); err != nil {
		c.session.log.Warn("no new session could be started; trying on", "error", err)
	}
}
