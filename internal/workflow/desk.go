package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// Desk deals with requests and tasks; *desk.Desk does.
type Desk interface {
	// OpenRequest and OpenTask give the same step the same one.
	OpenRequest(ctx context.Context, n peal.NewRequest) (*peal.Request, error)
	OpenTask(ctx context.Context, n peal.NewTask) (*peal.Task, error)
	// Await has a step get a request or task as its signal once that is finished; where it
	// is already, it is the answer, and nil otherwise.
	Await(ctx context.Context, org string, execution peal.ExecutionID, step, object string) (json.RawMessage, error)
}

// deskPause is when a step is run again that found the database away.
const deskPause = time.Second

// undone is the outcome of a step that the desk refused. What it does it does once, so
// that nothing speaks against trying until the database is back.
func undone(c *Call, err error) Outcome {
	switch peal.CodeOf(err) {
	case peal.CodeUnavailable, peal.CodeTooManyRequests:
		return Outcome{Park: &Park{Until: c.Now.Add(deskPause)}}
	}
	return Outcome{Err: err, Permanent: true}
}

// shown is a request, a task or a run as the output of a step.
func shown(object any) Outcome {
	doc, err := json.Marshal(object)
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	return Outcome{Output: doc}
}

// await waits for a request or a task, at most until a time that may be zero.
func await(ctx context.Context, desk Desk, c *Call, object string, until time.Time) Outcome {
	doc := c.Heard
	if doc == nil {
		var err error
		if doc, err = desk.Await(ctx, c.Org, c.Execution, c.Step.ID, object); err != nil {
			return undone(c, err)
		}
	}
	switch {
	case doc != nil:
		return ended(doc)
	case !until.IsZero() && !until.After(c.Now):
		return refusal("%s was not completed until %s", object, until.UTC().Format(time.RFC3339))
	}
	return Outcome{Park: &Park{Until: until}}
}

// ended is the outcome of a wait for what is finished now.
func ended(doc json.RawMessage) Outcome {
	var object struct{ ID, Status string }
	if err := json.Unmarshal(doc, &object); err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	if object.Status == string(peal.RequestCancelled) {
		return Outcome{Output: doc, Err: errors.New(object.ID + " was cancelled"), Permanent: true}
	}
	return Outcome{Output: doc}
}

// served is the request that the execution works on, as templates see it; nil for none.
func served(scope definition.Scope) map[string]any {
	request, _ := scope["request"].(map[string]any)
	return request
}

// fromWebhook fills in what a request is made of where nobody says: the body that the
// hook got, and of its members those that fit.
func fromWebhook(n *peal.NewRequest, scope definition.Scope) {
	webhook, _ := scope["webhook"].(map[string]any)
	body, _ := webhook["body"].(map[string]any)
	if title, ok := body["title"].(string); ok && n.Title == "" && len(title) <= maxHookTitle && peal.Printable(title) {
		n.Title = title
	}
	if text, ok := body["priority"].(string); ok && n.Priority == "" {
		if p, err := peal.ParsePriority(text); err == nil {
			n.Priority = p
		}
	}
	if n.Data == nil && webhook != nil {
		if doc, err := definition.AppendJSON(nil, webhook["body"]); err == nil && len(doc) <= maxHookData {
			n.Data = doc
		}
	}
}

// What of a webhook a request takes; what is longer is seen in the execution alone.
const (
	maxHookTitle = 500
	maxHookData  = 128 << 10
)

// serve opens the request that the hook's offering is for, so that the steps can work on
// it.
func (r *run) serve(ctx context.Context) result {
	text, _ := r.base["offering"].(string)
	if text == "" {
		return result{}
	}
	offering, err := peal.ParseOfferingID(text)
	if err != nil {
		return result{state: failed, err: err}
	}
	x := r.Execution
	n := peal.NewRequest{Org: x.Org, Offering: offering, CreatedBy: x.Hook.String(), Execution: x.ID, Serving: true}
	fromWebhook(&n, r.base)
	opened, err := r.Desk.OpenRequest(ctx, n)
	if err == nil {
		var doc json.RawMessage
		if doc, err = json.Marshal(opened); err == nil {
			r.base["request"], err = definition.Decode(doc)
		}
	}
	switch code := peal.CodeOf(err); {
	case err == nil:
		return result{}
	case code == peal.CodeUnavailable || code == peal.CodeTooManyRequests || ctx.Err() != nil:
		return result{state: abandoned}
	}
	return result{state: failed, err: err}
}
