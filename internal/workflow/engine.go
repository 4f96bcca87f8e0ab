package workflow

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// Config is what an Engine stands on.
type Config struct {
	Store  Store
	Ledger Ledger
	Fence  Fence
	Events Events
	Kinds  *Kinds
	Desk   Desk
	// Secrets gives the value of an org's secret.
	Secrets func(org, name string) (string, bool)
	// MayStart tells whether this node is certain to own what it holds.
	MayStart func() bool
	// Now is database time.
	Now func() time.Time
	Log *slog.Logger
	// Slots bounds the executions that run at once.
	Slots int
	// MemoryBudget bounds the bytes of inputs in memory.
	MemoryBudget int
	// DrainTimeout is how long steps under way may take at shutdown.
	DrainTimeout time.Duration
}

// Engine runs the executions of this node.
type Engine struct {
	Config

	running     context.Context // outlives Run's, so that steps can finish in a drain
	stopRunning context.CancelFunc
	work        sync.WaitGroup
	definitions definitions
	// wake has the maintenance look at once.
	wake chan struct{}

	mu      sync.Mutex
	orgs    map[string]*orgQueue
	held    map[peal.ExecutionID]*holding
	active  int
	bytes   int
	closing bool
	// due is when the earliest execution that this node parked goes on.
	due time.Time
}

// orgQueue is an org's executions that wait for a slot.
type orgQueue struct {
	waiting []*Claimed
	held    int // with those that run
	running int
	// behind says that more wait in the store.
	behind bool
}

// New makes an Engine.
func New(c Config) *Engine {
	e := &Engine{
		Config: c, wake: make(chan struct{}, 1), orgs: map[string]*orgQueue{}, held: map[peal.ExecutionID]*holding{},
		definitions: definitions{known: map[definitionName]*definition.Definition{}},
	}
	e.running, e.stopRunning = context.WithCancel(context.Background())
	return e
}

// holding is an execution that this node has.
type holding struct {
	org string
	// cancel ends its run, nil while it waits for a slot; since is when either began.
	cancel context.CancelFunc
	since  time.Time
	// wanted says that it is to run again once this run has ended.
	wanted bool
}

// maxHeld is how many executions of an org a node holds.
const maxHeld = 2048

// Start is what begins an execution.
type Start struct {
	Org      string
	Workflow *peal.Workflow
	Hook     peal.HookID // zero where none does
	// Input is a JSON object: what templates see beside the steps.
	Input []byte
	// Delivery is the sender's own id of the request; a repeat within TTL begins nothing.
	Delivery string
	TTL      time.Duration
}

// Start begins an execution and returns after it is durable. Of a repeated delivery it
// gives the first one's id.
func (e *Engine) Start(ctx context.Context, s Start) (id peal.ExecutionID, duplicate bool, err error) {
	now := e.Now().UTC().Truncate(time.Microsecond)
	x := &peal.Execution{
		ID: peal.NewExecutionID(now), Org: s.Org, Workflow: s.Workflow.ID, WorkflowName: s.Workflow.Name, Version: s.Workflow.Version,
		Hook: s.Hook, Status: peal.ExecutionQueued, Input: s.Input,
	}
	done := make(chan error, 1)
	c := &Commit{Execution: x, Definition: s.Workflow.Definition, Now: now, Delivery: s.Delivery, Expires: now.Add(s.TTL)}
	c.Owned = e.reserve(x)
	c.Done = func(err error) {
		e.settle(c, err)
		done <- err
	}
	if err := e.Store.Submit(c); err != nil {
		if c.Owned {
			e.forget(x)
		}
		return id, false, err
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		return id, false, peal.Wrap(peal.CodeUnavailable, ctx.Err(), "the request was given up before its outcome was known")
	}
	return c.First, c.Duplicate, err
}

// StartHook implements inbound.Starter.
func (e *Engine) StartHook(ctx context.Context, h *peal.Hook, w *peal.Workflow, input []byte, delivery string, ttl time.Duration) (peal.ExecutionID, bool, error) {
	return e.Start(ctx, Start{Org: h.Org, Workflow: w, Hook: h.ID, Input: input, Delivery: delivery, TTL: ttl})
}

// reserve takes a place in memory for an execution.
func (e *Engine) reserve(x *peal.Execution) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.org(x.Org)
	if e.closing || q.behind || q.held >= maxHeld || e.bytes+len(x.Input) > e.MemoryBudget {
		q.behind = true
		return false
	}
	e.hold(q, x)
	return true
}

func (e *Engine) org(name string) *orgQueue {
	q := e.orgs[name]
	if q == nil {
		q = &orgQueue{}
		e.orgs[name] = q
	}
	return q
}

func (e *Engine) hold(q *orgQueue, x *peal.Execution) {
	q.held++
	e.bytes += len(x.Input)
	e.held[x.ID] = &holding{org: x.Org, since: e.Now()}
}

// settle has a committed execution run. It is called on the goroutine that commits.
func (e *Engine) settle(c *Commit, err error) {
	switch {
	case err == nil && c.Owned && !c.Duplicate:
		e.enqueue(&Claimed{Execution: c.Execution, Definition: c.Definition})
	case c.Owned:
		e.forget(c.Execution)
	case err == nil && !c.Duplicate:
		e.nudge()
	}
}

func (e *Engine) enqueue(c *Claimed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.org(c.Execution.Org)
	q.waiting = append(q.waiting, c)
	e.fill()
}

// forget gives back the place of an execution that does not run here.
func (e *Engine) forget(x *peal.Execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drop(x)
}

func (e *Engine) drop(x *peal.Execution) {
	if _, ok := e.held[x.ID]; !ok {
		return
	}
	delete(e.held, x.ID)
	e.bytes -= len(x.Input)
	q := e.orgs[x.Org]
	if q.held--; q.held == 0 && !q.behind {
		delete(e.orgs, x.Org)
	}
}

// fill starts runs while slots are free: of the org with the fewest, and of none more
// than half of all.
func (e *Engine) fill() {
	for e.active < e.Slots && !e.closing {
		var next *orgQueue
		for _, q := range e.orgs {
			if len(q.waiting) > 0 && q.running < max(1, e.Slots/2) && (next == nil || q.running < next.running) {
				next = q
			}
		}
		if next == nil {
			return
		}
		c := next.waiting[0]
		next.waiting[0] = nil
		next.waiting = next.waiting[1:]
		ctx, cancel := context.WithCancel(e.running)
		h, now := e.held[c.Execution.ID], e.Now()
		r := newRun(e, c)
		r.waited = now.Sub(h.since) > backlogEvery/2
		h.cancel, h.since = cancel, now
		next.running++
		e.active++
		e.work.Go(func() { e.run(ctx, next, r) })
	}
}

// run runs an execution and frees its slot.
func (e *Engine) run(ctx context.Context, q *orgQueue, r *run) {
	due := r.run(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.held[r.Execution.ID]
	h.cancel()
	q.running--
	e.active--
	e.drop(r.Execution)
	if !due.IsZero() {
		e.park(due)
	}
	if h.wanted || q.behind && len(q.waiting) < maxHeld/4 {
		e.nudge()
	}
	e.fill()
}

// park notes when an execution that was given up is due.
func (e *Engine) park(due time.Time) {
	if e.due.IsZero() || due.Before(e.due) {
		e.due = due
		e.nudge()
	}
}

// nudge has the maintenance look at once.
func (e *Engine) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Cancel ends an execution; what it has under way is cut off.
func (e *Engine) Cancel(ctx context.Context, org string, id peal.ExecutionID) error {
	if err := e.Ledger.Cancel(ctx, org, id, e.Now()); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if h := e.held[id]; h != nil && h.cancel != nil {
		h.cancel()
		return nil
	}
	if q := e.orgs[org]; q != nil {
		q.waiting = slices.DeleteFunc(q.waiting, func(c *Claimed) bool {
			if c.Execution.ID != id {
				return false
			}
			e.drop(c.Execution)
			return true
		})
	}
	return nil
}

// Rerun runs a failed or cancelled execution again, from the steps that ended it on.
func (e *Engine) Rerun(ctx context.Context, org string, id peal.ExecutionID) error {
	if err := e.Ledger.Rerun(ctx, org, id, e.Now()); err != nil {
		return err
	}
	e.nudge()
	return nil
}

// Signal gives a waiting step what it waits for.
func (e *Engine) Signal(ctx context.Context, s Signal) error {
	if err := e.Ledger.Signal(ctx, s, e.Now()); err != nil {
		return err
	}
	e.nudge()
	return nil
}

// Wake has the engine look for executions that are due, after something made one so.
func (e *Engine) Wake() { e.nudge() }

// Forget drops what is held: the node has a new session, so that none of it is its own
// any more.
func (e *Engine) Forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, q := range e.orgs {
		for _, c := range q.waiting {
			e.drop(c.Execution)
		}
		q.waiting, q.behind = nil, true
	}
	for _, h := range e.held {
		if h.cancel != nil {
			h.cancel()
		}
	}
	e.nudge()
}

// Load is how busy this node is: executions that run, and those that it holds.
func (e *Engine) Load() (running, held int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.active, len(e.held)
}

// definitions are those that were read, since most executions are of the same few.
type definitions struct {
	mu    sync.Mutex
	known map[definitionName]*definition.Definition
	size  int // of their texts
}

type definitionName struct {
	workflow peal.WorkflowID
	version  int
}

// maxDefinitions bounds how many are remembered, maxTexts the bytes of their texts: with
// its conditions, one takes thirty times as much.
const (
	maxDefinitions = 256
	maxTexts       = 2 << 20
)

// definition reads the definition of an execution.
func (e *Engine) definition(c *Claimed) (*definition.Definition, error) {
	name := definitionName{c.Execution.Workflow, c.Execution.Version}
	d := &e.definitions
	d.mu.Lock()
	known := d.known[name]
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	made, err := e.Kinds.parseChecked(c.Definition)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= maxDefinitions || d.size+len(c.Definition) > maxTexts {
		clear(d.known)
		d.size = 0
	}
	if d.known[name] == nil {
		d.size += len(c.Definition)
	}
	d.known[name] = made
	return made, nil
}
