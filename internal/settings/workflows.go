package settings

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// Workflows checks definitions; *workflow.Kinds does.
type Workflows interface {
	// Check reports, with line and column, what in a definition of an org may not stand,
	// and gives the name that it has.
	Check(ctx context.Context, text string, org definition.Known) (name string, err error)
}

// known is what an org has by the directory.
type known struct {
	*directory.Directory
	org string
}

func (k known) ID() string { return k.org }

func (k known) HasEndpoint(id peal.EndpointID) bool {
	_, ok := k.EndpointOf(k.org, id)
	return ok
}

func (k known) HasOffering(id peal.OfferingID) bool {
	_, ok := directory.Offerings.Get(k.Directory, k.org, id.String())
	return ok
}

func (k known) HasSecret(name string) bool {
	_, ok := directory.Secrets.Get(k.Directory, k.org, name)
	return ok
}

var workflows = kept[peal.Workflow]{
	Objects: directory.Workflows, name: "workflow",
	check: func(_ *Service, w *peal.Workflow) error {
		if w.Name == "" {
			return peal.Invalid("name", "a workflow has a name")
		}
		return checkName("name", w.Name)
	},
}

// CreateWorkflow makes a workflow of a definition. A name beside it wins over the one
// in it.
func (s *Service) CreateWorkflow(ctx context.Context, actor, org, name, text string) (*peal.Workflow, error) {
	own, err := s.Workflows.Check(ctx, text, known{s.Directory, org})
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = own
	}
	id := peal.NewWorkflowID(s.Now())
	return workflows.put(ctx, s, actor, org, id.String(), func(now time.Time, _ *peal.Workflow) (*peal.Workflow, error) {
		return &peal.Workflow{ID: id, Org: org, Name: name, Version: 1, Definition: text, CreatedAt: now, UpdatedAt: now}, nil
	})
}

// UpdateWorkflow makes the next version of a workflow, from a definition that change
// makes of the one before. Executions that began keep theirs.
func (s *Service) UpdateWorkflow(ctx context.Context, actor, org string, id peal.WorkflowID, change func(old *peal.Workflow) (name, text string, err error)) (*peal.Workflow, error) {
	return workflows.update(ctx, s, actor, org, id.String(), func(now time.Time, w *peal.Workflow) error {
		name, text, err := change(w)
		if err != nil {
			return err
		}
		own, err := s.Workflows.Check(ctx, text, known{s.Directory, org})
		if err != nil {
			return err
		}
		if name == "" {
			name = own
		}
		if name == "" {
			name = w.Name
		}
		w.Name, w.Definition, w.Version, w.UpdatedAt = name, text, w.Version+1, now
		return nil
	})
}

// DeleteWorkflow deletes a workflow that no hook and no offering starts. Executions that began go on.
func (s *Service) DeleteWorkflow(ctx context.Context, actor, org string, id peal.WorkflowID) error {
	for _, h := range directory.Hooks.All(s.Directory, org) {
		if h.Workflow == id {
			return peal.Errorf(peal.CodeConflict, "the hook %s starts the workflow; delete it first, or have it start another", h.ID)
		}
	}
	for _, o := range directory.Offerings.All(s.Directory, org) {
		if o.Workflow == id {
			return peal.Errorf(peal.CodeConflict, "the offering %s starts the workflow; delete it first, or have it start another", o.ID)
		}
	}
	return workflows.delete(ctx, s, actor, org, id.String())
}
