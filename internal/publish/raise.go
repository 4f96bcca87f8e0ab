package publish

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/peal-dev/peal/internal/peal"
)

// Reader reads back what publish needs of the store.
type Reader interface {
	// Raised lists the oldest raised rows, each with its Seq.
	Raised(ctx context.Context, limit int) ([]peal.Raised, error)
	Deliveries(ctx context.Context, f peal.DeliveryFilter, page peal.Page) ([]peal.Delivery, string, error)
}

const (
	raisedPoll  = 250 * time.Millisecond
	raisedBatch = 64
	// raisedAtOnce is how many rows are published at once, so that they share a
	// transaction. They may overtake one another.
	raisedAtOnce = 16
)

// Run turns raised rows into events until ctx is done.
func (p *Publisher) Run(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(raisedPoll)
	defer tick.Stop()
	for {
		if err := p.drain(ctx); err != nil && ctx.Err() == nil {
			log.Warn("raised events wait", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// drain publishes until no row is left. One that fails does not hold up those that
// were read with it.
func (p *Publisher) drain(ctx context.Context) error {
	for {
		rows, err := p.Reader.Raised(ctx, raisedBatch)
		if err != nil || len(rows) == 0 {
			return err
		}
		var raising errgroup.Group
		raising.SetLimit(raisedAtOnce)
		for i := range rows {
			raising.Go(func() error { return p.raise(ctx, &rows[i]) })
		}
		if err := raising.Wait(); err != nil {
			return err
		}
	}
}

// raise publishes one raised row and consumes it in the same transaction.
func (p *Publisher) raise(ctx context.Context, r *peal.Raised) error {
	in := Input{
		Type: r.Type, Subject: r.Subject, Severity: r.Severity,
		Title: r.Title, Message: r.Message, Data: r.Data,
	}
	_, err := p.commit(ctx, func() (*Commit, error) {
		now := p.now()
		ev, err := in.event(r.Org, now)
		if err != nil {
			return nil, err
		}
		c := &Commit{Org: r.Org, Now: now, RaisedSeq: r.Seq, Events: []*NewEvent{{Event: ev}}}
		err = p.match(c, r.Exclude)
		if peal.CodeOf(err) == peal.CodeNotFound {
			err = nil // the org is gone: the commit only consumes the row
			c.Events = nil
		}
		return c, err
	})
	if errors.Is(err, ErrRaisedGone) {
		return nil
	}
	return err
}
