package governance

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// Config is what an Engine stands on.
type Config struct {
	Store     Store
	Reader    Reader
	Hours     HourStore
	Books     Books
	History   History
	Directory *directory.Directory
	// AllowsRequests tells whether orgs of a plan may reserve.
	AllowsRequests func(plan string) bool
	// Now is database time.
	Now func() time.Time
	// IDsKept is how long ids of usage are remembered.
	IDsKept time.Duration
	// Lateness is how long after its end an hour of usage is closed.
	Lateness time.Duration
	Log      *slog.Logger
}

// Engine is governance as the API calls it. It is safe for concurrent use.
type Engine struct {
	Config
	mu sync.Mutex
	// plans are those of the configuration's version.
	version int64
	plans   map[string]*Plan
	// ending is closed when nobody may be kept waiting any more.
	ending chan struct{}
	end    sync.Once
}

// New makes an Engine, which gives up overdue reservations while Run does.
func New(c Config) *Engine {
	return &Engine{Config: c, plans: map[string]*Plan{}, ending: make(chan struct{})}
}

// EndWaits answers all who wait, now and later, with what there is.
func (e *Engine) EndWaits() { e.end.Do(func() { close(e.ending) }) }

// plan is what an org's requests are held against now. An org that is gone has one, too,
// under which its reservations end.
func (e *Engine) plan(org string) *Plan {
	version := e.Directory.Version()
	e.mu.Lock()
	defer e.mu.Unlock()
	if version != e.version {
		clear(e.plans)
		e.version = version
	}
	p := e.plans[org]
	if p == nil {
		o, ok := e.Directory.Org(org)
		if !ok {
			o = peal.Org{ID: org}
		}
		p = NewPlan(o, e.Settings(org), directory.Rules.All(e.Directory, org), !e.AllowsRequests(o.Plan))
		e.plans[org] = p
	}
	return p
}

// Settings are how an org counts.
func (e *Engine) Settings(org string) peal.Governance {
	if g, ok := directory.Governances.Get(e.Directory, org, directory.GovernanceID); ok {
		return *g
	}
	return peal.DefaultGovernance(org)
}

// CheckCurrency fails with peal.CodeConflict where amounts were counted in another currency:
// sums and credits are never of two.
func (e *Engine) CheckCurrency(ctx context.Context, org, currency string) error {
	was := e.Settings(org).Currency
	if currency == was {
		return nil
	}
	_, used, err := e.Hours.NextHour(ctx, org, 0)
	if err != nil {
		return err
	}
	account, err := e.Reader.Account(ctx, org)
	if err == nil && (used || account.Open) {
		err = peal.Errorf(peal.CodeConflict, "amounts were counted in %s, and nothing is converted; make an org for those in %s", was, peal.Clip(currency, 16))
	}
	return err
}

// now is database time as it is stored.
func (e *Engine) now() time.Time { return e.Now().UTC().Truncate(time.Microsecond) }

// do submits a work and waits for what became of it.
func (e *Engine) do(ctx context.Context, org string, w *Work) error {
	w.Plan, w.Now = e.plan(org), e.now()
	done := make(chan error, 1)
	w.Done = func(err error) { done <- err }
	if err := e.Store.Submit(w); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return peal.Wrap(peal.CodeUnavailable, ctx.Err(), "the request was given up; it may have been accepted")
	}
}

// Report counts usage. It tells how many records were counted before.
func (e *Engine) Report(ctx context.Context, org string, records []Record) (duplicates int, err error) {
	if len(records) == 0 {
		return 0, nil
	}
	w := &Work{Usage: &Usage{Records: records, Expires: e.Now().Add(e.IDsKept)}}
	if err := e.do(ctx, org, w); err != nil {
		return 0, err
	}
	return w.Usage.Duplicates, nil
}

// Reserve decides a reservation, of which the request's fields are set.
func (e *Engine) Reserve(ctx context.Context, org string, r Reservation) (*Reservation, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	r.ID, r.Org = peal.NewReservationID(e.Now()), org
	if err := e.do(ctx, org, &Work{Reserve: &r}); err != nil {
		return nil, err
	}
	return &r, nil
}

// Close does a deed to a reservation and gives what became of it.
func (e *Engine) Close(ctx context.Context, org string, c Closing) (*Reservation, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.Extend = e.now().Add(reserveFor)
	if err := e.do(ctx, org, &Work{Close: &c}); err != nil {
		return nil, err
	}
	return c.Reservation, nil
}

// AddCredits tops an org's credits up, or takes some off where the amount is negative.
func (e *Engine) AddCredits(ctx context.Context, org, actor, note string, amount peal.Decimal) (*CreditEntry, error) {
	if amount == 0 {
		return nil, peal.Invalid("amount", "amount is not zero")
	}
	if err := checkLabel("note", note); err != nil {
		return nil, err
	}
	c := &CreditEntry{ID: peal.NewCreditID(e.Now()), Org: org, Amount: amount, Note: note, Actor: actor}
	if err := e.do(ctx, org, &Work{Credit: c}); err != nil {
		return nil, err
	}
	return c, nil
}

const (
	// waitPoll is how often a wait for an approval looks.
	waitPoll = 200 * time.Millisecond
	// MaxWait is the longest wait.
	MaxWait = 30 * time.Second
)

// Wait reads a reservation, and where it waits for a person, reads on for a while until it
// no longer does.
func (e *Engine) Wait(ctx context.Context, org string, id peal.ReservationID, wait time.Duration) (*Reservation, error) {
	over := time.NewTimer(min(wait, MaxWait))
	defer over.Stop()
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	for {
		r, err := e.Reader.Reservation(ctx, org, id)
		if err != nil || r.Status != Waiting || wait <= 0 {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, nil
		case <-e.ending:
			return r, nil
		case <-over.C:
			return r, nil
		case <-tick.C:
		}
	}
}

const (
	expirePause = time.Second
	expireBatch = 200
)

// Run gives up reservations whose time is over, until ctx is done.
func (e *Engine) Run(ctx context.Context) error {
	tick := time.NewTicker(expirePause)
	defer tick.Stop()
	for {
		if err := e.expire(ctx); err != nil && ctx.Err() == nil {
			e.Log.Warn("overdue reservations wait", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// expire gives up what is overdue. Another node may do the same at the same time.
func (e *Engine) expire(ctx context.Context) error {
	for {
		overdue, err := e.Store.Overdue(ctx, e.Now(), expireBatch)
		if err != nil || len(overdue) == 0 {
			return err
		}
		done := make(chan error, len(overdue))
		for _, o := range overdue {
			err := e.Store.Submit(&Work{
				Plan: e.plan(o.Org), Now: e.now(), Close: &Closing{ID: o.ID, Deed: Expire}, Done: func(err error) { done <- err },
			})
			if err != nil {
				done <- err
			}
		}
		for range overdue {
			if failed := <-done; failed != nil {
				err = failed
			}
		}
		if err != nil || len(overdue) < expireBatch {
			return err
		}
	}
}
