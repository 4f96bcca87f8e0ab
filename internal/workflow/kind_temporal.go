package workflow

import (
	"context"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// Temporal hands over to Temporal servers; *temporal.Connections does. Errors whose code
// is not CodeUnavailable will not change.
type Temporal interface {
	// Namespace is the one that a name stands for, which the org must be allowed to use;
	// without a name, the org's first.
	Namespace(org, name string) (string, error)
	// Start starts a workflow and gives its run's id. The same request starts it once, and
	// of an id that is in use already it gives the run that there is.
	Start(ctx context.Context, s TemporalStart) (runID string, err error)
	// Wait waits, for some time at most, until a run is over; nil where it is not yet.
	Wait(ctx context.Context, run TemporalRun, most time.Duration) (*TemporalEnd, error)
}

// TemporalStart is a workflow to start.
type TemporalStart struct {
	TemporalRun
	// Request tells a repeat from another start of the same id.
	Request             string
	Workflow, TaskQueue string
	// Input is its argument as JSON, nil for none.
	Input json.RawMessage
	// Timeout ends it, zero never.
	Timeout time.Duration
}

// TemporalRun names a run of a workflow, as the output of its step does.
type TemporalRun struct {
	Namespace  string `json:"namespace"`
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// TemporalEnd is what became of a run.
type TemporalEnd struct {
	// RunID is the last of those that continued each other.
	RunID string
	// Failure is a sentence, empty where it succeeded.
	Failure string
	// Result is JSON.
	Result json.RawMessage
}

// temporalKind starts a workflow on a Temporal server, and may wait until it is over.
type temporalKind struct{ temporal Temporal }

func (*temporalKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "temporal", Help: "Hands over to a workflow on a Temporal server that the operator has connected.", Outside: true,
		Fields: []definition.Field{
			{Name: "workflow", Type: definition.Text, Required: true, Help: "The workflow's type, as its workers register it."},
			{Name: "task_queue", Type: definition.Text, Required: true, Help: "The task queue that its workers poll."},
			{Name: "input", Type: definition.Any, Help: "Its one argument; none where absent."},
			{Name: "id", Type: definition.Text, Help: "The workflow's id, under which it is started once; the execution's and step's where absent."},
			{Name: "namespace", Type: definition.Text, Help: "One of the namespaces that the org may use; the first where absent."},
			{Name: "wait", Type: definition.Bool, Help: "Whether to wait until it is over; the output then has its result."},
			{Name: "execution_timeout", Type: definition.Duration, Help: "How long Temporal lets it run at most."},
		},
		Check: func(s *definition.Step) error {
			for _, name := range []string{"workflow", "task_queue", "id", "namespace"} {
				if text, ok := s.With[name].Text(); ok && text == "" {
					return peal.Invalid(name, "%s is empty", name)
				}
			}
			return nil
		},
	}
}

// noTemporal is said by programs that were built without it.
const noTemporal = "this server was built without Temporal; its operator can build one that has it with make build TAGS=temporal"

// check reports a namespace that the org may not use.
func (k *temporalKind) check(_ context.Context, s *definition.Step, org definition.Known) error {
	if k.temporal == nil {
		return s.Fault("", noTemporal)
	}
	name, known := s.With["namespace"].Text()
	if _, given := s.With["namespace"]; given && !known {
		return nil // a template says which
	}
	if _, err := k.temporal.Namespace(org.ID(), name); err != nil {
		return s.Fault("namespace", "%s", message(err))
	}
	return nil
}

// How long a try waits for the end of a run: the first one a little, for workflows that
// are quick, and those after a wait only for the answer, so that none holds a slot.
const (
	firstLook = 5 * time.Second
	laterLook = 2 * time.Second
)

// How long a step waits until it looks again: a tenth of the time it has waited,
// within these.
const (
	minLookPause = time.Second
	maxLookPause = time.Minute
)

func (k *temporalKind) Run(ctx context.Context, c *Call) Outcome {
	if k.temporal == nil {
		return refusal(noTemporal)
	}
	wait, ok := c.With["wait"].(bool)
	if !ok && c.With["wait"] != nil {
		return refusal("wait is true or false")
	}
	if c.Kept != nil {
		return k.goOn(ctx, c)
	}
	s, err := k.start(c)
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	if s.RunID, err = k.temporal.Start(ctx, s); err != nil {
		return Outcome{Err: err, Permanent: peal.CodeOf(err) != peal.CodeUnavailable}
	}
	if !wait {
		return shown(s.TemporalRun)
	}
	return k.wait(ctx, c, s.TemporalRun, firstLook)
}

// goOn waits for what a try before has started, as long as the org may use it.
func (k *temporalKind) goOn(ctx context.Context, c *Call) Outcome {
	var run TemporalRun
	err := json.Unmarshal(c.Kept, &run)
	if err == nil {
		_, err = k.temporal.Namespace(c.Org, run.Namespace)
	}
	if err != nil {
		return Outcome{Output: c.Kept, Err: err, Permanent: true}
	}
	return k.wait(ctx, c, run, laterLook)
}

// start is what the members of with make.
func (k *temporalKind) start(c *Call) (s TemporalStart, err error) {
	s.Request = c.Key + "@" + c.Since.UTC().Format(time.RFC3339Nano)
	var name, timeout string
	for member, to := range map[string]*string{
		"workflow": &s.Workflow, "task_queue": &s.TaskQueue, "id": &s.WorkflowID, "namespace": &name, "execution_timeout": &timeout,
	} {
		if *to, err = c.text(member); err != nil {
			return s, err
		}
		if _, given := c.With[member]; given && *to == "" {
			return s, peal.Invalid(member, "%s is empty", member)
		}
	}
	if s.WorkflowID == "" {
		s.WorkflowID = c.Key
	}
	if timeout != "" {
		if s.Timeout, err = time.ParseDuration(timeout); err != nil || s.Timeout <= 0 {
			return s, peal.Invalid("execution_timeout", "execution_timeout is a duration such as 90s, 15m or 48h")
		}
	}
	if input, given := c.With["input"]; given {
		if s.Input, err = definition.AppendJSON(nil, input); err != nil {
			return s, err
		}
	}
	s.Namespace, err = k.temporal.Namespace(c.Org, name)
	return s, err
}

// wait looks whether a run is over. A server that is away is asked again, as one is that
// still runs it.
func (k *temporalKind) wait(ctx context.Context, c *Call, run TemporalRun, most time.Duration) Outcome {
	end, err := k.temporal.Wait(ctx, run, most)
	out := shown(run)
	switch {
	case err != nil && peal.CodeOf(err) != peal.CodeUnavailable:
		out.Err, out.Permanent = err, true
	case end == nil && c.Now.Sub(c.Since) > maxWait:
		out.Err, out.Permanent = peal.Errorf(peal.CodeInvalid, "the workflow was not over after %s", maxWait), true
	case end == nil:
		pause := min(max(c.Now.Sub(c.Since)/10, minLookPause), maxLookPause)
		out.Park = &Park{Until: c.Now.Add(most).Add(pause)}
	case end.Failure != "":
		run.RunID = end.RunID
		out = shown(run)
		out.Err, out.Permanent = peal.Errorf(peal.CodeInvalid, "%s", end.Failure), true
	default:
		run.RunID = end.RunID
		out = shown(struct {
			TemporalRun
			Result json.RawMessage `json:"result"`
		}{run, end.Result})
	}
	return out
}
