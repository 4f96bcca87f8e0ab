package workflow

import (
	"context"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// notifyKind sends a message to one endpoint, whatever its subscription. It is an event
// with one delivery, which is retried, recorded and replayable as any.
type notifyKind struct{ publisher Publisher }

// typeNotification is the type of events that say none.
const typeNotification = "workflow.notification"

func (*notifyKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "notify", Help: "Sends a message to one endpoint.",
		Fields: append([]definition.Field{
			{Name: "endpoint", Type: definition.Text, Required: true, Help: "The endpoint's id, ep_…."},
			{Name: "title", Type: definition.Text, Required: true, Help: "A line for people."},
			{Name: "message", Type: definition.Text, Help: "A sentence for people; the title where absent."},
			{Name: "type", Type: definition.Text, Help: "The event's type; " + typeNotification + " where absent."},
			{Name: "data", Type: definition.Object, Help: "Details."},
		}, eventFields...),
		Check: func(s *definition.Step) error {
			if id, ok := s.With["endpoint"].Text(); ok {
				if _, err := peal.ParseEndpointID(id); err != nil {
					return peal.Invalid("endpoint", "%v", err)
				}
			}
			if t, ok := s.With["type"].Text(); ok {
				return peal.CheckType(t)
			}
			return nil
		},
	}
}

// check finds the endpoint, where the definition says which it is.
func (*notifyKind) check(_ context.Context, s *definition.Step, org definition.Known) error {
	text, ok := s.With["endpoint"].Text()
	if !ok {
		return nil
	}
	if id, err := peal.ParseEndpointID(text); err != nil || !org.HasEndpoint(id) {
		return peal.Invalid("endpoint", "there is no endpoint %s", peal.Clip(text, 64))
	}
	return nil
}

func (k *notifyKind) Run(ctx context.Context, c *Call) Outcome {
	ev, err := c.event()
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	text, err := c.text("endpoint")
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	if ev.To, err = peal.ParseEndpointID(text); err != nil {
		return refusal("%v", err)
	}
	if ev.Type == "" {
		ev.Type = typeNotification
	}
	if ev.Message == "" {
		ev.Message = ev.Title
	}
	return published(k.publisher.PublishStep(ctx, c.Org, c.Key, ev))
}
