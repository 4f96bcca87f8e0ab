package workflow

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/filter"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// waitKind waits for a time, an event, a request, a task or an approval.
type waitKind struct {
	desk      Desk
	approvals Approvals
}

// maxWait bounds a wait.
const maxWait = 366 * 24 * time.Hour

func (*waitKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "wait", Help: "Waits for a while, until a time, for an event, or until a request or task is completed or an approval decided.",
		Fields: []definition.Field{
			{Name: "for", Type: definition.Duration, Help: "How long; with an event, request, task or approval, at most."},
			{Name: "until", Type: definition.Time, Help: "Until when."},
			{Name: "event", Type: definition.Text, Help: "The type of the event to wait for, or a pattern such as order.*; the output is the event."},
			{Name: "filter", Type: definition.Text, Help: "A CEL expression over the event, such as event.data.id == \"42\"."},
			{Name: "request", Type: definition.Text, Help: "The request to wait for, req_…; the output is the request."},
			{Name: "task", Type: definition.Text, Help: "The task to wait for, task_…; the output is the task, with what came of it."},
			{Name: "approval", Type: definition.Text, Help: "The approval to wait for, apr_…; the output is the approval. One that is not granted fails the step."},
		},
		Check: func(s *definition.Step) error {
			_, hasFor := s.With["for"]
			_, hasUntil := s.With["until"]
			_, hasEvent := s.With["event"]
			_, hasFilter := s.With["filter"]
			objects := 0
			for _, name := range []string{"event", "request", "task", "approval"} {
				if _, has := s.With[name]; has {
					objects++
				}
			}
			switch {
			case objects > 1:
				return peal.Invalid("event", "a wait is for one event, request, task or approval")
			case hasFor && hasUntil:
				return peal.Invalid("until", "for and until cannot stand together")
			case hasFilter && !hasEvent:
				return peal.Invalid("filter", "a filter needs an event")
			case !hasFor && !hasUntil && objects == 0:
				return peal.Invalid("for", "a wait needs for, until, event, request, task or approval")
			}
			if p, ok := s.With["event"].Text(); ok {
				if err := peal.CheckPattern(p); err != nil {
					return err
				}
			}
			if expr, ok := s.With["filter"].Text(); ok {
				_, err := filter.Compile(expr)
				return err
			}
			return nil
		},
	}
}

func (k *waitKind) Run(ctx context.Context, c *Call) Outcome {
	until, err := waitUntil(c)
	if err != nil {
		return refusal("%v", err)
	}
	for _, name := range []string{"request", "task", "approval"} {
		object, err := c.text(name)
		if err != nil {
			return refusal("%v", err)
		}
		_, has := c.With[name]
		switch {
		case !has:
		case object == "":
			return refusal("%s is empty", name)
		case name == "approval":
			return awaitApproval(ctx, k.approvals, c, object, until)
		default:
			return await(ctx, k.desk, c, object, until)
		}
	}
	if c.Heard != nil {
		return Outcome{Output: c.Heard}
	}
	pattern, err := c.text("event")
	if err != nil {
		return refusal("%v", err)
	}
	over := !until.IsZero() && !until.After(c.Now)
	if pattern == "" {
		if over {
			return Outcome{}
		}
		return Outcome{Park: &Park{Until: until}}
	}
	if over {
		return refusal("no event %s came until %s", peal.Clip(pattern, 64), until.UTC().Format(time.RFC3339))
	}
	expr, err := c.text("filter")
	if err == nil {
		err = peal.CheckPattern(pattern)
	}
	if err == nil && expr != "" {
		_, err = filter.Compile(expr)
	}
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	return Outcome{Park: &Park{Until: until, Event: &EventWait{Pattern: pattern, Filter: expr, Since: c.Since}}}
}

// waitUntil is when a wait is over, zero where no time ends it.
func waitUntil(c *Call) (time.Time, error) {
	if until, ok := c.With["until"]; ok {
		t, err := definition.ParseTime(until)
		if err == nil && t.Sub(c.Since) > maxWait {
			err = peal.Errorf(peal.CodeInvalid, "a wait is at most %s", maxWait)
		}
		return t, err
	}
	text, err := c.text("for")
	if err != nil || text == "" {
		return time.Time{}, err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxWait {
		return time.Time{}, peal.Errorf(peal.CodeInvalid, "for is a duration such as 90s, at most %s", maxWait)
	}
	return c.Since.Add(d), nil
}
