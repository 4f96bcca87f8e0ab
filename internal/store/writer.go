package store

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// awayPause is how long the writer rests after the database failed it.
	awayPause = 250 * time.Millisecond
	// idlePause is how long idle work waits at the most while there is other work.
	idlePause = 200 * time.Millisecond
	// maxAgain is how often a group is run again because others were in its way.
	maxAgain = 20
	// unknownFor is how long those wait whose transaction may have been committed,
	// from its beginning.
	unknownFor = 10 * time.Second
	// stalledAfter is how long a transaction may take before more work is refused.
	stalledAfter = 2 * time.Second
)

// Stats counts what the writer did and what waits for it.
type Stats struct {
	Transactions int64
	// Rows are about all rows written; by transaction, they are the size of a group.
	Rows int64
	// Queued are the items that wait, QueuedBytes what they hold.
	Queued      int64
	QueuedBytes int64
	// LogBytes is the length of the write-ahead log.
	LogBytes int64
	// Away says that the last write failed because of the database, or takes too long.
	Away bool
}

// writer runs all transactions, one at a time.
type writer struct {
	conn connection
	// rest is what the database wants done between two transactions.
	rest func()
	log  *slog.Logger
	wake chan struct{}

	mu      sync.Mutex
	lanes   []lane // in the order in which they are run
	unknown []func()
	writes  *Lane[*closure]
	idle    *Lane[*closure]
	closing bool
	awayErr error // nil while the database is well
	// began is when the transaction that is under way was begun; zero where none is.
	began   time.Time
	awayFor time.Time
	// awayUntil is until when nothing is tried.
	awayUntil  time.Time
	tryPatient bool

	lastIdle time.Time

	transactions, rows atomic.Int64
	logBytes           atomic.Int64
}

// lane is a Lane of any type.
type lane interface {
	pending() (items, bytes int)
	ripeIn(now time.Time) (wait time.Duration, waiting bool)
	patient() bool
	take() (rows int)
	run(tx *Tx) error
	runEach(tx *Tx) error
	settle(err error)
	putBack()
	expire(before time.Time) (settle func(error))
}

func newWriter(c connection, log *slog.Logger) *writer {
	w := &writer{conn: c, rest: func() {}, log: log, wake: make(chan struct{}, 1)}
	w.writes = &Lane[*closure]{cfg: LaneConfig{MaxItems: 64, MaxRows: 64}, w: w, apply: runClosures}
	w.idle = &Lane[*closure]{cfg: LaneConfig{MaxItems: 1, MaxRows: 1}, w: w, apply: runClosures}
	return w
}

func (w *writer) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close makes run end once nothing waits any more.
func (w *writer) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closing = true
	w.wakeUp()
}

// run is the writer's goroutine.
func (w *writer) run() {
	for {
		batch, rows, more := w.next()
		if len(batch) > 0 || more {
			w.turn(batch, rows)
		}
		if !more {
			return
		}
	}
}

// next waits for work and takes it. It tells whether more may come. Where there is none
// for a database that was away, an empty batch finds out whether it is back.
func (w *writer) next() (batch []lane, rows int, more bool) {
	for {
		w.rest()
		w.mu.Lock()
		now := time.Now()
		pause := w.awayUntil.Sub(now)
		if pause <= 0 || w.closing {
			batch, rows = w.take(now)
		}
		closing := w.closing
		ripe, waiting := w.ripeIn(now)
		_, remote := w.conn.(finder)
		probe := remote && w.awayErr != nil && !waiting
		w.mu.Unlock()
		switch {
		case len(batch) > 0 || closing && !waiting:
			return batch, rows, !closing || waiting || len(batch) > 0
		case probe && pause <= 0:
			return nil, 0, true
		case waiting || probe:
			select {
			case <-w.wake:
			case <-time.After(max(pause, ripe)):
			}
		default:
			<-w.wake
		}
	}
}

// ripeIn is how long it takes until some work may be taken, where any waits.
func (w *writer) ripeIn(now time.Time) (wait time.Duration, waiting bool) {
	for _, l := range w.all() {
		if own, ok := l.ripeIn(now); ok && (!waiting || own < wait) {
			wait, waiting = own, true
		}
	}
	return wait, waiting
}

func (w *writer) all() []lane { return append(w.lanes[:len(w.lanes):len(w.lanes)], w.writes, w.idle) }

// take fills the batches of one turn. While the database is away, patient lanes and
// the rest take turns, so that neither keeps the other from being written.
func (w *writer) take(now time.Time) (batch []lane, rows int) {
	// Closures speak of what lanes wrote before them, so nothing lingers past one.
	_, closures := w.writes.ripeIn(now)
	add := func(l lane) {
		if wait, any := l.ripeIn(now); any && (wait <= 0 || closures || w.closing) {
			rows += l.take()
			batch = append(batch, l)
		}
	}
	addLanes := func(wanted func(lane) bool) {
		for _, l := range w.lanes {
			if wanted(l) {
				add(l)
			}
		}
	}
	if w.awayErr != nil {
		if w.tryPatient = !w.tryPatient; w.tryPatient {
			if addLanes(lane.patient); len(batch) > 0 {
				return batch, rows
			}
		}
		addLanes(func(l lane) bool { return !l.patient() })
		if add(w.writes); len(batch) > 0 {
			return batch, rows
		}
	}
	addLanes(func(lane) bool { return true })
	add(w.writes)
	if len(batch) == 0 || now.Sub(w.lastIdle) >= idlePause {
		w.lastIdle = now
		add(w.idle)
	}
	return batch, rows
}

// turn writes the batches in one transaction, or, where a row is at fault, item by
// item in one.
func (w *writer) turn(batch []lane, rows int) {
	w.begins(time.Now())
	defer w.begins(time.Time{})
	run := lane.run
	renewed := 0
	for again := 0; ; {
		err := w.transact(batch, run)
		if errors.Is(err, errUnknown) {
			batch, err = w.find(batch, err)
		}
		switch {
		case err == nil:
			w.committed(batch, rows)
			return
		case classify(err) == collided && again < maxAgain:
			again++
			w.rest()
		case w.hungUp(err) && renewed < maxRenewed:
			renewed++
		case classify(err) == refused:
			w.log.Warn("a group of writes failed and is run one by one", "error", err)
			run = lane.runEach
		default:
			w.fail(batch, err)
			return
		}
	}
}

// maxRenewed is how many connections a transaction may lose before the database counts as
// away: what breaks one may just as well break the next.
const maxRenewed = 3

// hungUp tells whether the transaction failed because the connection had ended, as idle
// ones do that a pooler or a router has forgotten: a new one may do at once.
func (w *writer) hungUp(err error) bool {
	var lost *lostError
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.As(err, &lost) && !errors.Is(err, errUnknown) && w.awayErr == nil && time.Since(w.began) < maxWait
}

func (w *writer) begins(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began = at
}

// takes tells whether the transaction under way has taken for as long as that.
func (w *writer) takes(d time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.began) > d
}

// stalled tells whether the transaction under way takes too long for others to wait
// behind it. The mutex is held.
func (w *writer) stalled(now time.Time) bool {
	return !w.began.IsZero() && now.Sub(w.began) > stalledAfter
}

func (w *writer) committed(batch []lane, rows int) {
	w.transactions.Add(1)
	w.rows.Add(int64(rows))
	w.recovered()
	for _, l := range batch {
		l.settle(nil)
	}
}

func (w *writer) transact(batch []lane, run func(lane, *Tx) error) error {
	if err := w.conn.begin(); err != nil {
		return err
	}
	tx := &Tx{w.conn}
	for _, l := range batch {
		if err := run(l, tx); err != nil {
			w.conn.rollback()
			return err
		}
	}
	if err := w.conn.commit(); err != nil {
		w.conn.rollback()
		return err
	}
	return nil
}

// fail settles what cannot wait for the database to come back.
func (w *writer) fail(batch []lane, err error) {
	w.mu.Lock()
	w.away(err)
	var lost []lane
	for _, l := range batch {
		if l.patient() && !w.closing {
			l.putBack()
		} else {
			lost = append(lost, l)
		}
	}
	w.mu.Unlock()
	for _, l := range lost {
		l.settle(safe(err))
	}
	w.refuseWaiting(err)
}

// refuseWaiting settles who has waited for as long as one may, since the next try can
// take long again.
func (w *writer) refuseWaiting(err error) {
	w.mu.Lock()
	var settle []func(error)
	for _, l := range w.all() {
		if !l.patient() {
			settle = append(settle, l.expire(time.Now().Add(-maxWait)))
		}
	}
	w.mu.Unlock()
	for _, f := range settle {
		f(safe(err))
	}
}

// away notes that the database is. The writer's mutex is held.
func (w *writer) away(err error) {
	if w.awayErr == nil {
		w.log.Error("the database cannot be written; trying on", "error", err)
		w.awayFor = time.Now()
	}
	w.awayErr, w.awayUntil = err, time.Now().Add(awayPause)
}

func (w *writer) recovered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.awayErr != nil {
		w.log.Info("the database is written again", "after", time.Since(w.awayFor))
		w.awayErr, w.awayUntil = nil, time.Time{}
	}
}

func (w *writer) stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Stats{
		Transactions: w.transactions.Load(), Rows: w.rows.Load(),
		LogBytes: w.logBytes.Load(), Away: w.awayErr != nil || w.stalled(time.Now()),
	}
	for _, l := range w.all() {
		n, bytes := l.pending()
		s.Queued += int64(n)
		s.QueuedBytes += int64(bytes)
	}
	return s
}
