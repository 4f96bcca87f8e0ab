package workflow

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// Kind is a kind of step. It is used by many goroutines at once.
type Kind interface {
	// Spec is its name, what it takes, and what is checked when a workflow is made.
	Spec() *definition.Spec
	// Run tries the step once, within ctx's deadline. What it does it may do again after a
	// crash, with the same Call.Key.
	Run(ctx context.Context, c *Call) Outcome
}

// Call is one try of a step.
type Call struct {
	Org       string
	Execution peal.ExecutionID
	Hook      peal.HookID // zero where no hook started it
	Step      *definition.Step
	// With is what the step takes, rendered in Scope.
	With  map[string]any
	Scope definition.Scope
	// Key names the step of the execution, the same in every try.
	Key string
	// Now is database time, Since when the step began.
	Now, Since time.Time
	// Parked says that the step waited before, until Due.
	Parked bool
	Due    time.Time
	// Heard is what it waited for, nil while there is nothing.
	Heard json.RawMessage
	// Kept is the output of the try before, nil where that had none.
	Kept json.RawMessage
}

// Outcome is what came of a try: an output, an error, or a wait.
type Outcome struct {
	// Output is JSON, nil for null. It is kept beside an error and over a wait too.
	Output json.RawMessage
	// Err is one sentence that is safe to show.
	Err error
	// Permanent errors are not tried again; others are, not sooner than RetryAfter.
	Permanent  bool
	RetryAfter time.Duration
	// Park is not nil where the step waits.
	Park *Park
}

// Park is what a step waits for: a time, a signal, or either. The step is tried again then.
type Park struct {
	// Until is zero where only a signal ends it.
	Until time.Time
	// Event makes an event that the org accepts the signal.
	Event *EventWait
}

// Deps are what kinds do their work with.
type Deps struct {
	Egress    *egress.Client
	Publisher Publisher
	Programs  Programs
	Desk      Desk
	Approvals Approvals
	// Temporal is nil where the program was built without it.
	Temporal Temporal
}

// Programs runs jq programs; *transform.Pool does.
type Programs interface {
	Run(ctx context.Context, program string, input []byte) (output []byte, err error)
}

// Publisher accepts events.
type Publisher interface {
	// PublishStep accepts an event and gives its id and how many deliveries it has. The same
	// key does not publish twice.
	PublishStep(ctx context.Context, org, key string, ev Event) (id string, deliveries int, err error)
}

// Event is what a step publishes; members that are empty are made up.
type Event struct {
	ID, Type, Source, Subject, Title, Message string
	Severity                                  peal.Severity
	// Data is a JSON object, nil for {}.
	Data []byte
	// To is the one endpoint that gets it, zero where all that match do.
	To peal.EndpointID
}

// checker is a kind of which more is checked when a workflow is made than its spec can.
type checker interface {
	check(ctx context.Context, s *definition.Step, org definition.Known) error
}

// Kinds is all kinds of a server.
type Kinds struct{ list []Kind }

// All makes every kind there is; a new one is a line here.
func All(d Deps) *Kinds {
	return &Kinds{list: []Kind{
		&publishKind{d.Publisher},
		&httpKind{d.Egress},
		&notifyKind{d.Publisher},
		&requestKind{d.Desk},
		&taskKind{d.Desk},
		&waitKind{d.Desk, d.Approvals},
		&transformKind{d.Programs},
		&parallelKind{},
		&temporalKind{d.Temporal},
	}}
}

func (k *Kinds) get(name string) Kind {
	for _, kind := range k.list {
		if kind.Spec().Name == name {
			return kind
		}
	}
	return nil
}

// Specs describes all.
func (k *Kinds) Specs() []*definition.Spec {
	specs := make([]*definition.Spec, len(k.list))
	for i, kind := range k.list {
		specs[i] = kind.Spec()
	}
	return specs
}

// parseChecked reads a definition that was checked when it was made.
func (k *Kinds) parseChecked(text string) (*definition.Definition, error) {
	specs := k.Specs()
	for i, spec := range specs {
		plain := *spec
		plain.Check = nil
		specs[i] = &plain
	}
	return definition.Parse(text, specs)
}

// Parse reads a definition.
func (k *Kinds) Parse(text string) (*definition.Definition, error) {
	return definition.Parse(text, k.Specs())
}

// Schema is the JSON Schema of definitions.
func (k *Kinds) Schema() map[string]any { return definition.Schema(k.Specs()) }

const (
	// checkTime bounds all that is looked up when a workflow is made, and checksAtOnce how
	// much of it at once.
	checkTime    = 3 * time.Second
	checksAtOnce = 16
	// maxSecrets bounds the secrets of a definition, since each run holds all spellings of them.
	maxSecrets = 20
)

// Check implements settings.Workflows: it reports what in a definition of an org may not
// stand and gives its name.
func (k *Kinds) Check(ctx context.Context, text string, org definition.Known) (name string, err error) {
	d, err := k.Parse(text)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	steps := definition.All(d.Steps)
	errs := make([]error, len(steps))
	slots := make(chan struct{}, checksAtOnce)
	var checks sync.WaitGroup
	secrets := map[string]bool{}
	for i, s := range steps {
		for _, use := range s.Secrets {
			secrets[use.Name] = true
			switch {
			case errs[i] != nil:
			case !org.HasSecret(use.Name):
				errs[i] = use.Fault("there is no secret %s", peal.Clip(use.Name, 64))
			case len(secrets) > maxSecrets:
				errs[i] = use.Fault("a workflow names at most %d secrets", maxSecrets)
			}
		}
		c, ok := k.get(s.Uses).(checker)
		if !ok || errs[i] != nil {
			continue
		}
		slots <- struct{}{}
		checks.Go(func() {
			defer func() { <-slots }()
			if err := c.check(ctx, s, org); err != nil {
				errs[i] = s.Located(err)
			}
		})
	}
	checks.Wait()
	for _, err := range errs {
		if err != nil {
			return "", err
		}
	}
	return d.Name, nil
}

// Source gives the steps of a definition as JSON.
func (k *Kinds) Source(text string) ([]byte, error) { return definition.Source(text) }

// Merge puts the members of one definition over those of another.
func (k *Kinds) Merge(old, change string) (string, error) { return definition.Merge(old, change) }

// refusal is an outcome that will not change.
func refusal(format string, args ...any) Outcome {
	return Outcome{Err: peal.Errorf(peal.CodeInvalid, format, args...), Permanent: true}
}

// text is a member of with that is a text or absent.
func (c *Call) text(name string) (string, error) {
	switch v := c.With[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	}
	return "", peal.Errorf(peal.CodeInvalid, "%s is not a text", name)
}

// output makes an outcome of a value.
func output(v any) Outcome {
	doc, err := definition.AppendJSON(nil, v)
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	return Outcome{Output: doc}
}
