package workflow

import (
	"context"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// publishKind publishes an event, once: the step's key is the request's.
type publishKind struct{ publisher Publisher }

var eventFields = []definition.Field{
	{Name: "source", Type: definition.Text, Help: "What the event comes from; the workflow where absent."},
	{Name: "subject", Type: definition.Text, Help: "What the event is about, such as a customer's id."},
	{Name: "severity", Type: definition.Text, Help: "How grave it is.", Enum: []string{"info", "warning", "high", "critical"}},
}

func (*publishKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "publish", Help: "Publishes an event to the endpoints that want it.",
		Fields: append([]definition.Field{
			{Name: "type", Type: definition.Text, Required: true, Help: "The event's type, such as order.paid."},
			{Name: "data", Type: definition.Object, Help: "The event's data."},
			{Name: "id", Type: definition.Text, Help: "The event's id, unique in the org; made up where absent."},
			{Name: "title", Type: definition.Text, Help: "A line for people."},
			{Name: "message", Type: definition.Text, Help: "A sentence for people."},
		}, eventFields...),
		Check: func(s *definition.Step) error {
			if t, ok := s.With["type"].Text(); ok {
				return peal.CheckType(t)
			}
			return nil
		},
	}
}

func (k *publishKind) Run(ctx context.Context, c *Call) Outcome {
	ev, err := c.event()
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	if ev.ID, err = c.text("id"); err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	return published(k.publisher.PublishStep(ctx, c.Org, c.Key, ev))
}

// event is what the members of with that publish and notify share make.
func (c *Call) event() (ev Event, err error) {
	severity := ""
	for name, to := range map[string]*string{
		"type": &ev.Type, "source": &ev.Source, "subject": &ev.Subject, "title": &ev.Title, "message": &ev.Message, "severity": &severity,
	} {
		if *to, err = c.text(name); err != nil {
			return ev, err
		}
	}
	if severity != "" {
		if ev.Severity, err = peal.ParseSeverity(severity); err != nil {
			return ev, err
		}
	}
	switch data := c.With["data"].(type) {
	case nil:
	case map[string]any:
		if ev.Data, err = definition.AppendJSON(nil, data); err != nil {
			return ev, err
		}
	default:
		return ev, peal.Errorf(peal.CodeInvalid, "data is not an object")
	}
	return ev, nil
}

// published makes the outcome of an answer.
func published(id string, deliveries int, err error) Outcome {
	if err != nil {
		code := peal.CodeOf(err)
		again := code == peal.CodeUnavailable || code == peal.CodeTooManyRequests || code == peal.CodeInternal
		return Outcome{Err: err, Permanent: !again}
	}
	return output(map[string]any{"id": id, "deliveries": jsonNumber(deliveries)})
}
