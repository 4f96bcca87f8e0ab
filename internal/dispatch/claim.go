package dispatch

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

const (
	reasonDeleted = "endpoint deleted"
	// claimPause is how long a lane waits after the store failed it.
	claimPause  = time.Second
	cancelChunk = 200
)

// claimer does the lanes' chores with the store, one lane at a time.
func (d *Dispatcher) claimer() {
	for {
		l := d.nextChore()
		if l == nil {
			return
		}
		d.do(d.sending, l)
	}
}

func (d *Dispatcher) nextChore() *lane {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.chores) == 0 || d.closing {
		if d.closing {
			return nil
		}
		d.choreCond.Wait()
	}
	l := d.chores[0]
	d.chores = d.chores[1:]
	return l
}

// do is one chore of a lane.
func (d *Dispatcher) do(ctx context.Context, l *lane) {
	d.mu.Lock()
	gone, leave := l.ep == nil, l.mayLeave()
	var back []*Job
	if l.givesBack() && l.mayGiveBack() {
		back, l.queue = l.queue, nil
		l.poked = false
	}
	request, arrivals := d.claimRequest(l), l.arrivals
	d.bytes += request.Bytes // so that claims at the same time share the budget
	d.mu.Unlock()

	var err error
	if len(back) > 0 {
		err = d.giveUp(ctx, l, back)
	}
	switch {
	case err != nil:
	case leave:
		err = d.leave(ctx, l)
	case gone:
		err = d.cancelSome(ctx, l)
	default:
		err = d.claim(ctx, l, request, arrivals)
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	l.chore = false
	d.bytes -= request.Bytes
	if err != nil {
		d.Log.Warn("a lane's deliveries could not be claimed", "endpoint", l.id, "error", err)
		// Not the backlog flag but a due time brings it back, a little later.
		l.rest = now.Add(claimPause)
		l.backlog, l.nextDue = false, l.rest
	}
	d.touch(l, now)
	d.fill(now)
}

func (d *Dispatcher) claimRequest(l *lane) ClaimRequest {
	r := ClaimRequest{Endpoint: l.id, Now: d.Now(), Ordered: l.ordered(), Limit: min(l.room(), claimBatch), Bytes: d.spare(l)}
	if _, _, tells := d.renderer(l.id); tells && !r.Ordered && r.Limit > 0 {
		r.Grouped, r.Limit = true, maxGrouped
	}
	if l.bound() {
		r.Bound, r.LaneSession, r.LanePokes = true, l.owner, l.pokes
	}
	if !l.active() || l.leaving || r.Limit <= 0 || r.Bytes <= 0 {
		r.Limit, r.Bytes = 0, 0
	}
	return r
}

// claim takes over what is due and fits.
func (d *Dispatcher) claim(ctx context.Context, l *lane, r ClaimRequest, arrivals uint64) error {
	if r.Limit <= 0 {
		return nil
	}
	c, err := d.Store.Claim(ctx, r)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.Session != d.Session() {
		return nil // others have it by now
	}
	if r.Bound && !d.owns(l, c) {
		return nil
	}
	for _, j := range c.Jobs {
		d.account(l, 1, j.Size)
		l.held[j.ID] = j.Session
	}
	if r.Grouped {
		c.Jobs = joined(c.Jobs)
	}
	l.queue = append(l.queue, c.Jobs...)
	if l.arrivals == arrivals {
		l.nextDue = c.NextDue
		l.backlog = !c.NextDue.IsZero() && !c.NextDue.After(r.Now)
	} else if l.nextDue.IsZero() || !c.NextDue.IsZero() && c.NextDue.Before(l.nextDue) {
		l.nextDue = c.NextDue
	}
	return nil
}

// giveUp releases jobs that this lane does not send, so that they wait in the store. Where that fails, they go back to the head of the lane: what is claimed later
// must not overtake them.
func (d *Dispatcher) giveUp(ctx context.Context, l *lane, jobs []*Job) error {
	var ids []peal.DeliveryID
	for _, j := range jobs {
		for _, one := range j.all() {
			ids = append(ids, one.ID)
		}
	}
	err := d.Store.Release(ctx, ids)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		l.queue = append(jobs, l.queue...)
		return err
	}
	for _, j := range jobs {
		d.dropAll(l, j)
	}
	l.backlog = true
	l.arrivals++
	return nil
}

// cancelSome finishes some of what waits for an endpoint that was deleted; where there
// may be more, the lane queues up again behind the others.
func (d *Dispatcher) cancelSome(ctx context.Context, l *lane) error {
	// One that this node has not heard of may be new.
	if err := d.Directory.Refresh(ctx); err != nil {
		return err
	}
	if ep, ok := d.Directory.Endpoint(l.id); ok {
		d.mu.Lock()
		defer d.mu.Unlock()
		l.setEndpoint(ep)
		return nil
	}
	n, err := d.Hand.CancelEndpoint(ctx, l.id, reasonDeleted, d.Now(), cancelChunk)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l.backlog, l.nextDue = n == cancelChunk, time.Time{}
	return nil
}
