package dispatch

import (
	"context"

	"github.com/peal-dev/peal/internal/peal"
)

const (
	replayChunk = 200
	// replaySteps is how many chunks are done at a time: before the caller is
	// answered, and in each round of the maintenance after that.
	replaySteps = 5
)

// Replay delivers again what a filter selects of the finished deliveries that were
// made until now. It is durable when it returns, and goes on by itself where there
// is more than can be done at once.
func (d *Dispatcher) Replay(ctx context.Context, f peal.DeliveryFilter) (*Replay, error) {
	now := d.Now()
	if f.Until.IsZero() || f.Until.After(now) {
		f.Until = now
	}
	r := &Replay{ID: peal.NewDeliveryID(now).As("rpl_"), Filter: f, CreatedAt: now}
	d.replaying.Lock()
	defer d.replaying.Unlock()
	if err := d.Hand.StartReplay(ctx, r); err != nil {
		return nil, err
	}
	return d.stepReplay(ctx, r)
}

// stepReplay does the next few chunks; d.replaying is held.
func (d *Dispatcher) stepReplay(ctx context.Context, r *Replay) (*Replay, error) {
	for range replaySteps {
		next, err := d.Hand.StepReplay(ctx, r.ID, d.Now(), replayChunk, d.known)
		if err != nil {
			return nil, err
		}
		for _, id := range next.Endpoints {
			d.Waiting(id)
		}
		if r = next; r.Finished {
			break
		}
	}
	return r, nil
}

// continueReplays carries on what was not finished when its caller was answered, or
// when a node stopped.
func (d *Dispatcher) continueReplays(ctx context.Context) error {
	replays, err := d.Hand.Replays(ctx)
	if err != nil || len(replays) == 0 {
		return err
	}
	// One a round, so that many do not keep the lanes from being looked after.
	d.replayTurn++
	r := replays[d.replayTurn%len(replays)]
	d.replaying.Lock()
	defer d.replaying.Unlock()
	_, err = d.stepReplay(ctx, r)
	if peal.CodeOf(err) == peal.CodeNotFound {
		return nil // its caller has finished it meanwhile
	}
	return err
}

// known tells whether an endpoint is there to be delivered to.
func (d *Dispatcher) known(id peal.EndpointID) bool {
	_, ok := d.Directory.Endpoint(id)
	return ok
}
