package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
)

// Config is what a Dispatcher stands on.
type Config struct {
	Store Store
	// Lanes is nil where no other node shares the database: then all lanes are this one's.
	Lanes     Lanes
	Hand      Hand
	Health    Health
	Events    Events
	Directory *directory.Directory
	Profiles  *profile.Set
	Channels  Channels
	// PublicURL is where people reach the server, for links in messages; empty for none.
	PublicURL string
	// Disable turns an endpoint off and tells its org why.
	Disable func(ctx context.Context, id peal.EndpointID, reason string) error
	// MayStart tells whether this node is certain to own what it holds. Where it is
	// not, others may be about to take it over, and no attempt is started.
	MayStart func() bool
	// MayGoOn is like it for attempts that are under way and must not overlap with those of
	// whoever takes over; it ends later. Session is this node's, which changes where others
	// took it for dead.
	MayGoOn func() bool
	Session func() int64
	// Now is database time; Random spreads retries and gives numbers in [0,1).
	Now    func() time.Time
	Random func() float64
	Log    *slog.Logger
	// Observe is told of each outcome, for metrics; the attempt is nil where nothing
	// was sent. Nil for none.
	Observe func(profile string, a *peal.Attempt, status peal.Status)

	// Slots bounds all attempts at once, LaneConcurrency those of one lane whose
	// endpoint does not say.
	Slots           int
	LaneConcurrency int
	// MemoryBudget bounds the bytes of all jobs in memory.
	MemoryBudget int
	// DisableAfter is how long an endpoint may fail on end.
	DisableAfter time.Duration
	// DrainTimeout is how long attempts under way may take at shutdown.
	DrainTimeout time.Duration
}

// Channels finds the channel of an endpoint's kind; *channel.Set does.
type Channels interface {
	Get(kind string) (channel.Channel, bool)
}

// Health tells how an endpoint has fared, on all nodes.
type Health interface {
	// FailingSince is when the first attempt failed after the last that succeeded;
	// zero where none did.
	FailingSince(ctx context.Context, id peal.EndpointID) (time.Time, error)
}

// Events reads an event back.
type Events interface {
	EventByID(ctx context.Context, org string, id peal.EventID) (*peal.Event, error)
}

// Dispatcher owns the lanes of this node.
type Dispatcher struct {
	Config

	// sending outlives the context of Run, so that attempts can finish in a drain.
	sending     context.Context
	stopSending context.CancelFunc
	// limited is for attempts that end with the certainty about the session.
	limited    context.Context
	cutLimited context.CancelFunc
	work       sync.WaitGroup // attempts
	recording  sync.WaitGroup // outcomes on their way to the store

	mu      sync.Mutex
	lanes   map[peal.EndpointID]*lane
	healthy *fairQueue
	suspect *fairQueue
	picks   uint64
	bytes   int
	closing bool
	// doubts count what may have left rows that are owned and that no lane holds.
	doubts int

	replaying  sync.Mutex // one step of a replay at a time
	replayTurn int        // of the maintenance
	shared     time.Time  // when the bound lanes were last shared out

	// chores are lanes that a claimer should look at.
	chores    []*lane
	choreCond *sync.Cond
}

// New makes a Dispatcher and has it follow the directory's changes.
func New(c Config) *Dispatcher {
	d := &Dispatcher{
		Config: c, lanes: map[peal.EndpointID]*lane{},
		healthy: newFairQueue(), suspect: newFairQueue(),
	}
	d.sending, d.stopSending = context.WithCancel(context.Background())
	d.limited, d.cutLimited = context.WithCancel(d.sending)
	d.choreCond = sync.NewCond(&d.mu)
	c.Directory.OnChange(d.endpointChanged)
	return d
}

const (
	claimers      = 4
	backlogPage   = 1000
	backlogEvery  = time.Second
	reconcileEach = 30 * time.Second
	// reconcileSoon is longer than a claim may take between its commit and its lane.
	reconcileSoon = 5 * time.Second
	// What a stop takes at the most beside DrainTimeout.
	recordTimeout  = 3 * time.Second
	releaseTimeout = 2 * time.Second
)

// Run claims, sends and records until ctx is done, then lets attempts under way
// finish and gives up what was not started.
func (d *Dispatcher) Run(ctx context.Context) error {
	// The claimers end when the drain is over, not when ctx is done.
	var chores sync.WaitGroup
	for range claimers {
		chores.Go(d.claimer)
	}
	if d.Lanes != nil {
		chores.Go(func() { d.look(ctx) })
		chores.Go(func() { d.guard(d.sending) })
	}
	d.maintain(ctx)

	d.mu.Lock()
	d.closing = true
	for _, l := range d.lanes {
		if l.timer != nil {
			l.timer.Stop()
		}
	}
	d.choreCond.Broadcast()
	d.mu.Unlock()

	cut := time.AfterFunc(d.DrainTimeout, d.stopSending)
	d.work.Wait()
	cut.Stop()
	d.stopSending()
	chores.Wait()
	d.awaitRecords()
	// What is not released now is when the next session starts.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	return d.Store.Release(ctx, nil)
}

// awaitRecords waits until all outcomes are durable, since what is released first is
// delivered again. A store that is away is not waited for.
func (d *Dispatcher) awaitRecords() {
	recorded := make(chan struct{})
	go func() {
		d.recording.Wait()
		close(recorded)
	}()
	select {
	case <-recorded:
	case <-time.After(recordTimeout):
		d.Log.Warn("outcomes could not be recorded before the stop; their deliveries will be repeated")
	}
}

// maintain looks for what other nodes, crashes and time have left.
func (d *Dispatcher) maintain(ctx context.Context) {
	tick := time.NewTicker(backlogEvery)
	defer tick.Stop()
	var after peal.EndpointID
	var reconciled time.Time
	var missed map[peal.DeliveryID]struct{}
	for {
		for {
			full, err := d.scan(ctx, &after)
			if err != nil && ctx.Err() == nil {
				d.Log.Warn("waiting deliveries could not be looked for", "error", err)
			}
			if !full || err != nil {
				break
			}
		}
		if err := d.continueReplays(ctx); err != nil && ctx.Err() == nil {
			d.Log.Warn("replays wait", "error", err)
		}
		doubts := d.doubtful()
		if now := d.Now(); now.Sub(reconciled) >= reconcileEach || doubts > 0 && now.Sub(reconciled) >= reconcileSoon {
			var err error
			if missed, err = d.reconcile(ctx, missed); err != nil && ctx.Err() == nil {
				d.Log.Warn("owned deliveries could not be compared", "error", err)
			}
			if err == nil && len(missed) == 0 {
				d.cleared(doubts)
			}
			d.forgetIdle(now)
			reconciled = now
		}
		if d.Lanes != nil {
			if err := d.shareLanes(ctx); err != nil && ctx.Err() == nil {
				d.Log.Warn("lanes could not be shared out", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// scan looks at one page of endpoints with waiting rows; full says that more follow.
func (d *Dispatcher) scan(ctx context.Context, after *peal.EndpointID) (full bool, err error) {
	rows, err := d.Store.Backlog(ctx, *after, backlogPage)
	if err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	for _, b := range rows {
		l := d.lane(b.Endpoint)
		if l.nextDue.IsZero() || b.FirstDue.Before(l.nextDue) {
			l.nextDue = b.FirstDue
		}
		d.touch(l, now)
	}
	d.fill(now)
	if full = len(rows) == backlogPage; full {
		*after = rows[len(rows)-1].Endpoint
	} else {
		*after = peal.EndpointID{}
	}
	return full, nil
}

// reconcile releases rows that the session owns and this node does not hold, as a
// lost answer to a claim would leave them. Rows between their commit and their
// lane look the same, so a row must be missed twice in a row.
func (d *Dispatcher) reconcile(ctx context.Context, missed map[peal.DeliveryID]struct{}) (map[peal.DeliveryID]struct{}, error) {
	owned, err := d.Store.Owned(ctx)
	if err != nil {
		return nil, err
	}
	held := d.heldIDs()
	again := map[peal.DeliveryID]struct{}{}
	var lost []peal.DeliveryID
	for _, id := range owned {
		if _, ok := held[id]; ok {
			continue
		}
		if _, ok := missed[id]; ok {
			lost = append(lost, id)
		} else {
			again[id] = struct{}{}
		}
	}
	if len(lost) == 0 {
		return again, nil
	}
	d.Log.Warn("releasing deliveries that no lane holds", "count", len(lost))
	return again, d.Store.Release(ctx, lost)
}

// Doubt has what is owned compared with what is held soon, since it is not known what
// became of a commit.
func (d *Dispatcher) Doubt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doubts++
}

func (d *Dispatcher) doubtful() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.doubts
}

// cleared takes back the doubts that there were before owned and held were found equal.
func (d *Dispatcher) cleared(doubts int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doubts -= doubts
}

func (d *Dispatcher) heldIDs() map[peal.DeliveryID]struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := map[peal.DeliveryID]struct{}{}
	for _, l := range d.lanes {
		for id := range l.held {
			ids[id] = struct{}{}
		}
	}
	return ids
}

func (d *Dispatcher) forgetIdle(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, l := range d.lanes {
		if l.idle(now) {
			if l.timer != nil {
				l.timer.Stop()
			}
			delete(d.lanes, id)
		}
	}
}

// lane finds or makes the lane of an endpoint.
func (d *Dispatcher) lane(id peal.EndpointID) *lane {
	l := d.lanes[id]
	if l == nil {
		l = &lane{id: id, held: map[peal.DeliveryID]int64{}, windowStart: d.Now()}
		l.shared = d.Lanes != nil
		if ep, ok := d.Directory.Endpoint(id); ok {
			l.setEndpoint(ep)
		}
		d.lanes[id] = l
	}
	return l
}

// endpointChanged follows the directory.
func (d *Dispatcher) endpointChanged(c directory.Change) {
	if c.Kind != directory.KindEndpoint {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lanes[c.EndpointID]
	if l == nil {
		// Without a lane there is nothing in memory; the scan finds what waits.
		return
	}
	l.setEndpoint(c.Endpoint)
	l.backlog = true
	l.arrivals++
	now := d.Now()
	d.touch(l, now)
	d.fill(now)
}

// Forget drops what is held and not under way, and the ownership of lanes: the node has
// a new session, so that none of it is its own any more. What is under way is fenced when it is recorded.
func (d *Dispatcher) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	for _, l := range d.lanes {
		for _, j := range l.queue {
			d.dropAll(l, j)
		}
		l.queue = nil
		l.owner, l.leaving, l.poked = 0, false, false
		l.backlog = true
		l.arrivals++
		d.touch(l, now)
	}
}

// Load is how busy this node is.
type Load struct {
	Lanes, OpenCircuits, InFlight, HeldBytes int
}

// Load takes a snapshot.
func (d *Dispatcher) Load() Load {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := Load{Lanes: len(d.lanes), InFlight: d.healthy.inFlight + d.suspect.inFlight, HeldBytes: d.bytes}
	for _, lane := range d.lanes {
		if lane.circuit.open {
			l.OpenCircuits++
		}
	}
	return l
}
