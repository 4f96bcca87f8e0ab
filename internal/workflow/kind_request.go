package workflow

import (
	"context"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// requestKind opens a request, once.
type requestKind struct{ desk Desk }

func (*requestKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "request", Help: "Opens a request of an offering.",
		Fields: []definition.Field{
			{Name: "offering", Type: definition.Text, Required: true, Help: "The offering's id, svc_…."},
			{Name: "title", Type: definition.Text, Help: "What is requested; the title in the webhook's body, or the offering's name, where absent."},
			{Name: "description", Type: definition.Text, Help: "More about it."},
			{Name: "priority", Type: definition.Text, Help: "How urgent it is; the priority in the webhook's body, or MEDIUM, where absent.", Enum: []string{"LOW", "MEDIUM", "HIGH", "URGENT"}},
			{Name: "created_by", Type: definition.Text, Help: "Who requests it; the hook where absent."},
			{Name: "data", Type: definition.Any, Help: "Whatever belongs to it; the webhook's body where absent."},
		},
		Check: func(s *definition.Step) error {
			if id, ok := s.With["offering"].Text(); ok {
				if _, err := peal.ParseOfferingID(id); err != nil {
					return peal.Invalid("offering", "%v", err)
				}
			}
			return nil
		},
	}
}

// check finds the offering, where the definition says which it is.
func (*requestKind) check(_ context.Context, s *definition.Step, org definition.Known) error {
	text, ok := s.With["offering"].Text()
	if !ok {
		return nil
	}
	if id, err := peal.ParseOfferingID(text); err != nil || !org.HasOffering(id) {
		return peal.Invalid("offering", "there is no offering %s", peal.Clip(text, 64))
	}
	return nil
}

func (k *requestKind) Run(ctx context.Context, c *Call) Outcome {
	n := peal.NewRequest{Org: c.Org, Execution: c.Execution, Step: c.Step.ID}
	var offering, priority string
	for name, to := range map[string]*string{
		"offering": &offering, "title": &n.Title, "description": &n.Description, "created_by": &n.CreatedBy, "priority": &priority,
	} {
		var err error
		if *to, err = c.text(name); err != nil {
			return Outcome{Err: err, Permanent: true}
		}
	}
	var err error
	if n.Offering, err = peal.ParseOfferingID(offering); err != nil {
		return refusal("offering: %v", err)
	}
	if priority != "" {
		if n.Priority, err = peal.ParsePriority(priority); err != nil {
			return Outcome{Err: err, Permanent: true}
		}
	}
	if data, ok := c.With["data"]; ok {
		if n.Data, err = definition.AppendJSON(nil, data); err != nil {
			return Outcome{Err: err, Permanent: true}
		}
	}
	parent := served(c.Scope)
	if id, ok := parent["id"].(string); ok {
		if n.Parent, err = peal.ParseRequestID(id); err != nil {
			return refusal("%v", err)
		}
	}
	if n.CreatedBy == "" {
		n.CreatedBy = opener(c, parent)
	}
	fromWebhook(&n, c.Scope)
	r, err := k.desk.OpenRequest(ctx, n)
	if err != nil {
		return undone(c, err)
	}
	opened := *r
	opened.Data = nil // it may be longer than an output, and the execution has it
	return shown(&opened)
}

// opener is who opens a request where the step does not say.
func opener(c *Call, parent map[string]any) string {
	if !c.Hook.IsZero() {
		return c.Hook.String()
	}
	if by, ok := parent["created_by"].(string); ok && by != "" {
		return by
	}
	return c.Execution.String()
}
