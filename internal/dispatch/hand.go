package dispatch

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
)

const (
	// underWayFor is how long a retry waits for an attempt that is under way: who has just
	// seen one arrive may ask before its outcome is recorded.
	underWayFor = 2 * time.Second
	// underWayEvery is how often it looks.
	underWayEvery = 50 * time.Millisecond
)

// Retry sets a delivery going again at once: a finished one under its id with its
// schedule anew, a waiting one ahead of its time. It fails with ErrUnderWay where an
// attempt takes long.
func (d *Dispatcher) Retry(ctx context.Context, org string, id peal.DeliveryID) error {
	ep, err := d.revive(ctx, org, id)
	if err != nil {
		return err
	}
	d.mu.Lock()
	l := d.lane(ep)
	if i := slices.IndexFunc(l.queue, func(j *Job) bool { return j.ID == id }); i >= 0 {
		l.queue[i].DueAt = d.Now() // the head of an ordered lane, which waits in memory
	} else {
		l.reread(id)
	}
	d.mu.Unlock()
	d.Waiting(ep)
	return nil
}

func (d *Dispatcher) revive(ctx context.Context, org string, id peal.DeliveryID) (peal.EndpointID, error) {
	tick := time.NewTicker(underWayEvery)
	defer tick.Stop()
	for end := time.Now().Add(underWayFor); ; {
		ep, err := d.Hand.Revive(ctx, org, id, d.Now(), d.known)
		if !errors.Is(err, ErrUnderWay) || time.Now().After(end) {
			return ep, err
		}
		select {
		case <-ctx.Done():
			return ep, err
		case <-tick.C:
		}
	}
}

// Cancel ends a delivery that is not finished.
func (d *Dispatcher) Cancel(ctx context.Context, org string, id peal.DeliveryID) error {
	if err := d.Hand.Cancel(ctx, org, id, d.Now()); err != nil {
		return err
	}
	if d.Observe != nil {
		d.Observe("", nil, peal.Cancelled)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lanes {
		session, ok := l.held[id]
		if !ok {
			continue
		}
		if j := l.unqueue(id, session); j != nil {
			now := d.Now()
			d.drop(l, j)
			d.touch(l, now)
			d.fill(now)
		} else {
			l.reread(id)
		}
		break
	}
	return nil
}

// reread has an ordered lane read its head anew that is coming back from an attempt.
func (l *lane) reread(id peal.DeliveryID) {
	if _, ok := l.held[id]; ok && l.ordered() {
		l.poked = true
	}
}

// Payload renders the bytes that an attempt sent, by its number, with their content
// type; 0 asks for the last one or, where there was none yet, for what would be sent
// now. It fails with peal.CodeGone where the profile or the endpoint has changed since,
// so that the bytes are not the same any more.
func (d *Dispatcher) Payload(ctx context.Context, dlv *peal.Delivery, number int) (body []byte, contentType string, err error) {
	a, err := d.attemptOf(dlv, number)
	if err != nil {
		return nil, "", err
	}
	if a.Events > 1 {
		return nil, "", peal.Errorf(peal.CodeGone, "one message was sent for this and %d more events of the group %s, and is not kept", a.Events-1, dlv.Group)
	}
	prof, ok := d.Profiles.Get(a.Profile)
	if !ok {
		return nil, "", peal.Errorf(peal.CodeGone, "the profile %s of the attempt is not configured any more", a.Profile)
	}
	ev, err := d.Events.EventByID(ctx, dlv.Org, dlv.EventID)
	if err != nil {
		return nil, "", err
	}
	changed := "the profile " + a.Profile
	contentType = jsonType
	if ep, ch, ok := d.renderer(dlv.EndpointID); ok {
		var headers []peal.Header
		changed = "the endpoint"
		body, headers, err = d.tell(ch, ep, []*peal.Event{ev}, dlv.ID)
		for _, h := range headers {
			if h.Name == "Content-Type" {
				contentType = h.Value
			}
		}
	} else {
		body, err = prof.Render(ev)
	}
	if err != nil {
		return nil, "", err
	}
	if len(a.BodyHash) > 0 && !bytes.Equal(bodyHash(body), a.BodyHash) {
		return nil, "", peal.Errorf(peal.CodeGone, "%s has changed since the attempt, so the bytes that were sent cannot be shown", changed)
	}
	return body, contentType, nil
}

const jsonType = "application/json"

// renderer finds the channel of an endpoint that renders by itself.
func (d *Dispatcher) renderer(id peal.EndpointID) (*peal.Endpoint, channel.Renderer, bool) {
	ep, ok := d.Directory.Endpoint(id)
	if !ok {
		return nil, nil, false
	}
	ch, _ := d.Channels.Get(ep.Kind)
	r, ok := ch.(channel.Renderer)
	return ep, r, ok
}

func (d *Dispatcher) attemptOf(dlv *peal.Delivery, number int) (peal.Attempt, error) {
	if number == 0 && len(dlv.Attempts) > 0 {
		return dlv.Attempts[len(dlv.Attempts)-1], nil
	}
	for _, a := range dlv.Attempts {
		if a.Number == number {
			return a, nil
		}
	}
	if ep, ok := d.Directory.Endpoint(dlv.EndpointID); ok && number == 0 {
		return peal.Attempt{Profile: ep.Profile}, nil
	}
	return peal.Attempt{}, peal.NotFound("attempt")
}
