package desk

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// maxKey bounds an idempotency key, in bytes.
const maxKey = 256

// OpenRequest opens a request, and starts the workflow of its offering. A step that has
// opened one gets that one, and so does who asks for the same under the same key.
func (d *Desk) OpenRequest(ctx context.Context, n peal.NewRequest) (*peal.Request, error) {
	o, err := d.opening(&n)
	if err != nil {
		return nil, err
	}
	r, err := d.Store.OpenRequest(ctx, o)
	if err != nil {
		return nil, err
	}
	if len(o.Timers) > 0 {
		d.arm()
	}
	if o.Start != nil {
		d.Wake()
	}
	return r, nil
}

func (d *Desk) opening(n *peal.NewRequest) (*Opening, error) {
	now := d.now()
	r := &peal.Request{
		ID: peal.NewRequestID(now), Org: n.Org, Offering: n.Offering, Title: n.Title, Description: n.Description, CreatedBy: n.CreatedBy,
		Status: peal.RequestPending, Priority: n.Priority, Data: n.Data, Parent: n.Parent, Origin: n.Execution, OriginStep: n.Step, CreatedAt: now,
	}
	if r.Priority == "" {
		r.Priority = peal.DefaultPriority
	}
	o := &Opening{Request: r}
	if n.Key != "" {
		if len(n.Key) > maxKey || !peal.Printable(n.Key) {
			return nil, peal.Invalid("Idempotency-Key", "an idempotency key has at most %d bytes without control characters", maxKey)
		}
		asked, err := json.Marshal(n)
		if err != nil {
			return nil, peal.Invalid("data", "data is not JSON")
		}
		o.Key, o.Hash = n.Key, sha256.Sum256(asked)
	}
	if n.Serving {
		r.Execution = n.Execution
	}
	if !n.Offering.IsZero() {
		offering, ok := directory.Offerings.Get(d.Directory, n.Org, n.Offering.String())
		if !ok {
			return nil, peal.Invalid("offering", "there is no offering %s", n.Offering)
		}
		r.SLA = offering.SLA
		if r.Title == "" {
			r.Title = offering.Name
		}
		if !n.Serving && !offering.Workflow.IsZero() {
			w, ok := directory.Workflows.Get(d.Directory, n.Org, offering.Workflow.String())
			if !ok {
				return nil, peal.Errorf(peal.CodeConflict, "the offering's workflow was deleted")
			}
			o.Definition = w.Definition
			o.Start = &peal.Execution{
				ID: peal.NewExecutionID(now), Org: n.Org, Workflow: w.ID, WorkflowName: w.Name, Version: w.Version, Status: peal.ExecutionQueued,
			}
			r.Execution = o.Start.ID
		}
	}
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	o.Timers = timers(r)
	o.Raised = aboutRequest(typeCreated, r)
	return o, nil
}

func checkRequest(r *peal.Request) error {
	if err := checkTexts(r.Title, r.Description); err != nil {
		return err
	}
	if err := checkData("data", r.Data); err != nil {
		return err
	}
	if len(r.CreatedBy) > maxPerson || !peal.Printable(r.CreatedBy) {
		return peal.Invalid("created_by", "created_by has at most %d bytes without control characters", maxPerson)
	}
	_, err := peal.ParsePriority(string(r.Priority))
	return err
}

// AcceptRequest takes a request out of the inbox.
func (d *Desk) AcceptRequest(ctx context.Context, org string, id peal.RequestID) (*peal.Request, error) {
	return d.move(ctx, org, id, typeAccepted, func(r *peal.Request) error {
		if r.Status != peal.RequestPending {
			return standing(r, "accepted")
		}
		r.Status, r.AcceptedAt = peal.RequestAccepted, d.now()
		return nil
	})
}

// CompleteRequest ends a request that was accepted.
func (d *Desk) CompleteRequest(ctx context.Context, org string, id peal.RequestID) (*peal.Request, error) {
	return d.move(ctx, org, id, typeCompleted, func(r *peal.Request) error {
		if r.Status == peal.RequestPending {
			return peal.Errorf(peal.CodeConflict, "the request is %s; accept it before it is completed", r.Status)
		}
		if r.Status != peal.RequestAccepted {
			return standing(r, "completed")
		}
		r.Status, r.FinishedAt = peal.RequestCompleted, d.now()
		return nil
	})
}

// CancelRequest ends a request that is not finished, and its tasks with it.
func (d *Desk) CancelRequest(ctx context.Context, org string, id peal.RequestID, reason string) (*peal.Request, error) {
	if len(reason) > maxDescription {
		return nil, peal.Invalid("reason", "a reason has at most %d bytes", maxDescription)
	}
	return d.move(ctx, org, id, typeCancelled, func(r *peal.Request) error {
		if r.Finished() {
			return standing(r, "cancelled")
		}
		r.Status, r.Reason, r.FinishedAt = peal.RequestCancelled, reason, d.now()
		return nil
	})
}

func standing(r *peal.Request, verb string) error {
	return peal.Errorf(peal.CodeConflict, "the request is %s and cannot be %s", r.Status, verb)
}

// move changes a request's status and reports it.
func (d *Desk) move(ctx context.Context, org string, id peal.RequestID, eventType string, change func(*peal.Request) error) (*peal.Request, error) {
	r, err := d.Store.ChangeRequest(ctx, org, id, d.now(), func(r *peal.Request) ([]peal.Raised, error) {
		if err := change(r); err != nil {
			return nil, err
		}
		return aboutRequest(eventType, r), nil
	})
	if err == nil && r.Finished() {
		d.Wake()
	}
	return r, err
}

// EditRequest changes what a request says; its state stays.
func (d *Desk) EditRequest(ctx context.Context, org string, id peal.RequestID, edit func(*peal.Request)) (*peal.Request, error) {
	return d.Store.ChangeRequest(ctx, org, id, d.now(), func(r *peal.Request) ([]peal.Raised, error) {
		edit(r)
		return nil, checkRequest(r)
	})
}
