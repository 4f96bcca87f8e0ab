package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/peal-dev/peal/client"
)

type sendCmd struct {
	Type           string    `arg:"" help:"The event's type, such as budget.exceeded."`
	Data           string    `default:"{}" placeholder:"JSON" help:"The event's data: a JSON object, @FILE, or - for standard input."`
	ID             string    `placeholder:"ID" help:"An id of your own; the same id is delivered once."`
	Source         string    `placeholder:"TEXT" help:"Where the event comes from."`
	Subject        string    `placeholder:"TEXT" help:"What the event is about."`
	Severity       string    `enum:",info,warning,high,critical" default:"" placeholder:"LEVEL" help:"info, warning, high or critical."`
	Title          string    `placeholder:"TEXT" help:"A summary for people."`
	Message        string    `placeholder:"TEXT" help:"A sentence for people."`
	Time           time.Time `placeholder:"TIME" help:"When it happened, as RFC 3339; without it, now."`
	IdempotencyKey string    `placeholder:"KEY" help:"Repeating a command with the same key publishes nothing twice."`
	remote
}

// Help gives examples.
func (sendCmd) Help() string {
	return `The event is durable when the command ends; its deliveries follow at once.

    peal send budget.exceeded --data '{"spent":48.12}' --severity critical
    peal send deploy.finished --data @deploy.json --idempotency-key "$CI_JOB_ID"
    jq -n '{total: 12}' | peal send order.paid --data -`
}

func (c *sendCmd) Run(ctx context.Context, s Streams) error {
	data, err := readObject(s, "--data", c.Data)
	if err != nil {
		return err
	}
	var options []client.PublishOption
	if c.IdempotencyKey != "" {
		options = append(options, client.IdempotencyKey(c.IdempotencyKey))
	}
	a, err := c.client().Publish(ctx, client.Event{
		ID: c.ID, Type: c.Type, Data: data, Source: c.Source, Subject: c.Subject,
		Severity: c.Severity, Title: c.Title, Message: c.Message, Time: c.Time,
	}, options...)
	if err != nil {
		return err
	}
	duplicate := ""
	if a.Duplicate {
		duplicate = "yes: it was accepted before"
	}
	return show(s.Out, c.format, a, field{"event", a.ID},
		field{"deliveries", strconv.Itoa(a.Deliveries)}, field{"duplicate", duplicate})
}
