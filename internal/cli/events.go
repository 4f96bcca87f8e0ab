package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/peal-dev/peal/client"
)

type eventsCmd struct {
	List listEventsCmd `cmd:"" help:"List events, newest first."`
	Get  getEventCmd   `cmd:"" help:"Read one event."`
}

type listEventsCmd struct {
	Type    string `placeholder:"TYPE" help:"Only of this type."`
	Subject string `placeholder:"TEXT" help:"Only about this subject."`
	Text    string `placeholder:"TEXT" help:"Only with this text in the type, subject, title, message or data."`
	Since   moment `placeholder:"TIME" help:"Only accepted at or after: RFC 3339, or how long ago (90m)."`
	Until   moment `placeholder:"TIME" help:"Only accepted before."`
	Limit   int    `default:"50" placeholder:"N" help:"At most so many; 0 is all."`
	remote
}

func (c *listEventsCmd) Run(ctx context.Context, s Streams) error {
	events, err := take(c.client().Events(ctx, client.EventFilter{
		Type: c.Type, Subject: c.Subject, Text: c.Text, Since: c.Since.time(), Until: c.Until.time(), PageSize: c.Limit,
	}), c.Limit)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, events,
		column[client.Event]{"ID", func(e client.Event) string { return e.ID }},
		column[client.Event]{"TYPE", func(e client.Event) string { return e.Type }},
		column[client.Event]{"SEVERITY", func(e client.Event) string { return e.Severity }},
		column[client.Event]{"SUBJECT", func(e client.Event) string { return e.Subject }},
		column[client.Event]{"TIME", func(e client.Event) string { return shortTime(e.Time) }},
	)
}

type getEventCmd struct {
	ID      string `arg:"" help:"The event's id."`
	Explain bool   `help:"For each endpoint, whether it got the event, or why not."`
	remote
}

func (c *getEventCmd) Run(ctx context.Context, s Streams) error {
	read := c.client().Event
	if c.Explain {
		read = c.client().ExplainEvent
	}
	e, err := read(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := showEvent(s, c.format, e); err != nil || !c.Explain || c.json() {
		return err
	}
	fmt.Fprintln(s.Out)
	return list(s.Out, c.format, e.Explain,
		column[client.Verdict]{"ENDPOINT", func(v client.Verdict) string { return v.EndpointID }},
		column[client.Verdict]{"NAME", func(v client.Verdict) string { return v.Name }},
		column[client.Verdict]{"OUTCOME", outcome},
		column[client.Verdict]{"DELIVERY", func(v client.Verdict) string { return v.DeliveryID }},
	)
}

// outcome tells the states of deliveries from the reasons why there is none.
func outcome(v client.Verdict) string {
	text := v.Outcome
	if v.DeliveryID == "" {
		text = "not sent: " + text
	}
	if v.Detail != "" {
		text += " (" + v.Detail + ")"
	}
	return text
}

func showEvent(s Streams, f format, e client.Event) error {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return err
	}
	return show(s.Out, f, e, field{"id", e.ID}, field{"type", e.Type}, field{"time", shortTime(e.Time)},
		field{"source", e.Source}, field{"subject", e.Subject}, field{"severity", e.Severity},
		field{"title", e.Title}, field{"message", e.Message}, field{"data", string(data)})
}
