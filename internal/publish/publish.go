package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
)

// Lanes is where committed deliveries go. Reserve comes before the commit: with
// room, the row is committed as owned and delivered at once; without, it waits in
// the store.
type Lanes interface {
	Reserve(id peal.EndpointID, size int) bool
	// Unreserve gives back what a Reserve took and no Deliver followed.
	Unreserve(id peal.EndpointID, size int)
	Deliver(ev *peal.Event, placed []peal.Placement)
	// Waiting says that a row for the endpoint was committed without an owner.
	Waiting(id peal.EndpointID)
	// Due says that a row for the endpoint was committed without an owner, which is not
	// due before a time.
	Due(id peal.EndpointID, at time.Time)
}

// Config is what a Publisher stands on.
type Config struct {
	Store     Store
	Reader    Reader
	Directory *directory.Directory
	Profiles  *profile.Set
	Lanes     Lanes
	Sender    Sender
	// Now is database time.
	Now func() time.Time
	// MaxEventBytes bounds what the publisher chose of one event.
	MaxEventBytes int
	// IdempotencyTTL is how long a key is remembered.
	IdempotencyTTL time.Duration
	// Observe is told of each accepted request, Finished of each delivery that was
	// finished when it was committed, for metrics; nil for none.
	Observe  func(accepted, duplicates, deliveries int)
	Finished func(status peal.Status)
}

// Publisher accepts events.
type Publisher struct{ Config }

// New makes a Publisher.
func New(c Config) *Publisher { return &Publisher{Config: c} }

// Request is what one call publishes: all of it, or nothing.
type Request struct {
	Org    string
	Inputs []Input
	// Key is the client's idempotency key, empty for none.
	Key string
	// To sends the events to this endpoint of the org alone, whatever it subscribes to;
	// zero sends them to all that match.
	To peal.EndpointID
}

// Answer is what the caller is told, event by event in the order of the request.
type Answer struct {
	// Duplicate says that the idempotency key was used before, with the same request.
	Duplicate bool
	Events    []Accepted
}

// Accepted is the answer for one event.
type Accepted struct {
	ID         string
	Deliveries int // suppressed ones are not counted
	Duplicate  bool
}

// MaxKeyLen bounds an idempotency key, in bytes.
const MaxKeyLen = 256

// MaxDeliveries is how many deliveries one batch may make: all of them are written in
// one transaction. A single event goes to as many endpoints as match.
const MaxDeliveries = 20_000

// DefaultSource is the source of events that name none; CloudEvents requires one.
const DefaultSource = "peal"

// Publish accepts events and returns after they are durable.
func (p *Publisher) Publish(ctx context.Context, r Request) (Answer, error) {
	if len(r.Key) > MaxKeyLen {
		return Answer{}, peal.Invalid("Idempotency-Key", "an idempotency key is at most %d bytes", MaxKeyLen)
	}
	c, err := p.commit(ctx, func() (*Commit, error) { return p.plan(r) })
	if err != nil {
		return Answer{}, err
	}
	return p.answer(c), nil
}

func (in *Input) data() []byte {
	if in.Data == nil {
		return []byte("{}")
	}
	return in.Data
}

// event turns an input into the immutable event, with what it leaves out filled in.
func (in *Input) event(org string, now time.Time) (*peal.Event, error) {
	ev := &peal.Event{
		ID: peal.NewEventID(now), Org: org, ClientID: in.ClientID,
		Type: in.Type, Source: in.Source, Subject: in.Subject,
		Severity: in.Severity, Title: in.Title, Message: in.Message,
		Time: in.Time, AcceptedAt: now, Data: in.data(),
	}
	if ev.Source == "" {
		ev.Source = DefaultSource
	}
	if ev.Time.IsZero() {
		ev.Time = now
	}
	if err := ev.Validate(); err != nil {
		return nil, err
	}
	if ev.Title == "" || ev.Message == "" || ev.Severity == "" {
		title, message, severity := catalogue.Describe(ev)
		ev.Title = orElse(ev.Title, title)
		ev.Message = orElse(ev.Message, message)
		ev.Severity = orElse(ev.Severity, severity)
	}
	return ev, nil
}

func orElse[T ~string](v, otherwise T) T {
	if v != "" {
		return v
	}
	return otherwise
}

// plan builds the commit of a request: events, matches and places in lanes.
func (p *Publisher) plan(r Request) (*Commit, error) {
	now := p.now()
	c := &Commit{Org: r.Org, Now: now, Events: make([]*NewEvent, len(r.Inputs))}
	item := func(err error, i int) error {
		if err != nil && len(r.Inputs) > 1 {
			return inItem(err, i)
		}
		return err
	}
	for i := range r.Inputs {
		in := &r.Inputs[i]
		if n := in.size(); n > p.MaxEventBytes {
			return nil, item(peal.Errorf(peal.CodeTooLarge, "the event has %d bytes; the limit is %d", n, p.MaxEventBytes), i)
		}
		ev, err := in.event(r.Org, now)
		if err != nil {
			return nil, item(err, i)
		}
		e := &NewEvent{Event: ev}
		if in.ClientID != "" || r.Key != "" {
			e.Hash = in.hash()
		}
		e.Refused = item(p.Directory.CheckData(r.Org, in.Type, ev.Data), i)
		c.Events[i] = e
	}
	if r.Key != "" {
		h := sha256.New()
		for _, e := range c.Events {
			h.Write(e.Hash[:])
		}
		c.Key = &IdempotencyKey{Key: r.Key, Hash: [32]byte(h.Sum(nil)), Expires: now.Add(p.IdempotencyTTL)}
	}
	if !r.To.IsZero() {
		return c, p.address(c, r.To)
	}
	if err := p.match(c, peal.EndpointID{}); err != nil {
		return nil, err
	}
	return c, nil
}

// address sends every event to one endpoint.
func (p *Publisher) address(c *Commit, to peal.EndpointID) error {
	c.ConfigVersion = p.Directory.Version()
	ep, ok := p.Directory.EndpointOf(c.Org, to)
	if !ok {
		return peal.NotFound("endpoint")
	}
	for _, e := range c.Events {
		quiet := p.Directory.Quiet(c.Org, e.Event, c.Now)
		e.Deliveries = []*NewDelivery{p.delivery(e.Event, ep, &quiet, c.Now)}
	}
	return nil
}

// match finds the endpoints of every event. Two configurations within one commit
// would make its version a lie, so a move in between starts it over.
func (p *Publisher) match(c *Commit, exclude peal.EndpointID) error {
	total := 0
	for i := 0; i < len(c.Events); i++ {
		e := c.Events[i]
		endpoints, version, err := p.Directory.Match(c.Org, e.Event, exclude)
		if err != nil {
			return err
		}
		if i == 0 {
			c.ConfigVersion = version
		} else if version != c.ConfigVersion {
			i, total = -1, 0
			continue
		}
		if total += len(endpoints); total > MaxDeliveries && len(c.Events) > 1 {
			return c.refuse(peal.Errorf(peal.CodeTooLarge, "the batch makes more than %d deliveries: split the batch", MaxDeliveries))
		}
		e.Deliveries = make([]*NewDelivery, len(endpoints))
		if len(endpoints) == 0 {
			continue
		}
		// Looked up after the match: what is newer than its version makes the commit stale.
		quiet := p.Directory.Quiet(c.Org, e.Event, c.Now)
		for j, ep := range endpoints {
			e.Deliveries[j] = p.delivery(e.Event, ep, &quiet, c.Now)
		}
	}
	return nil
}

// refuse has the commit end with err, unless the store knows it for a repeat of what was
// accepted before: then fewer endpoints matched.
func (c *Commit) refuse(err error) error {
	if c.Key == nil && !slices.ContainsFunc(c.Events, func(e *NewEvent) bool { return e.Event.ClientID != "" }) {
		return err
	}
	for _, e := range c.Events {
		e.Deliveries = nil
		if e.Refused == nil {
			e.Refused = err
		}
	}
	return nil
}

// delivery decides how an event goes to a matching endpoint.
func (p *Publisher) delivery(ev *peal.Event, ep *peal.Endpoint, quiet *directory.Quiet, now time.Time) *NewDelivery {
	d := &NewDelivery{
		ID: peal.NewDeliveryID(now), Endpoint: ep.ID, Status: peal.Pending,
		Ordered: ep.Ordered, Size: ev.Size(),
	}
	if reason := quiet.For(ep); reason != "" {
		d.Status, d.Reason = peal.Suppressed, reason
		return d
	}
	prof, ok := p.Profiles.Get(ep.Profile)
	if !ok {
		return d // dispatch tells what is wrong, attempt by attempt
	}
	if prof.DropWhilePaused && ep.Status != peal.Active {
		d.Status, d.Reason = peal.Dropped, string(ep.Status)
		return d
	}
	if prof.DedupWindow > 0 && ev.Type != peal.TypeTest {
		d.DedupKey, d.DedupWindow = prof.Name, prof.DedupWindow
	}
	p.collect(d, ev, ep, now)
	return d
}

// now is database time as the store keeps it: what is sent at once and what is read
// back later must be the same to the byte.
func (p *Publisher) now() time.Time { return p.Now().UTC().Truncate(time.Microsecond) }

// staleTries bounds how often one request is matched again because configuration
// moved under it.
const staleTries = 20

// commit plans, reserves, submits and waits, again while the configuration moves.
func (p *Publisher) commit(ctx context.Context, plan func() (*Commit, error)) (*Commit, error) {
	for range staleTries {
		c, err := plan()
		if err != nil {
			return nil, err
		}
		done := make(chan error, 1)
		c.Done = func(err error) {
			p.settle(c, err)
			done <- err
		}
		p.reserve(c)
		if err := p.Store.Submit(c); err != nil {
			p.settle(c, err)
			return nil, err
		}
		select {
		case err = <-done:
		case <-ctx.Done():
			return nil, peal.Wrap(peal.CodeUnavailable, ctx.Err(), "the request was given up before its outcome was known")
		}
		if !errors.Is(err, ErrStale) {
			return c, err
		}
		if err := p.Directory.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, &peal.Error{Code: peal.CodeUnavailable, Message: "the configuration is changing too fast", RetryAfter: time.Second}
}

func (p *Publisher) reserve(c *Commit) {
	for _, e := range c.Events {
		for _, d := range e.Deliveries {
			// Ordered lanes claim by sequence number, which is known after the commit, and
			// what goes with others is claimed with them.
			d.Owned = d.Status == peal.Pending && !d.Ordered && d.Group == nil && p.Lanes.Reserve(d.Endpoint, d.Size)
		}
	}
}

// settle hands what was committed to the lanes and gives back what was not. It runs
// on the goroutine that commits, in the order of commits.
func (p *Publisher) settle(c *Commit, err error) {
	for _, e := range c.Events {
		var placed []peal.Placement
		void := err != nil || c.Duplicate || e.Duplicate
		for _, d := range e.Deliveries {
			lost := void || d.Status != peal.Pending
			switch {
			case d.Owned && lost:
				p.Lanes.Unreserve(d.Endpoint, d.Size)
			case d.Owned:
				placed = append(placed, peal.Placement{ID: d.ID, Endpoint: d.Endpoint, Size: d.Size})
			case !lost && d.Group != nil:
				p.Lanes.Due(d.Endpoint, d.DueAt)
			case !lost:
				p.Lanes.Waiting(d.Endpoint)
			}
			if !void && d.Status.Finished() && p.Finished != nil {
				p.Finished(d.Status)
			}
		}
		if len(placed) > 0 {
			p.Lanes.Deliver(e.Event, placed)
		}
	}
}

func (p *Publisher) answer(c *Commit) Answer {
	a := Answer{Duplicate: c.Duplicate, Events: make([]Accepted, len(c.Events))}
	duplicates, deliveries := 0, 0
	for i, e := range c.Events {
		a.Events[i] = Accepted{ID: e.AnswerID, Deliveries: e.AnswerDeliveries, Duplicate: c.Duplicate || e.Duplicate}
		if a.Events[i].Duplicate {
			duplicates++
		} else {
			deliveries += e.AnswerDeliveries
		}
	}
	if p.Observe != nil {
		p.Observe(len(c.Events)-duplicates, duplicates, deliveries)
	}
	return a
}
