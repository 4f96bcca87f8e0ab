package store

import (
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Item is a piece of work in a Lane.
type Item interface {
	// Rows is about how many rows it writes, Bytes what it holds in memory.
	Rows() int
	Bytes() int
	// Settle is called once, in the order of Add, on the writer's goroutine, so it
	// must not block. The error is nil where the item's transaction is committed.
	Settle(err error)
}

// Owned is an Item that belongs to someone. A lane with bounds is shared out fairly
// between the owners; items of other types have one owner, all together.
type Owned interface {
	Owner() string
}

// LaneConfig bounds a lane. A turn takes the lane's first items up to MaxItems and
// MaxRows.
type LaneConfig struct {
	MaxItems int
	MaxRows  int
	// MaxBytes bounds what may wait: an owner may hold as much of it as is left free,
	// which is half for one alone and leaves room for the next. When the first item has
	// waited for a second, only owners that have none waiting may add one. Others are
	// refused with CodeTooManyRequests. An empty lane takes an item of any size. Zero is
	// a lane without bounds.
	MaxBytes int
	// Linger is how long items that nobody waits for may stay, so that more of them
	// share a transaction; MaxItems/2 go at once.
	Linger time.Duration
	// Patient items are never failed because the database is away: they wait until
	// it is back or the database is closed.
	Patient bool
}

// maxWait is how long the first item of a bounded lane may have waited while owners
// may queue up behind it.
const maxWait = time.Second

// retryAfter is what those who were refused are told.
const retryAfter = time.Second

// Lane is a queue of items of one kind, which the writer takes many of at once.
type Lane[T Item] struct {
	cfg   LaneConfig
	w     *writer
	apply func(*Tx, []T) error

	// waiting is under the writer's mutex; the batch is the writer's alone.
	waiting []entry[T]
	bytes   int
	held    map[string]int // bytes by owner, in a lane with bounds
	batch   []T
	errs    []error
}

type entry[T Item] struct {
	item T
	at   time.Time
}

// NewLane adds a lane to the database's writer, behind those added before. Apply
// writes a group of items in the transaction. Where it fails, the transaction is
// rolled back and apply runs again for each item alone, so that only those fail that
// are at fault; so it must not change anything but its transaction and what it
// writes anew on each run.
func NewLane[T Item](db *DB, cfg LaneConfig, apply func(*Tx, []T) error) *Lane[T] {
	return addLane(db.writer, cfg, apply)
}

func addLane[T Item](w *writer, cfg LaneConfig, apply func(*Tx, []T) error) *Lane[T] {
	l := &Lane[T]{cfg: cfg, w: w, apply: apply, held: map[string]int{}}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lanes = append(w.lanes, l)
	return l
}

// Add queues an item. It fails where the lane is full, the database away or closed;
// then Settle is not called.
func (l *Lane[T]) Add(item T) error {
	now := time.Now()
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if err := l.admit(item, now); err != nil {
		return err
	}
	l.waiting = append(l.waiting, entry[T]{item, now})
	l.hold(item, item.Bytes())
	l.w.wakeUp()
	return nil
}

// hold counts bytes of an item that waits, or less of them.
func (l *Lane[T]) hold(item T, bytes int) {
	l.bytes += bytes
	if l.cfg.MaxBytes == 0 {
		return
	}
	owner := ownerOf(item)
	if l.held[owner] += bytes; l.held[owner] == 0 {
		delete(l.held, owner)
	}
}

func ownerOf(item Item) string {
	if o, ok := item.(Owned); ok {
		return o.Owner()
	}
	return ""
}

func (l *Lane[T]) admit(item T, now time.Time) error {
	switch {
	case l.w.closing:
		return peal.Errorf(peal.CodeUnavailable, "the server is shutting down")
	case !l.cfg.Patient && now.Before(l.w.awayUntil):
		return safe(l.w.awayErr)
	case !l.cfg.Patient && l.w.stalled(now):
		return errStalled
	case l.cfg.MaxBytes == 0 || len(l.waiting) == 0:
		return nil
	}
	held := l.held[ownerOf(item)]
	if held+item.Bytes() > l.cfg.MaxBytes-l.bytes || held > 0 && now.Sub(l.waiting[0].at) > maxWait {
		return &peal.Error{Code: peal.CodeTooManyRequests, Message: "more is being written than the database can take", RetryAfter: retryAfter}
	}
	return nil
}

var errStalled = &peal.Error{Code: peal.CodeUnavailable, Message: "the database does not answer at the moment", RetryAfter: retryAfter}

// take moves the first waiting items into the batch and counts their rows. The
// writer's mutex is held.
func (l *Lane[T]) take() (rows int) {
	n := 0
	for ; n < len(l.waiting) && n < l.cfg.MaxItems && rows < l.cfg.MaxRows; n++ {
		item := l.waiting[n].item
		rows += item.Rows()
		l.hold(item, -item.Bytes())
		l.batch = append(l.batch, item)
	}
	clear(l.waiting[:n])
	l.waiting = l.waiting[n:]
	return rows
}

// ripeIn is how long it takes until the lane's items may be taken, where any wait.
// The writer's mutex is held.
func (l *Lane[T]) ripeIn(now time.Time) (wait time.Duration, waiting bool) {
	if len(l.waiting) == 0 {
		return 0, false
	}
	if l.cfg.Linger == 0 || len(l.waiting) >= l.cfg.MaxItems/2 {
		return 0, true
	}
	return l.cfg.Linger - now.Sub(l.waiting[0].at), true
}

func (l *Lane[T]) pending() (items, bytes int) { return len(l.waiting), l.bytes }

func (l *Lane[T]) patient() bool { return l.cfg.Patient }

func (l *Lane[T]) run(tx *Tx) error {
	l.errs = l.errs[:0]
	if len(l.batch) == 0 {
		return nil
	}
	return l.apply(tx, l.batch)
}

func (l *Lane[T]) runEach(tx *Tx) error {
	l.errs = l.errs[:0]
	for i := range l.batch {
		err := tx.conn.nested(func() error { return l.apply(tx, l.batch[i:i+1]) })
		if err != nil && classify(err) != refused {
			return err
		}
		l.errs = append(l.errs, safe(err))
	}
	return nil
}

// settle tells every item of the batch what became of it.
func (l *Lane[T]) settle(err error) {
	for i, item := range l.batch {
		own := err
		if own == nil && i < len(l.errs) {
			own = l.errs[i]
		}
		item.Settle(own)
	}
	clear(l.batch)
	l.batch = l.batch[:0]
}

// expire takes out what was added before a time, to be settled once the writer's mutex,
// which is held, is free.
func (l *Lane[T]) expire(before time.Time) (settle func(error)) {
	n := 0
	for ; n < len(l.waiting) && l.waiting[n].at.Before(before); n++ {
		l.hold(l.waiting[n].item, -l.waiting[n].item.Bytes())
	}
	expired := slices.Clone(l.waiting[:n])
	clear(l.waiting[:n])
	l.waiting = l.waiting[n:]
	return func(err error) {
		for _, e := range expired {
			e.item.Settle(err)
		}
	}
}

// putBack returns the batch to the front of the queue. The writer's mutex is held.
func (l *Lane[T]) putBack() {
	waiting := make([]entry[T], 0, len(l.batch)+len(l.waiting))
	now := time.Now()
	for _, item := range l.batch {
		waiting = append(waiting, entry[T]{item, now})
		l.hold(item, item.Bytes())
	}
	l.waiting = append(waiting, l.waiting...)
	clear(l.batch)
	l.batch = l.batch[:0]
}
