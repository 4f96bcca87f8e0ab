package workflow

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// taskKind opens a task, once, and may wait until it is completed.
type taskKind struct{ desk Desk }

func (*taskKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "task", Help: "Gives a user or an agent something to do.",
		Fields: []definition.Field{
			{Name: "title", Type: definition.Text, Required: true, Help: "What is to be done."},
			{Name: "description", Type: definition.Text, Help: "More about it."},
			{Name: "assignee", Type: definition.Any, Help: "Whose it is: {kind: user|agent, id: …}, or a user's id; nobody's where absent."},
			{Name: "request", Type: definition.Text, Help: "The request that it is for, req_…; the one that the workflow works on where absent."},
			{Name: "data", Type: definition.Any, Help: "What the assignee needs to know."},
			{Name: "wait", Type: definition.Bool, Help: "Whether to wait until it is completed; the output then has what came of it."},
			{Name: "for", Type: definition.Duration, Help: "How long to wait at most."},
		},
		Check: func(s *definition.Step) error {
			if _, has := s.With["for"]; has && s.With["wait"] == nil {
				return peal.Invalid("for", "for is how long to wait; it needs wait: true")
			}
			if id, ok := s.With["assignee"].Text(); ok {
				return peal.Assignee{Kind: peal.AssigneeUser, ID: id}.Validate()
			}
			return nil
		},
	}
}

func (k *taskKind) Run(ctx context.Context, c *Call) Outcome {
	if c.Heard != nil {
		return ended(c.Heard)
	}
	n, err := c.task()
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	wait, ok := c.With["wait"].(bool)
	if !ok && c.With["wait"] != nil {
		return refusal("wait is true or false")
	}
	var until time.Time
	if wait {
		if until, err = waitUntil(c); err != nil {
			return Outcome{Err: err, Permanent: true}
		}
	}
	t, err := k.desk.OpenTask(ctx, n)
	if err != nil {
		return undone(c, err)
	}
	if wait {
		return await(ctx, k.desk, c, t.ID.String(), until)
	}
	opened := *t
	opened.Data = nil
	return shown(&opened)
}

// task is what the members of with make.
func (c *Call) task() (n peal.NewTask, err error) {
	n = peal.NewTask{Org: c.Org, Execution: c.Execution, Step: c.Step.ID}
	request := ""
	for name, to := range map[string]*string{"title": &n.Title, "description": &n.Description, "request": &request} {
		if *to, err = c.text(name); err != nil {
			return n, err
		}
	}
	if request == "" {
		request, _ = served(c.Scope)["id"].(string)
	}
	if request != "" {
		if n.Request, err = peal.ParseRequestID(request); err != nil {
			return n, peal.Invalid("request", "%v", err)
		}
	}
	if data, ok := c.With["data"]; ok {
		if n.Data, err = definition.AppendJSON(nil, data); err != nil {
			return n, err
		}
	}
	switch to := c.With["assignee"].(type) {
	case nil:
	case string:
		n.Assignee = peal.Assignee{Kind: peal.AssigneeUser, ID: to}
	case map[string]any:
		n.Assignee.Kind, _ = to["kind"].(string)
		n.Assignee.ID, _ = to["id"].(string)
	default:
		return n, peal.Invalid("assignee", "assignee is {kind, id} or a user's id")
	}
	return n, n.Assignee.Validate()
}
