package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/internal/peal"
)

type deliveriesCmd struct {
	List    listDeliveriesCmd `cmd:"" help:"List deliveries, newest first."`
	Get     getDeliveryCmd    `cmd:"" help:"Read one delivery with its attempts."`
	Payload payloadCmd        `cmd:"" help:"Print the exact bytes of the request body."`
	Retry   retryDeliveryCmd  `cmd:"" help:"Send deliveries again now."`
	Cancel  cancelDeliveryCmd `cmd:"" help:"Give up deliveries that are not finished."`
}

type listDeliveriesCmd struct {
	Endpoint string `placeholder:"ID" help:"Only to this endpoint."`
	Event    string `placeholder:"ID" help:"Only of this event."`
	Status   string `placeholder:"STATUS" help:"pending, retrying, succeeded, dead, dropped, suppressed or cancelled."`
	Type     string `placeholder:"TYPE" help:"Only events of this type."`
	Since    moment `placeholder:"TIME" help:"Only made at or after: RFC 3339, or how long ago (90m)."`
	Until    moment `placeholder:"TIME" help:"Only made before."`
	Limit    int    `default:"50" placeholder:"N" help:"At most so many; 0 is all."`
	remote
}

func (c *listDeliveriesCmd) Run(ctx context.Context, s Streams) error {
	deliveries, err := take(c.client().Deliveries(ctx, client.DeliveryFilter{
		Endpoint: c.Endpoint, Event: c.Event, Status: c.Status, Type: c.Type,
		Since: c.Since.time(), Until: c.Until.time(), PageSize: c.Limit,
	}), c.Limit)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, deliveries,
		column[client.Delivery]{"ID", func(d client.Delivery) string { return d.ID }},
		column[client.Delivery]{"EVENT", func(d client.Delivery) string { return d.EventType }},
		column[client.Delivery]{"ENDPOINT", func(d client.Delivery) string { return d.EndpointID }},
		column[client.Delivery]{"STATUS", func(d client.Delivery) string { return d.Status }},
		column[client.Delivery]{"ATTEMPTS", func(d client.Delivery) string { return strconv.Itoa(d.AttemptCount) }},
		column[client.Delivery]{"NEXT", func(d client.Delivery) string { return shortTime(d.NextAttemptAt) }},
		column[client.Delivery]{"LAST", lastAnswer},
	)
}

func lastAnswer(d client.Delivery) string {
	if d.LastError != "" {
		return d.LastError
	}
	if d.Reason != "" {
		return d.Reason
	}
	return number(d.LastStatusCode)
}

type deliveryArg struct {
	ID string `arg:"" help:"The delivery's id."`
	remote
}

type getDeliveryCmd struct{ deliveryArg }

func (c *getDeliveryCmd) Run(ctx context.Context, s Streams) error {
	d, err := c.client().Delivery(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := show(s.Out, c.format, d, field{"id", d.ID}, field{"event", d.EventID}, field{"type", d.EventType},
		field{"endpoint", d.EndpointID}, field{"status", d.Status}, field{"reason", d.Reason},
		field{"created", shortTime(d.CreatedAt)}, field{"finished", shortTime(d.FinishedAt)},
		field{"next attempt", shortTime(d.NextAttemptAt)}); err != nil || c.json() || len(d.Attempts) == 0 {
		return err
	}
	fmt.Fprintln(s.Out)
	return list(s.Out, c.format, d.Attempts,
		column[client.Attempt]{"ATTEMPT", func(a client.Attempt) string { return strconv.Itoa(a.Number) }},
		column[client.Attempt]{"STARTED", func(a client.Attempt) string { return shortTime(a.StartedAt) }},
		column[client.Attempt]{"TOOK", func(a client.Attempt) string { return fmt.Sprintf("%g ms", a.DurationMS) }},
		column[client.Attempt]{"STATUS", func(a client.Attempt) string { return number(a.StatusCode) }},
		column[client.Attempt]{"ERROR", func(a client.Attempt) string { return a.Error }},
		column[client.Attempt]{"ANSWER", func(a client.Attempt) string { return peal.Clip(a.ResponseBody, 60) }},
	)
}

type payloadCmd struct {
	ID     string `arg:"" help:"The delivery's id."`
	Server remote `embed:""`
}

func (c *payloadCmd) Run(ctx context.Context, s Streams) error {
	body, err := c.Server.client().DeliveryPayload(ctx, c.ID)
	if err != nil {
		return err
	}
	_, err = s.Out.Write(body)
	return err
}

type deliveryArgs struct {
	IDs []string `arg:"" name:"id" help:"The deliveries' ids."`
	remote
}

type retryDeliveryCmd struct{ deliveryArgs }

func (c *retryDeliveryCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "is due now", c.client().RetryDelivery)
}

type cancelDeliveryCmd struct{ deliveryArgs }

func (c *cancelDeliveryCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "cancelled", c.client().CancelDelivery)
}
