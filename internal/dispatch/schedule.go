package dispatch

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Reserve takes a place for one more row in an endpoint's lane, before the row is
// committed. Without a place the row is committed unowned and waits in the store.
func (d *Dispatcher) Reserve(id peal.EndpointID, size int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lane(id)
	if d.closing || !l.active() || !l.ours() || l.backlog || l.room() <= 0 {
		return false
	}
	if size > d.spare(l) && l.owned >= assuredOwned {
		return false
	}
	d.account(l, 1, size)
	return true
}

func (d *Dispatcher) account(l *lane, rows, bytes int) {
	l.owned += rows
	l.bytes += bytes
	d.bytes += bytes
}

// Unreserve gives a place back.
func (d *Dispatcher) Unreserve(id peal.EndpointID, size int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.account(d.lane(id), -1, -size)
}

// Deliver takes over deliveries that were committed in places reserved for them.
func (d *Dispatcher) Deliver(ev *peal.Event, placed []peal.Placement) {
	m := NewMessage(ev)
	d.mu.Lock()
	defer d.mu.Unlock()
	now, session := d.Now(), d.Session()
	for _, p := range placed {
		l := d.lane(p.Endpoint)
		l.push(&Job{
			ID: p.ID, Endpoint: p.Endpoint, Message: m, Session: session,
			DueAt: ev.AcceptedAt, Size: p.Size,
		})
		d.touch(l, now)
	}
	d.fill(now)
}

// Waiting says that a row of the endpoint was committed unowned.
func (d *Dispatcher) Waiting(id peal.EndpointID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, now := d.lane(id), d.Now()
	if l.elsewhere(now) {
		return // its owner looks for it
	}
	l.backlog = true
	l.arrivals++
	d.touch(l, now)
	d.fill(now) // touch may have enlisted a lane whose timer had not fired yet
}

// Due says that a row of the endpoint was committed unowned, which is due at a time.
func (d *Dispatcher) Due(id peal.EndpointID, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lane(id)
	if l.nextDue.IsZero() || at.Before(l.nextDue) {
		l.nextDue = at
	}
	l.arrivals++
	now := d.Now()
	d.touch(l, now)
	d.fill(now)
}

// touch puts a lane where it belongs after anything about it changed: among the
// lanes that may start an attempt, among those that a claimer should see, or
// behind a timer.
func (d *Dispatcher) touch(l *lane, now time.Time) {
	if d.closing {
		return
	}
	opens := l.opens()
	open := !now.Before(opens)
	ready := open && l.active() && l.ours() && len(l.queue) > 0 && l.inFlight < l.circuit.limit(l.concurrency(d.LaneConcurrency))
	d.enlist(l, ready)
	if d.wantsChore(l, now) {
		l.chore = true
		d.chores = append(d.chores, l)
		d.choreCond.Signal()
	}
	var at time.Time
	if l.active() && l.ours() && !open && len(l.queue) > 0 {
		at = opens
	}
	if l.active() && !l.chore && l.nextDue.After(now) && l.room() > 0 && (at.IsZero() || l.nextDue.Before(at)) {
		at = l.nextDue
	}
	if l.rest.After(now) && (at.IsZero() || l.rest.Before(at)) {
		at = l.rest
	}
	d.arm(l, at, now)
}

// enlist moves a lane into the queue that fits its circuit, or out of both.
func (d *Dispatcher) enlist(l *lane, ready bool) {
	q := d.healthy
	if l.circuit.suspect() {
		q = d.suspect
	}
	if l.enlisted != nil && (!ready || l.enlisted.queue != q) {
		l.enlisted.queue.remove(l)
	}
	if ready {
		q.put(l)
	}
}

// wantsChore tells whether a claimer has something to do for the lane: claim what
// is due, give back what it does not send, leave it, or clear after a deleted endpoint.
func (d *Dispatcher) wantsChore(l *lane, now time.Time) bool {
	due := l.backlog || !l.nextDue.IsZero() && !l.nextDue.After(now)
	switch {
	case l.chore || now.Before(l.rest):
		return false
	case l.givesBack():
		return l.mayGiveBack()
	case l.mayLeave():
		return true
	case l.ep == nil:
		return due
	case !l.active() || l.leaving || l.bound() && l.owner == 0 && now.Before(l.shunUntil):
		return false
	}
	// Half empty, so that claims come in batches.
	room := l.room()
	return due && room > 0 && room >= l.owned && d.spare(l) > 0
}

// spare is how many bytes a lane may take in: what is left of its own and of all
// lanes' budget, and never nothing for a lane that owns next to nothing.
func (d *Dispatcher) spare(l *lane) int {
	spare := min(maxOwnedBytes-l.bytes, d.MemoryBudget-d.bytes)
	if l.owned < assuredOwned {
		spare = max(spare, 1)
	}
	return spare
}

func (d *Dispatcher) arm(l *lane, at, now time.Time) {
	if at.Equal(l.timerAt) {
		return
	}
	l.timerAt = at
	switch {
	case at.IsZero():
		l.timer.Stop()
	case l.timer == nil:
		l.timer = time.AfterFunc(at.Sub(now), func() { d.wake(l) })
	default:
		l.timer.Reset(at.Sub(now))
	}
}

// wake runs when a lane's timer fires.
func (d *Dispatcher) wake(l *lane) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.timerAt = time.Time{}
	now := d.Now()
	d.touch(l, now)
	d.fill(now)
}

// fill starts attempts while there are slots and lanes that could use them.
func (d *Dispatcher) fill(now time.Time) {
	for {
		l, j, o := d.take(now)
		if j == nil {
			return
		}
		d.work.Add(1)
		go d.run(l, j, o)
	}
}

// take picks the next job and counts its attempt in.
func (d *Dispatcher) take(now time.Time) (*lane, *Job, *orgLanes) {
	for !d.closing && d.MayStart() && d.healthy.inFlight+d.suspect.inFlight < d.Slots {
		l := d.pick()
		if l == nil {
			return nil, nil, nil
		}
		if wait := l.token(now); wait > 0 {
			l.closedUntil = now.Add(wait)
			d.touch(l, now)
			continue
		}
		j := l.pop()
		if j.Session != d.Session() { // others have it, and Forget is about to be called
			d.dropAll(l, j)
			d.touch(l, now)
			continue
		}
		o := l.enlisted.queue.started(l)
		l.inFlight++
		d.touch(l, now)
		return l, j, o
	}
	return nil, nil, nil
}

// pick chooses between the lanes that work and those that are suspect, which get at
// most a quarter of the slots and, within it, every fourth pick.
func (d *Dispatcher) pick() *lane {
	d.picks++
	h, s := d.healthy.next(), d.suspect.next()
	if s != nil && (h == nil || d.picks%4 == 0) && d.suspect.inFlight < max(1, d.Slots/4) {
		return s
	}
	return h
}

// run makes attempts, one after the other, for as long as there is one to make.
func (d *Dispatcher) run(l *lane, j *Job, o *orgLanes) {
	defer d.work.Done()
	for j != nil {
		verdict := d.attempt(l, j)
		l, j, o = d.finish(l, j, o, verdict)
	}
}

// finish counts an attempt out, applies what it says about the endpoint to the
// lane, and takes the next job of any lane.
func (d *Dispatcher) finish(l *lane, j *Job, o *orgLanes, v verdict) (*lane, *Job, *orgLanes) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	o.finished()
	l.inFlight--
	l.measure(now)
	wasOpen := l.circuit.open
	switch {
	case v.succeeded:
		l.circuit.succeeded(l.concurrency(d.LaneConcurrency))
	case v.failed:
		l.circuit.failedAt(j.ID, v.timedOut)
	}
	if l.circuit.open != wasOpen {
		d.logCircuit(l, v)
	}
	if until := now.Add(v.leaveAlone); v.leaveAlone > 0 && until.After(l.closedUntil) {
		l.closedUntil = until
	}
	switch {
	case v.keep == nil:
	case v.keep.Session != d.Session():
		d.dropAll(l, v.keep)
	default:
		// It waits in its place, and in an ordered lane so does everything behind it.
		l.queue = append([]*Job{v.keep}, l.queue...)
	}
	d.touch(l, now)
	l, j, o = d.take(now)
	d.fill(now)
	return l, j, o
}

// logCircuit tells when an endpoint stops answering and when it is back: a line for
// each, not one for every delivery.
func (d *Dispatcher) logCircuit(l *lane, v verdict) {
	if l.circuit.open {
		d.Log.Warn("an endpoint keeps failing; it gets one attempt at a time", "endpoint", l.id, "org", l.org, "error", v.reason)
	} else {
		d.Log.Info("an endpoint works again", "endpoint", l.id, "org", l.org)
	}
}
