package desk

import (
	"context"
	"encoding/json"

	"github.com/peal-dev/peal/internal/peal"
)

// OpenTask opens a task. A step that has opened one gets that one.
func (d *Desk) OpenTask(ctx context.Context, n peal.NewTask) (*peal.Task, error) {
	now := d.now()
	t := &peal.Task{
		ID: peal.NewTaskID(now), Org: n.Org, Title: n.Title, Description: n.Description, Status: peal.TaskOpen, Assignee: n.Assignee,
		Request: n.Request, Execution: n.Execution, Step: n.Step, Data: n.Data, CreatedAt: now,
	}
	if err := checkTask(t); err != nil {
		return nil, err
	}
	var raised []peal.Raised
	if !t.Assignee.IsZero() {
		t.Status = peal.TaskAssigned
		raised = aboutTask(typeAssigned, t)
	}
	return d.Store.OpenTask(ctx, t, raised)
}

func checkTask(t *peal.Task) error {
	if err := checkTexts(t.Title, t.Description); err != nil {
		return err
	}
	if err := checkData("data", t.Data); err != nil {
		return err
	}
	return t.Assignee.Validate()
}

// EditTask changes what a task says and whose it is. Whoever gets it anew is reported.
func (d *Desk) EditTask(ctx context.Context, org string, id peal.TaskID, edit func(*peal.Task)) (*peal.Task, error) {
	return d.Store.ChangeTask(ctx, org, id, d.now(), func(t *peal.Task) ([]peal.Raised, error) {
		if t.Finished() {
			return nil, finished(t)
		}
		before := t.Assignee
		edit(t)
		if err := checkTask(t); err != nil || t.Assignee == before {
			return nil, err
		}
		if t.Status = peal.TaskAssigned; t.Assignee.IsZero() {
			t.Status = peal.TaskOpen
			return nil, nil
		}
		return aboutTask(typeAssigned, t), nil
	})
}

// CompleteTask ends a task with what came of it, as JSON.
func (d *Desk) CompleteTask(ctx context.Context, org string, id peal.TaskID, output json.RawMessage) (*peal.Task, error) {
	if err := checkData("output", output); err != nil {
		return nil, err
	}
	return d.end(ctx, org, id, func(t *peal.Task) []peal.Raised {
		t.Status, t.Output = peal.TaskCompleted, output
		return aboutTask(typeTaskDone, t)
	})
}

// CancelTask ends a task that is not to be done any more.
func (d *Desk) CancelTask(ctx context.Context, org string, id peal.TaskID) (*peal.Task, error) {
	return d.end(ctx, org, id, func(t *peal.Task) []peal.Raised {
		t.Status = peal.TaskCancelled
		return nil
	})
}

func (d *Desk) end(ctx context.Context, org string, id peal.TaskID, change func(*peal.Task) []peal.Raised) (*peal.Task, error) {
	t, err := d.Store.ChangeTask(ctx, org, id, d.now(), func(t *peal.Task) ([]peal.Raised, error) {
		if t.Finished() {
			return nil, finished(t)
		}
		t.FinishedAt = d.now()
		return change(t), nil
	})
	if err == nil {
		d.Wake()
	}
	return t, err
}

func finished(t *peal.Task) error {
	return peal.Errorf(peal.CodeConflict, "the task is %s already", t.Status)
}
