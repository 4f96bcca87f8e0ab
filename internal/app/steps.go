package app

import (
	"context"

	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/workflow"
)

// stepPublisher lets steps of workflows publish.
type stepPublisher struct{ publisher *publish.Publisher }

// PublishStep implements workflow.Publisher.
func (p stepPublisher) PublishStep(ctx context.Context, org, key string, ev workflow.Event) (id string, deliveries int, err error) {
	a, err := p.publisher.Publish(ctx, publish.Request{Org: org, Key: key, To: ev.To, Inputs: []publish.Input{{
		ClientID: ev.ID, Type: ev.Type, Source: ev.Source, Subject: ev.Subject, Severity: ev.Severity,
		Title: ev.Title, Message: ev.Message, Data: ev.Data,
	}}})
	if err != nil {
		return "", 0, err
	}
	return a.Events[0].ID, a.Events[0].Deliveries, nil
}
