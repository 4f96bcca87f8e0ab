package desk

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// Config is what a Desk stands on.
type Config struct {
	Store     Store
	Clock     Clock
	Directory *directory.Directory
	// Wake has executions looked for that became due here.
	Wake func()
	// Now is database time.
	Now func() time.Time
	Log *slog.Logger
}

// Desk deals with requests and tasks. It is safe for concurrent use.
type Desk struct {
	Config
	// armed has Run look for the next timer.
	armed chan struct{}
}

// New makes a Desk.
func New(c Config) *Desk { return &Desk{Config: c, armed: make(chan struct{}, 1)} }

// Limits of requests and tasks.
const (
	maxTitle       = 500
	maxDescription = 16 << 10
	maxData        = 128 << 10
	maxPerson      = 256
)

// now is kept to the microsecond, as it is read back.
func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

func checkTexts(title, description string) error {
	switch {
	case title == "" || len(title) > maxTitle || !peal.Printable(title):
		return peal.Invalid("title", "a title has 1 to %d bytes without control characters", maxTitle)
	case len(description) > maxDescription:
		return peal.Invalid("description", "a description has at most %d bytes", maxDescription)
	}
	return nil
}

func checkData(field string, doc json.RawMessage) error {
	if len(doc) > maxData {
		return peal.Invalid(field, "%s has at most %d bytes", field, maxData)
	}
	return nil
}

// Await has a step get a request or a task, which its id says, as its signal once that is
// finished; where it is finished already, it is the answer.
func (d *Desk) Await(ctx context.Context, org string, execution peal.ExecutionID, step, object string) (json.RawMessage, error) {
	w := Wait{Org: org, Execution: execution, Step: step}
	var err error
	if w.Request, err = peal.ParseRequestID(object); err != nil {
		w.Request = peal.RequestID{}
		if w.Task, err = peal.ParseTaskID(object); err != nil {
			return nil, peal.NotFound("request or task")
		}
	}
	return d.Store.Await(ctx, w)
}

const (
	// look is how often timers are looked for that other nodes armed.
	look      = time.Second
	fireLimit = 100
	// soonest keeps a timer that cannot be fired from being tried without a pause.
	soonest = 10 * time.Millisecond
)

// Run raises what targets are due for until ctx is done.
func (d *Desk) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next, err := d.fire(ctx)
		if err != nil && ctx.Err() == nil {
			d.Log.Warn("events about targets wait", "error", err)
		}
		if !next.IsZero() {
			timer.Reset(max(soonest, next.Sub(d.Now())))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-timer.C:
		case <-d.armed:
		}
	}
}

// fire fires what is due and tells when the next timer is.
func (d *Desk) fire(ctx context.Context) (next time.Time, err error) {
	for {
		next, err = d.Clock.Next(ctx)
		if err != nil || next.IsZero() || next.After(d.Now()) {
			return next, err
		}
		n, err := d.Clock.Fire(ctx, d.Now(), fireLimit)
		if err != nil || n == 0 { // another node has them under way
			return time.Time{}, err
		}
	}
}

// arm has Run look again.
func (d *Desk) arm() {
	select {
	case d.armed <- struct{}{}:
	default:
	}
}
