package dispatch

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

const (
	// lookEvery is how often an owner looks for what other nodes inserted or changed.
	lookEvery = 100 * time.Millisecond
	// elsewhereFor is how long a lane that another session owns is left to it when more
	// arrives; the scan finds one that has become free.
	elsewhereFor = 10 * time.Second
	// laneIdle is how long a lane is kept without work.
	laneIdle = 10 * time.Second
	// shareEvery is how often a node compares how many lanes it has with its fair share,
	// and shunFor how long it leaves one to the others that it gave up.
	shareEvery = 5 * time.Second
	shunFor    = 3 * time.Second
	// leaveAtOnce is how many lanes a node gives up at a time for the others' sake.
	leaveAtOnce = 16
)

// boundLane is what a lane knows of its owner. A lane whose endpoint is ordered or limited
// is bound where nodes share a database: one session owns it, and the others hold nothing
// of it.
type boundLane struct {
	shared bool
	// owner is this node's session where it took the lane, and pokes what was seen of
	// OwnedLane.Pokes.
	owner int64
	pokes int64
	// poked says that what waits must be read anew, leaving that the lane is given up once
	// nothing of it is held, unbound that it was not bound when it was looked at last.
	poked, leaving, unbound bool
	// othersUntil is for how long another session is taken for the owner, shunUntil for how
	// long the lane is left to others.
	othersUntil, shunUntil time.Time
}

func (l *lane) bound() bool {
	return l.shared && l.ep != nil && (l.ep.Ordered || l.ep.RateLimit > 0 || l.ep.MaxInFlight > 0)
}

// ours tells whether this node may send what the lane holds.
func (l *lane) ours() bool { return !l.bound() || l.owner != 0 && !l.leaving }

func (l *lane) elsewhere(now time.Time) bool {
	return l.bound() && l.owner == 0 && now.Before(l.othersUntil)
}

// givesBack tells whether the lane holds what it is not to send, or not as it is.
func (l *lane) givesBack() bool {
	return len(l.queue) > 0 && (!l.active() || !l.ours() || l.poked)
}

// mayGiveBack: an outcome that keeps its job must find it owned, and a head that comes back
// from its attempt is to be read anew as well.
func (l *lane) mayGiveBack() bool {
	returning := l.poked && l.ordered() && l.inFlight > 0
	return l.recording == 0 && !returning
}

// mayLeave tells whether the lane is to be given up and can be: everything that was
// started has ended and is recorded, so that whoever takes it goes on where this one
// stopped. One that is not bound any more goes while it is at work.
func (l *lane) mayLeave() bool {
	return l.owner != 0 && l.leaving && (!l.bound() || l.owned == 0 && l.inFlight == 0 && l.recording == 0)
}

// unused tells whether the lane has been without work for long.
func (l *lane) unused(now time.Time) bool {
	waits := l.backlog || !l.nextDue.IsZero() && l.nextDue.Before(now.Add(laneIdle))
	busy := l.chore || waits && l.active()
	return l.owned == 0 && l.inFlight == 0 && l.recording == 0 && !busy && now.Sub(l.lastUsed) > laneIdle
}

// freed tells whether the lane has not been bound for so long that all nodes know it.
func (l *lane) freed() bool {
	before := l.unbound
	l.unbound = !l.bound()
	return before && l.unbound
}

// owns takes over what a claim says about the lane's owner. The mutex is held.
func (d *Dispatcher) owns(l *lane, c Claimed) bool {
	now := d.Now()
	if !c.Owner {
		l.owner, l.backlog, l.nextDue = 0, false, time.Time{}
		l.othersUntil = now.Add(elsewhereFor)
		return false
	}
	if l.owner != c.Session {
		l.owner, l.pokes, l.lastUsed = c.Session, c.Pokes, now
		if l.bucket != nil { // the last owner may just have emptied its own
			l.bucket = newBucket(l.ep.RateLimit)
			l.bucket.ReserveN(now, l.bucket.Burst())
		}
	}
	return true
}

// leave gives the lane up.
func (d *Dispatcher) leave(ctx context.Context, l *lane) error {
	if err := d.Lanes.Leave(ctx, []peal.EndpointID{l.id}); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l.owner, l.leaving = 0, false
	// Where something waits, the scan finds it, here or on another node. A lane that is not
	// bound any more goes on by itself.
	l.backlog, l.nextDue = l.ep == nil || !l.bound(), time.Time{}
	l.arrivals++
	return nil
}

// look finds what other nodes inserted into this node's lanes, or changed.
func (d *Dispatcher) look(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !d.ownsAny() {
			continue
		}
		lanes, err := d.Lanes.Look(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			d.Log.Warn("what other nodes inserted could not be looked for; trying on", "error", err)
		}
		failing = err != nil
		d.seen(lanes)
	}
}

func (d *Dispatcher) ownsAny() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lanes {
		if l.owner != 0 {
			return true
		}
	}
	return false
}

func (d *Dispatcher) seen(lanes []OwnedLane) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	for _, o := range lanes {
		l := d.lanes[o.Endpoint]
		if l == nil || l.owner == 0 {
			continue
		}
		if o.Pokes > l.pokes {
			l.pokes, l.poked = o.Pokes, l.owned > 0
		}
		if !o.FirstDue.IsZero() && (l.nextDue.IsZero() || o.FirstDue.Before(l.nextDue)) {
			l.nextDue = o.FirstDue
		}
		d.touch(l, now)
	}
	d.fill(now)
}

// shareLanes gives up lanes that have been idle or are not bound any more and, now and then, some of those that are
// more than this node's share.
func (d *Dispatcher) shareLanes(ctx context.Context) error {
	now := d.Now()
	d.leaveSome(now, func(l *lane) bool { return l.freed() || l.unused(now) }, -1)
	if now.Sub(d.shared) < shareEvery || !d.ownsAny() {
		return nil
	}
	d.shared = now
	lanes, sessions, err := d.Lanes.Share(ctx)
	if err != nil {
		return err
	}
	share := (lanes + sessions - 1) / max(1, sessions)
	mine := d.ownedLanes()
	if mine <= share+1 {
		return nil
	}
	d.leaveSome(now, func(*lane) bool { return true }, min(leaveAtOnce, (mine-share+1)/2))
	return nil
}

func (d *Dispatcher) ownedLanes() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lanes {
		if l.owner != 0 && !l.leaving {
			n++
		}
	}
	return n
}

// leaveSome has up to most of this node's lanes given up, all that f selects where most
// is negative.
func (d *Dispatcher) leaveSome(now time.Time, f func(*lane) bool, most int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lanes {
		if most == 0 {
			break
		}
		if l.owner == 0 || l.leaving || !f(l) {
			continue
		}
		l.leaving = true
		if most > 0 {
			l.shunUntil = now.Add(shunFor)
			most--
		}
		d.touch(l, now)
	}
	d.fill(now)
}

// stays tells whether a lane is to keep its head while it waits for the next attempt.
func (d *Dispatcher) stays(l *lane) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return l.ours()
}

// guard cuts the attempts that must not overlap with others' before others may take over.
func (d *Dispatcher) guard(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !d.MayGoOn() {
			d.cut()
		}
	}
}

func (d *Dispatcher) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutLimited()
	d.limited, d.cutLimited = context.WithCancel(d.sending)
}

// attemptContext is what an attempt runs under. One whose endpoint allows a number at once
// must have ended when another node takes the lane over.
func (d *Dispatcher) attemptContext(ep *peal.Endpoint) context.Context {
	if d.Lanes == nil || ep.MaxInFlight == 0 {
		return d.sending
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.limited
}
