package workflow

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// Limits of what an execution keeps.
const (
	maxOutput  = 256 << 10 // of a step
	maxOutputs = 1 << 20   // of all
	// maxKept is how much of a step's input is kept for people to see.
	maxKept = 64 << 10
	maxWord = 1000 // of an error
)

// run is one walk through an execution, until it ends, waits or is given up.
type run struct {
	*Engine
	*Claimed
	def *definition.Definition

	mu    sync.Mutex
	rows  map[string]*Step
	seq   map[string]int
	steps map[string]any // what templates see of steps; replaced, never written into
	base  definition.Scope
	// hidden are the secrets that the definition names, nil for none.
	hidden *hidden
	size   int // of all outputs
	// dirty are the rows that are still to be written.
	dirty map[string]bool
	// waits are still to be written, heard to be deleted; left are the steps that may have
	// either.
	waits []EventWait
	heard []string
	left  map[string]bool
	// fresh says that nothing was recorded yet, waited that another node had the time to
	// cancel it before it began.
	fresh, waited bool
}

func newRun(e *Engine, c *Claimed) *run {
	r := &run{
		Engine: e, Claimed: c, rows: map[string]*Step{}, seq: map[string]int{}, steps: map[string]any{}, dirty: map[string]bool{},
		left: map[string]bool{}, fresh: c.Execution.StartedAt.IsZero(),
	}
	for i := range c.Steps {
		s := &c.Steps[i]
		r.rows[s.Step] = s
		r.left[s.Step] = s.Status == peal.ExecutionWaiting
	}
	return r
}

// result is how a step, or a sequence of them, came out.
type result struct {
	state state
	due   time.Time // of parked ones; zero where only a signal ends the wait
	step  string    // that failed
	err   error
}

type state int

const (
	done state = iota
	parked
	failed
	// abandoned says that the run may not go on: the server stops, the execution was
	// cancelled, or belongs to another node.
	abandoned
)

// run walks. It tells when the execution is due again, where it was parked.
func (r *run) run(ctx context.Context) (due time.Time) {
	x := r.Execution
	if !r.mayStart(ctx) || r.waited && r.lost(ctx) {
		r.giveUp()
		return time.Time{}
	}
	if r.fresh {
		x.StartedAt = r.now()
	}
	x.Status = peal.ExecutionRunning
	out := r.begin()
	if out.state == done {
		out = r.serve(ctx)
	}
	if out.state == done {
		out = r.sequence(ctx, r.def.Steps)
	}
	rec := Record{}
	if out.state == failed {
		r.hearAll()
	}
	switch out.state {
	case abandoned:
		r.giveUp()
		return time.Time{}
	case parked:
		x.Status, x.DueAt, due = peal.ExecutionWaiting, out.due, out.due
		rec.Parked, rec.Signals = true, r.Signals
	case failed:
		x.Status, x.FinishedAt, x.FailedStep, x.Error = peal.ExecutionFailed, r.now(), out.step, message(out.err)
		rec.Raised = append(rec.Raised, raisedFailed(x, r.request()))
	case done:
		x.Status, x.FinishedAt = peal.ExecutionSucceeded, r.now()
		rec.Raised = append(rec.Raised, raisedCompleted(x, r.request()))
	}
	if err := r.write(&rec); err != nil {
		return time.Time{}
	}
	if out.state == parked && due.IsZero() {
		r.Wake() // a signal may have come in between
	}
	return due
}

// mayStart waits until the node is certain to own the execution.
func (r *run) mayStart(ctx context.Context) bool {
	for !r.MayStart() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return ctx.Err() == nil
}

// lost tells whether the node does not own the execution any more, or cannot know.
func (r *run) lost(ctx context.Context) bool {
	lost, err := r.Fence.Lost(ctx, r.Execution.Org, []peal.ExecutionID{r.Execution.ID})
	if err != nil && ctx.Err() == nil {
		r.Log.Warn("an execution was not begun: whose it is could not be looked up", "execution", r.Execution.ID, "error", err)
	}
	return err != nil || len(lost) > 0
}

// giveUp lets another run go on, now or when this node has stopped. Where the execution
// is finished or another's, the release matches no row.
func (r *run) giveUp() {
	if r.running.Err() != nil {
		return // all are released when the engine has stopped
	}
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	if err := r.Store.Release(ctx, []peal.ExecutionID{r.Execution.ID}); err != nil {
		r.Log.Warn("an execution could not be released", "execution", r.Execution.ID, "error", err)
	}
}

func (r *run) now() time.Time { return r.Now().UTC().Truncate(time.Microsecond) }

// begin reads what the walk needs.
func (r *run) begin() result {
	fail := func(err error) result { return result{state: failed, err: err} }
	var err error
	if r.def, err = r.definition(r.Claimed); err != nil {
		return fail(err)
	}
	r.number(r.def.Steps)
	r.hidden = r.hide()
	input, err := definition.Decode(r.Execution.Input)
	root, ok := input.(map[string]any)
	if err != nil || !ok {
		return fail(errors.New("the input is not an object"))
	}
	x := r.Execution
	r.base = definition.Scope(root)
	r.base["execution"] = map[string]any{"id": x.ID.String(), "startedAt": x.StartedAt.UTC().Format(time.RFC3339)}
	r.base["workflow"] = map[string]any{"id": x.Workflow.String(), "name": x.WorkflowName, "version": jsonNumber(x.Version)}
	for id, s := range r.rows {
		if s.Status.Finished() {
			if err := r.show(id, s); err != nil {
				return fail(err)
			}
		}
	}
	return result{}
}

// request is the one that the execution serves, where its input names one.
func (r *run) request() string {
	request, _ := r.base["request"].(map[string]any)
	id, _ := request["id"].(string)
	return id
}

// number gives each step its place.
func (r *run) number(steps []*definition.Step) {
	for _, s := range steps {
		r.seq[s.ID] = len(r.seq)
		for _, branch := range s.Branches {
			r.number(branch)
		}
	}
}

// show lets later steps see a finished one.
func (r *run) show(id string, s *Step) error {
	var out any
	if len(s.Output) > 0 {
		var err error
		if out, err = definition.Decode(s.Output); err != nil {
			return err
		}
	}
	var failure any
	if s.Error != "" {
		failure = s.Error
	}
	r.size += len(s.Output)
	r.steps = maps.Clone(r.steps)
	r.steps[id] = map[string]any{"output": out, "status": string(s.Status), "error": failure}
	return nil
}

// scope is what a step sees now.
func (r *run) scope() definition.Scope {
	r.mu.Lock()
	defer r.mu.Unlock()
	scope := maps.Clone(r.base)
	scope["steps"] = r.steps
	return scope
}

// sequence runs steps one after the other.
func (r *run) sequence(ctx context.Context, steps []*definition.Step) result {
	for _, s := range steps {
		if out := r.step(ctx, s); out.state != done {
			return out
		}
	}
	return result{}
}

// step brings a step as far as it goes.
func (r *run) step(ctx context.Context, s *definition.Step) result {
	if ctx.Err() != nil {
		return result{state: abandoned}
	}
	row := r.row(s.ID)
	switch {
	case row == nil:
		runs, err := r.condition(s)
		row = r.open(s)
		switch {
		case err != nil:
			return r.fail(s, row, err)
		case !runs:
			return r.finish(row, func() { row.Status = peal.StepSkipped })
		}
	case row.Status.Finished():
		if row.Status == peal.ExecutionFailed && !row.Continued {
			return result{state: failed, step: s.ID, err: errors.New(row.Error)}
		}
		return result{}
	}
	if len(s.Branches) > 0 {
		return r.parallel(ctx, s, row)
	}
	heard, isHeard := r.Heard[s.ID]
	if row.Status == peal.ExecutionWaiting && !isHeard && (row.DueAt.IsZero() || row.DueAt.After(r.now())) {
		return result{state: parked, due: row.DueAt}
	}
	return r.try(ctx, s, row, heard)
}

// row is a step's row, nil where it was not begun. A row is changed by its own branch
// alone, and only in change.
func (r *run) row(id string) *Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rows[id]
}

// condition answers a step's if.
func (r *run) condition(s *definition.Step) (bool, error) {
	if s.If == nil {
		return true, nil
	}
	ok, err := s.If.Eval(r.scope())
	if err != nil {
		return false, errors.New("if: " + err.Error())
	}
	return ok, nil
}

// open begins a step's row.
func (r *run) open(s *definition.Step) *Step {
	row := &Step{Seq: r.seq[s.ID], StepRun: peal.StepRun{Step: s.ID, Uses: s.Uses, Status: peal.ExecutionRunning, StartedAt: r.now()}}
	r.change(row, func() {})
	return row
}

// change changes a row, which is written with the next record.
func (r *run) change(row *Step, change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.rows[row.Step] = row
	r.dirty[row.Step] = true
}

// finish ends a row and lets later steps see it.
func (r *run) finish(row *Step, change func()) result {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	row.FinishedAt, row.DueAt = now, time.Time{}
	r.dirty[row.Step] = true
	if r.left[row.Step] {
		r.heard = append(r.heard, row.Step)
	}
	if err := r.show(row.Step, row); err != nil {
		return result{state: failed, step: row.Step, err: err}
	}
	if row.Status == peal.ExecutionFailed && !row.Continued {
		return result{state: failed, step: row.Step, err: errors.New(row.Error)}
	}
	return result{}
}

// fail ends a step with an error.
func (r *run) fail(s *definition.Step, row *Step, err error) result {
	return r.finish(row, func() {
		row.Status, row.Error, row.Continued = peal.ExecutionFailed, message(err), s.Continue
	})
}

// hearAll ends the steps that still wait, and has their waits deleted.
func (r *run) hearAll() {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard, r.waits = r.heard[:0], nil
	for id, left := range r.left {
		if left {
			r.heard = append(r.heard, id)
		}
	}
	for id, row := range r.rows {
		if !row.Status.Finished() {
			row.Status, row.FinishedAt, row.DueAt = peal.ExecutionCancelled, now, time.Time{}
			r.dirty[id] = true
		}
	}
}

// parallel runs branches beside each other and waits for all.
func (r *run) parallel(ctx context.Context, s *definition.Step, row *Step) result {
	results := make([]result, len(s.Branches))
	var branches sync.WaitGroup
	for i, branch := range s.Branches {
		branches.Go(func() { results[i] = r.sequence(ctx, branch) })
	}
	branches.Wait()
	worst := result{}
	for _, out := range results {
		switch {
		case out.state > worst.state:
			worst = out
		case out.state == parked && worst.state == parked:
			worst.due = sooner(worst.due, out.due)
		}
	}
	switch worst.state {
	case done:
		return r.finish(row, func() { row.Status, row.Attempts = peal.ExecutionSucceeded, 1 })
	case failed:
		out := r.fail(s, row, errors.New("the step "+worst.step+" failed: "+message(worst.err)))
		if out.state == failed {
			out.step, out.err = worst.step, worst.err
		}
		return out
	}
	return worst
}

// sooner is the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
