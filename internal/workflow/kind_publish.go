package workflow

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
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
	in, err := c.event()
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	if in.ClientID, err = c.text("id"); err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	return published(k.publisher.Publish(ctx, publish.Request{Org: c.Org, Inputs: []publish.Input{in}, Key: c.Key}))
}

// event is what the members of with that publish and notify share make.
func (c *Call) event() (in publish.Input, err error) {
	severity := ""
	for name, to := range map[string]*string{
		"type": &in.Type, "source": &in.Source, "subject": &in.Subject, "title": &in.Title, "message": &in.Message, "severity": &severity,
	} {
		if *to, err = c.text(name); err != nil {
			return in, err
		}
	}
	if severity != "" {
		if in.Severity, err = peal.ParseSeverity(severity); err != nil {
			return in, err
		}
	}
	switch data := c.With["data"].(type) {
	case nil:
	case map[string]any:
		if in.Data, err = definition.AppendJSON(nil, data); err != nil {
			return in, err
		}
	default:
		return in, peal.Errorf(peal.CodeInvalid, "data is not an object")
	}
	return in, nil
}

// published makes the outcome of an answer.
func published(a publish.Answer, err error) Outcome {
	switch peal.CodeOf(err) {
	case peal.CodeUnavailable, peal.CodeTooManyRequests, peal.CodeInternal:
		if err != nil {
			return failure(err)
		}
	}
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	e := a.Events[0]
	return output(map[string]any{"id": e.ID, "deliveries": json.Number(strconv.Itoa(e.Deliveries))})
}
