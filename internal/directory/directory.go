package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// PollInterval is how late a node may learn of another node's change.
const PollInterval = 250 * time.Millisecond

// Directory is the configuration in memory. It is safe for concurrent use; what it
// hands out is shared and must not be changed.
type Directory struct {
	src   Source
	ring  *secret.Keyring
	log   *slog.Logger
	hooks []func(Change)

	rounds rounds

	mu        sync.RWMutex
	version   int64
	tenants   map[string]*tenant
	orgs      ordered[*orgEntry]
	keys      map[[32]byte]*keyEntry
	endpoints map[peal.EndpointID]*endpointEntry
	objects   map[objectID]*object
	members   map[string][]*object // by folded mail address
}

// Change is one object that was created, replaced or deleted.
type Change struct {
	Kind string
	Org  string
	ID   string
	// EndpointID is set for endpoints; Endpoint is the new state, nil where it was
	// deleted.
	EndpointID peal.EndpointID
	Endpoint   *peal.Endpoint
}

// New makes an empty directory, which Refresh fills.
func New(src Source, ring *secret.Keyring, log *slog.Logger) *Directory {
	return &Directory{
		src: src, ring: ring, log: log,
		rounds:    rounds{running: make(chan struct{}, 1)},
		tenants:   map[string]*tenant{},
		keys:      map[[32]byte]*keyEntry{},
		endpoints: map[peal.EndpointID]*endpointEntry{},
		objects:   map[objectID]*object{},
		members:   map[string][]*object{},
	}
}

// OnChange registers a function that is called for every change, in order and after
// it was applied. It must be registered before the first Refresh, must not block, and
// must not call Refresh.
func (d *Directory) OnChange(hook func(Change)) { d.hooks = append(d.hooks, hook) }

// Refresh applies what the store has committed before the call. Calls at the same
// time share one reading of the store.
func (d *Directory) Refresh(ctx context.Context) error { return d.rounds.do(ctx, d.refresh) }

// Run follows the store until ctx is done. It logs when following starts to fail and
// when it works again.
func (d *Directory) Run(ctx context.Context) error {
	tick := time.NewTicker(PollInterval)
	defer tick.Stop()
	failing := false
	for {
		err := d.Refresh(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			d.log.Error("configuration cannot be read; serving what was last known", "error", err)
		case err == nil && failing:
			d.log.Info("configuration can be read again", "version", d.Version())
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// applyBatch bounds how many changes are applied while readers wait.
const applyBatch = 256

func (d *Directory) refresh(ctx context.Context) error {
	since := d.Version()
	rows, newest, err := d.src.Changes(ctx, since)
	if err != nil {
		return fmt.Errorf("directory: changes since %d: %w", since, err)
	}
	for len(rows) > 0 {
		n := min(len(rows), applyBatch)
		d.announce(d.apply(d.read(rows[:n])))
		rows = rows[n:]
	}
	// The version moves last: who matches between two batches is told the old one,
	// finds that the store's differs, and matches again.
	d.mu.Lock()
	d.version = max(d.version, newest)
	d.mu.Unlock()
	return nil
}

func (d *Directory) announce(changes []Change) {
	for _, c := range changes {
		for _, hook := range d.hooks {
			hook(c)
		}
	}
}

// rounds lets callers share work: whoever calls while a round runs waits for the
// next one, since the running one may have looked too early to see their change.
type rounds struct {
	running chan struct{} // holds one while a round runs
	mu      sync.Mutex    // guards next
	next    *round
}

type round struct {
	done chan struct{}
	err  error
}

func (r *rounds) do(ctx context.Context, work func(context.Context) error) error {
	for {
		mine, lead := r.join()
		if lead {
			r.lead(ctx, mine, work)
			return mine.err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-mine.done:
		}
		// A round ends with its leader's context, which is not this caller's.
		if !errors.Is(mine.err, context.Canceled) && !errors.Is(mine.err, context.DeadlineExceeded) {
			return mine.err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (r *rounds) join() (mine *round, lead bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil {
		return r.next, false
	}
	r.next = &round{done: make(chan struct{})}
	return r.next, true
}

func (r *rounds) lead(ctx context.Context, mine *round, work func(context.Context) error) {
	defer close(mine.done)
	select {
	case r.running <- struct{}{}:
		defer func() { <-r.running }()
	case <-ctx.Done():
	}
	r.mu.Lock()
	r.next = nil // who comes from now on needs another look
	r.mu.Unlock()
	if mine.err = ctx.Err(); mine.err == nil {
		mine.err = work(ctx)
	}
}
