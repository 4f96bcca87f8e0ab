package workflow

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/filter"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// Events reads what an org accepted.
type Events interface {
	// EventsSince lists the events of an org from a time on without their data, the oldest
	// first, after an id.
	EventsSince(ctx context.Context, org string, since time.Time, after peal.EventID, limit int) ([]*peal.Event, error)
	EventByID(ctx context.Context, org string, id peal.EventID) (*peal.Event, error)
}

const (
	maxWaits   = 10_000
	eventsPage = 1000
	// landing is how much later than its id says an event may be committed.
	landing = 12 * time.Second
)

// watch compares the events that steps wait for with those that were accepted. It looks
// back further than it has to: an event is found however late it was committed.
type watch struct {
	*Engine
	orgs map[string]*watched
}

// watched is what an org's events were compared with, and until when.
type watched struct {
	seen  time.Time
	waits map[waitName]bool
}

type waitName struct {
	execution peal.ExecutionID
	step      string
}

func newWatch(e *Engine) *watch { return &watch{e, map[string]*watched{}} }

// look signals the steps whose event is there.
func (w *watch) look(ctx context.Context) error {
	waits, err := w.Ledger.EventWaits(ctx, maxWaits)
	if err != nil {
		return err
	}
	byOrg := map[string][]*waiting{}
	for i := range waits {
		byOrg[waits[i].Org] = append(byOrg[waits[i].Org], &waiting{EventWait: &waits[i]})
	}
	for org := range w.orgs {
		if byOrg[org] == nil {
			delete(w.orgs, org)
		}
	}
	for org, waits := range byOrg {
		if err := w.lookAt(ctx, org, waits); err != nil {
			return err
		}
	}
	return nil
}

// waiting is a wait with its filter.
type waiting struct {
	*EventWait
	program  *filter.Program
	compiled bool
	over     bool
}

// lookAt compares the waits of an org: one that is new here with all events since it
// began, the others with those since the last look.
func (w *watch) lookAt(ctx context.Context, org string, waits []*waiting) error {
	began := w.Now()
	known := w.orgs[org]
	if known == nil {
		known = &watched{seen: began}
	}
	since, names := known.seen, make(map[waitName]bool, len(waits))
	for _, wait := range waits {
		name := waitName{wait.Execution, wait.Step}
		if names[name] = true; !known.waits[name] && wait.Since.Before(since) {
			since = wait.Since
		}
	}
	since = since.Truncate(time.Millisecond) // as an event's id has it
	var after peal.EventID
	for {
		events, err := w.Events.EventsSince(ctx, org, since, after, eventsPage)
		if err != nil {
			return err
		}
		for _, ev := range events {
			after = ev.ID
			if err := w.compare(ctx, ev, waits); err != nil {
				return err
			}
		}
		if len(events) < eventsPage {
			break
		}
	}
	w.orgs[org] = &watched{seen: began.Add(-landing), waits: names}
	return nil
}

// compare signals the waits that an event ends.
func (w *watch) compare(ctx context.Context, head *peal.Event, waits []*waiting) error {
	var input *filter.Input
	var payload []byte
	for _, wait := range waits {
		// An event's time is known to the millisecond.
		if wait.over || head.AcceptedAt.Before(wait.Since.Truncate(time.Millisecond)) || !peal.Pattern(wait.Pattern).Match(head.Type) {
			continue
		}
		if input == nil {
			ev, err := w.Events.EventByID(ctx, head.Org, head.ID)
			if err != nil {
				return err
			}
			if payload, err = eventOutput(ev); err != nil {
				return err
			}
			input = filter.NewInput(ev)
		}
		if !wait.takes(input) {
			continue
		}
		wait.over = true
		if err := w.Ledger.Signal(ctx, Signal{Org: wait.Org, Execution: wait.Execution, Step: wait.Step, Payload: payload}, w.Now()); err != nil {
			return err
		}
	}
	return nil
}

func (w *waiting) takes(in *filter.Input) bool {
	if w.Filter == "" {
		return true
	}
	if !w.compiled {
		w.compiled = true
		w.program, _ = filter.Compile(w.Filter) // it was checked when the step began
	}
	if w.program == nil {
		return false
	}
	ok, err := w.program.MatchInput(in)
	return err == nil && ok
}

// eventOutput is an event as the output of a step.
func eventOutput(ev *peal.Event) ([]byte, error) {
	data, err := definition.Decode(ev.Data)
	if err != nil {
		return nil, err
	}
	return definition.AppendJSON(nil, map[string]any{
		"id": ev.PublicID(), "type": ev.Type, "source": ev.Source, "subject": ev.Subject, "severity": string(ev.Severity),
		"title": ev.Title, "message": ev.Message, "time": ev.Time.UTC().Format(time.RFC3339Nano), "data": data,
	})
}
