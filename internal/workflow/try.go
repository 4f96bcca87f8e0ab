package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// try runs a step's kind once.
func (r *run) try(ctx context.Context, s *definition.Step, row *Step, heard json.RawMessage) result {
	kind := r.Kinds.get(s.Uses)
	if kind == nil {
		return r.fail(s, row, errors.New("this server has no kind "+s.Uses))
	}
	c := &Call{
		Org: r.Execution.Org, Execution: r.Execution.ID, Hook: r.Execution.Hook, Step: s, Key: r.Execution.ID.String() + ":" + s.ID, Scope: r.scope(),
		Now: r.now(), Since: row.StartedAt, Parked: row.Status == peal.ExecutionWaiting, Due: row.DueAt, Heard: heard, Kept: row.Output,
	}
	// What a step takes is rendered anew in each try: what it is made of is durable.
	var err error
	if c.With, err = render(s, r.hidden.scope(c.Scope, true)); err != nil {
		return r.fail(s, row, r.hidden.error(err))
	}
	shown := c.With
	if len(s.Secrets) > 0 {
		if shown, err = render(s, r.hidden.scope(c.Scope, false)); err != nil {
			return r.fail(s, row, r.hidden.error(err))
		}
	}
	input := kept(shown)
	r.change(row, func() { row.Status, row.Input, row.DueAt = peal.ExecutionRunning, input, time.Time{} })
	if err := r.before(ctx, kind); err != nil || !r.mayStart(ctx) {
		return result{state: abandoned}
	}
	trying, cancel := context.WithTimeout(ctx, timeoutOf(s))
	defer cancel()
	out := kind.Run(trying, c)
	if ctx.Err() != nil && out.Err != nil {
		return result{state: abandoned} // it was cut off, and says nothing of the step
	}
	return r.settle(s, row, r.hidden.clean(out))
}

// defaultTimeout bounds a try of a step that says nothing.
const defaultTimeout = 30 * time.Second

func timeoutOf(s *definition.Step) time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return defaultTimeout
}

// render makes what a step takes.
func render(s *definition.Step, scope definition.Scope) (map[string]any, error) {
	with := make(map[string]any, len(s.With))
	for name, v := range s.With {
		value, err := v.Render(scope)
		if err != nil {
			return nil, errors.New(name + ": " + err.Error())
		}
		with[name] = value
	}
	return with, nil
}

// before makes durable what a step stands on, before it begins. The first of an
// execution stands on nothing, and one that is quick need not be seen to run.
func (r *run) before(ctx context.Context, kind Kind) error {
	r.mu.Lock()
	alone := len(r.rows) == 1
	r.mu.Unlock()
	if alone && !kind.Spec().Outside {
		return nil
	}
	if err := r.write(&Record{}); err != nil {
		return err
	}
	return ctx.Err()
}

// settle deals with what came of a try.
func (r *run) settle(s *definition.Step, row *Step, out Outcome) result {
	if out.Park != nil {
		r.change(row, func() { row.Status, row.Output, row.DueAt = peal.ExecutionWaiting, out.Output, out.Park.Until })
		r.mu.Lock()
		defer r.mu.Unlock()
		r.left[s.ID] = true
		if out.Park.Event != nil {
			w := *out.Park.Event
			w.Org, w.Execution, w.Step = r.Execution.Org, r.Execution.ID, s.ID
			r.waits = append(r.waits, w)
		}
		return result{state: parked, due: row.DueAt}
	}
	if out.Err == nil {
		if out.Err = r.room(out.Output); out.Err != nil {
			out.Permanent, out.Output = true, nil
		}
	} else if r.room(out.Output) != nil {
		out.Output = nil
	}
	if out.Err == nil {
		return r.finish(row, func() {
			row.Attempts++
			row.Status, row.Output, row.Error = peal.ExecutionSucceeded, out.Output, ""
		})
	}
	if wait, again := s.Retry.Wait(row.Attempts + 1); again && !out.Permanent {
		due := r.now().Add(max(wait, out.RetryAfter))
		r.change(row, func() {
			row.Attempts++
			row.Status, row.Output, row.Error, row.DueAt = peal.ExecutionWaiting, out.Output, message(out.Err), due
		})
		return result{state: parked, due: due}
	}
	return r.finish(row, func() {
		row.Attempts++
		row.Status, row.Output, row.Error, row.Continued = peal.ExecutionFailed, out.Output, message(out.Err), s.Continue
	})
}

// room reports an output that is too large to keep.
func (r *run) room(doc json.RawMessage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(doc) > maxOutput {
		return errors.New("the output is larger than 256 KiB")
	}
	if r.size+len(doc) > maxOutputs {
		return errors.New("the outputs of all steps are larger than 1 MiB")
	}
	return nil
}

// kept is what people see of a step's input: what looks secret is hidden.
func kept(with map[string]any) json.RawMessage {
	shown := make(map[string]any, len(with))
	for name, v := range with {
		if headers, ok := v.(map[string]any); ok && name == "headers" {
			hidden := make(map[string]any, len(headers))
			for h, value := range headers {
				if hidden[h] = value; secret.IsSensitiveHeader(h) {
					hidden[h] = secret.Redacted
				}
			}
			v = hidden
		}
		shown[name] = v
	}
	doc, err := definition.AppendJSON(nil, shown)
	if err != nil || len(doc) > maxKept {
		return json.RawMessage(`"larger than 64 KiB"`)
	}
	return doc
}

// message is an error as people read it.
func message(err error) string {
	var known *peal.Error
	if errors.As(err, &known) {
		return peal.Clip(known.Message, maxWord)
	}
	return peal.Clip(err.Error(), maxWord)
}
