package cli

import (
	"context"
	"strings"

	"github.com/peal-dev/peal/client"
)

type requestsCmd struct {
	List     listRequestsCmd    `cmd:"" help:"List requests, newest first."`
	Get      getRequestCmd      `cmd:"" aliases:"show" help:"Read one request."`
	Accept   acceptRequestCmd   `cmd:"" help:"Accept requests that are pending."`
	Complete completeRequestCmd `cmd:"" help:"Complete requests that were accepted."`
	Cancel   cancelRequestCmd   `cmd:"" help:"Cancel requests that are not finished, and their open tasks."`
}

type listRequestsCmd struct {
	Offering string `placeholder:"ID" help:"Only of this offering."`
	Status   string `placeholder:"STATUS" help:"Only PENDING, ACCEPTED, COMPLETED or CANCELLED ones."`
	Priority string `placeholder:"PRIORITY" help:"Only those of LOW, MEDIUM, HIGH or URGENT priority."`
	Limit    int    `default:"20" placeholder:"N" help:"At most so many; 0 is all."`
	Server   remote `embed:""`
}

func (c *listRequestsCmd) Run(ctx context.Context, s Streams) error {
	rows, err := take(c.Server.client().Requests(ctx, client.RequestFilter{
		Offering: c.Offering, Status: strings.ToUpper(c.Status), Priority: strings.ToUpper(c.Priority),
	}), c.Limit)
	if err != nil {
		return err
	}
	return list(s.Out, c.Server.format, rows,
		column[client.Request]{"ID", func(r client.Request) string { return r.ID }},
		column[client.Request]{"TITLE", func(r client.Request) string { return r.Title }},
		column[client.Request]{"STATUS", func(r client.Request) string { return r.Status }},
		column[client.Request]{"PRIORITY", func(r client.Request) string { return r.Priority }},
		column[client.Request]{"CREATED", func(r client.Request) string { return shortTime(r.CreatedAt) }},
		column[client.Request]{"DUE", func(r client.Request) string { return shortTime(r.CompleteDueAt) }},
		column[client.Request]{"BREACHED", func(r client.Request) string { return strings.Join(r.Breached, ", ") }},
	)
}

type getRequestCmd struct {
	ID string `arg:"" help:"The request's id."`
	remote
}

func (c *getRequestCmd) Run(ctx context.Context, s Streams) error {
	r, err := c.client().Request(ctx, c.ID)
	if err != nil {
		return err
	}
	data := string(r.Data)
	if data == "null" {
		data = ""
	}
	return show(s.Out, c.format, r,
		field{"id", r.ID}, field{"title", r.Title}, field{"description", r.Description}, field{"offering", r.Offering},
		field{"status", r.Status}, field{"priority", r.Priority}, field{"created by", r.CreatedBy}, field{"parent", r.Parent},
		field{"execution", r.ExecutionID}, field{"created", shortTime(r.CreatedAt)}, field{"accept until", shortTime(r.AcceptDueAt)},
		field{"accepted", shortTime(r.AcceptedAt)}, field{"complete until", shortTime(r.CompleteDueAt)}, field{"finished", shortTime(r.FinishedAt)},
		field{"breached", strings.Join(r.Breached, ", ")}, field{"reason", r.CancelReason}, field{"data", data},
	)
}

type requestArgs struct {
	IDs []string `arg:"" name:"id" help:"The requests' ids."`
	remote
}

type acceptRequestCmd struct{ requestArgs }

func (c *acceptRequestCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "accepted", c.client().AcceptRequest)
}

type completeRequestCmd struct{ requestArgs }

func (c *completeRequestCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "completed", c.client().CompleteRequest)
}

type cancelRequestCmd struct {
	Reason string `placeholder:"TEXT" help:"Why."`
	requestArgs
}

func (c *cancelRequestCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "cancelled", func(ctx context.Context, id string) (client.Request, error) {
		return c.client().CancelRequest(ctx, id, c.Reason)
	})
}
