package workflow

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

const (
	backlogEvery  = time.Second
	backlogPage   = 1000
	claimLimit    = 64
	reconcileEach = 30 * time.Second
	// lookEach spares the database where many executions wake the maintenance.
	lookEach = backlogEvery / 2
	// soonest keeps the timer from firing for what is due already and cannot be held.
	soonest        = 10 * time.Millisecond
	releaseTimeout = 2 * time.Second
)

// Run claims and runs executions until ctx is done, then lets steps under way finish and
// gives up what was not started.
func (e *Engine) Run(ctx context.Context) error {
	e.maintain(ctx)

	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	cut := time.AfterFunc(e.DrainTimeout, e.stopRunning)
	e.work.Wait()
	cut.Stop()
	e.stopRunning()
	// What is not released now is when the next session starts.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	return e.Store.Release(ctx, nil)
}

// maintain looks for what other nodes, crashes and time have left.
func (e *Engine) maintain(ctx context.Context) {
	tick := time.NewTicker(backlogEvery)
	defer tick.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var reconciled, looked time.Time
	missed := map[peal.ExecutionID]bool{}
	watch := newWatch(e)
	for {
		if now := e.Now(); now.Sub(looked) >= lookEach {
			looked = now
			if err := e.cutOff(ctx); err != nil && ctx.Err() == nil {
				e.Log.Warn("executions that were cancelled elsewhere could not be looked for", "error", err)
			}
			if err := watch.look(ctx); err != nil && ctx.Err() == nil {
				e.Log.Warn("events that executions wait for could not be looked for", "error", err)
			}
		}
		next, err := e.scan(ctx)
		if err != nil && ctx.Err() == nil {
			e.Log.Warn("waiting executions could not be claimed", "error", err)
		}
		if !next.IsZero() {
			timer.Reset(max(soonest, next.Sub(e.Now())))
		}
		if now := e.Now(); now.Sub(reconciled) >= reconcileEach {
			reconciled = now
			if missed, err = e.reconcile(ctx, missed); err != nil && ctx.Err() == nil {
				e.Log.Warn("owned executions could not be compared", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-timer.C:
		case <-e.wake:
		}
	}
}

// scan claims what is due, org by org, and tells when the next is.
func (e *Engine) scan(ctx context.Context) (next time.Time, err error) {
	e.mu.Lock()
	e.due = time.Time{}
	e.mu.Unlock()
	for after := ""; ; {
		rows, err := e.Store.Backlog(ctx, after, backlogPage)
		if err != nil {
			return next, err
		}
		for _, b := range rows {
			after = b.Org
			now := e.Now()
			if b.FirstDue.After(now) {
				if next.IsZero() || b.FirstDue.Before(next) {
					next = b.FirstDue
				}
				continue
			}
			if err := e.claim(ctx, b.Org, now); err != nil {
				return next, err
			}
		}
		if len(rows) < backlogPage {
			e.mu.Lock()
			defer e.mu.Unlock()
			if !next.IsZero() && (e.due.IsZero() || next.Before(e.due)) {
				e.due = next
			}
			return e.due, nil
		}
	}
}

// claim takes over what of an org is due and fits.
func (e *Engine) claim(ctx context.Context, org string, now time.Time) error {
	for ctx.Err() == nil {
		e.mu.Lock()
		q := e.org(org)
		limit := min(claimLimit, maxHeld-q.held)
		full := limit <= 0 || e.bytes >= e.MemoryBudget
		q.behind = true
		e.mu.Unlock()
		if full {
			return nil
		}
		claimed, err := e.Store.Claim(ctx, org, now, limit, e.holds)
		if err != nil {
			return err
		}
		e.mu.Lock()
		for _, c := range claimed {
			e.hold(q, c.Execution)
			q.waiting = append(q.waiting, c)
		}
		done := len(claimed) < limit
		if done {
			q.behind = false
			if q.held == 0 {
				delete(e.orgs, org)
			}
		}
		e.fill()
		e.mu.Unlock()
		if done {
			return nil
		}
	}
	return nil
}

// holds tells whether an execution is held, and notes that it is wanted again.
func (e *Engine) holds(id peal.ExecutionID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.held[id]
	if h != nil {
		h.wanted = true
	}
	return h != nil
}

// cutOff ends the runs of executions that another node has cancelled: those that have
// been at it for a while, since a quick one finds out when it records.
func (e *Engine) cutOff(ctx context.Context) error {
	before := e.Now().Add(-backlogEvery / 2)
	running := map[string][]peal.ExecutionID{}
	e.mu.Lock()
	for id, h := range e.held {
		if h.cancel != nil && h.since.Before(before) {
			running[h.org] = append(running[h.org], id)
		}
	}
	e.mu.Unlock()
	for org, ids := range running {
		lost, err := e.Fence.Lost(ctx, org, ids)
		if err != nil {
			return err
		}
		e.mu.Lock()
		for _, id := range lost {
			if h := e.held[id]; h != nil && h.cancel != nil && h.since.Before(before) {
				h.cancel()
			}
		}
		e.mu.Unlock()
	}
	return nil
}

// reconcile releases rows that the session owns and this node does not hold, as a lost
// answer would leave them. Rows between their commit and their queue look the same, so a
// row must be missed twice in a row.
func (e *Engine) reconcile(ctx context.Context, missed map[peal.ExecutionID]bool) (map[peal.ExecutionID]bool, error) {
	owned := e.Fence.Owned()
	again := map[peal.ExecutionID]bool{}
	var lost []peal.ExecutionID
	e.mu.Lock()
	for _, id := range owned {
		if _, ok := e.held[id]; ok {
			continue
		}
		if missed[id] {
			lost = append(lost, id)
		} else {
			again[id] = true
		}
	}
	e.mu.Unlock()
	if len(lost) == 0 {
		return again, nil
	}
	e.Log.Warn("releasing executions that are not held", "count", len(lost))
	return again, e.Store.Release(ctx, lost)
}
