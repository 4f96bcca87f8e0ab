package janitor

import (
	"context"
	"log/slog"
	"time"
)

// Retention is how long things are kept.
type Retention struct {
	// Deliveries are kept from when they finished, and so are executions.
	Deliveries time.Duration
	// Events are kept from when they were accepted, and longer while a delivery of
	// theirs is. What was counted per minute is kept as long, and so are requests and
	// tasks from when they finished.
	Events time.Duration
	// Audit is for the audit trail.
	Audit time.Duration
	// Orgs are those whose deliveries or events are kept for a shorter time.
	Orgs []OrgRetention
}

// OrgRetention is an org's own. What is zero or not shorter is as for all.
type OrgRetention struct {
	Org                string
	Deliveries, Events time.Duration
}

// auditRetention outlives the yearly look at who changed what.
const auditRetention = 400 * 24 * time.Hour

// Store deletes.
type Store interface {
	// Purge deletes one small chunk of what is older than it has to be kept, or of what
	// expired by itself. It tells how many rows it dealt with, zero when none are left.
	// It is called by one goroutine alone.
	Purge(ctx context.Context, r Retention, now time.Time) (int, error)
}

// Config is what a Janitor stands on.
type Config struct {
	Store Store
	Now   func() time.Time
	Log   *slog.Logger
	// Deliveries and Events are as in Retention.
	Deliveries, Events time.Duration
	// Orgs reads the retentions of orgs, anew each round.
	Orgs func() []OrgRetention
}

// Janitor purges a store.
type Janitor struct{ cfg Config }

// New makes a Janitor that works while Run does.
func New(cfg Config) *Janitor { return &Janitor{cfg} }

// pause is the time between rounds; within one, chunk follows chunk until nothing is
// left, and the store lets other work go first.
const pause = time.Minute

// Run purges until ctx is done.
func (j *Janitor) Run(ctx context.Context) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if n, err := j.round(ctx); err != nil && ctx.Err() == nil {
			j.cfg.Log.Warn("old rows could not be deleted; trying again later", "error", err)
		} else if n > 0 {
			j.cfg.Log.Debug("old rows deleted", "rows", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (j *Janitor) round(ctx context.Context) (total int, err error) {
	keep := Retention{Deliveries: j.cfg.Deliveries, Events: j.cfg.Events, Audit: auditRetention, Orgs: j.cfg.Orgs()}
	for ctx.Err() == nil {
		n, err := j.cfg.Store.Purge(ctx, keep, j.cfg.Now())
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}
