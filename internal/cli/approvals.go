package cli

import (
	"cmp"
	"context"

	"github.com/peal-dev/peal/client"
)

type approvalsCmd struct {
	List    listApprovalsCmd `cmd:"" help:"List what people were asked about, newest first."`
	Approve approveCmd       `cmd:"" help:"Allow requests that wait for a person."`
	Deny    denyCmd          `cmd:"" help:"Deny requests that wait for a person."`
}

type listApprovalsCmd struct {
	Pending bool   `help:"Only those that wait."`
	Limit   int    `default:"20" placeholder:"N" help:"At most so many; 0 is all."`
	Server  remote `embed:""`
}

func (c *listApprovalsCmd) Run(ctx context.Context, s Streams) error {
	rows, err := take(c.Server.client().Approvals(ctx, client.ApprovalFilter{Pending: c.Pending}), c.Limit)
	if err != nil {
		return err
	}
	return list(s.Out, c.Server.format, rows,
		column[client.Approval]{"ID", func(a client.Approval) string { return a.ID }},
		column[client.Approval]{"STATUS", func(a client.Approval) string { return a.Status }},
		column[client.Approval]{"WHO", func(a client.Approval) string { return cmp.Or(a.User, a.Key, a.Agent, a.Team) }},
		column[client.Approval]{"MODEL", func(a client.Approval) string { return a.Model }},
		column[client.Approval]{"COST", func(a client.Approval) string { return a.EstimatedCost }},
		column[client.Approval]{"ASKED", func(a client.Approval) string { return shortTime(a.RequestedAt) }},
		column[client.Approval]{"EXPIRES", func(a client.Approval) string { return shortTime(a.ExpiresAt) }},
		column[client.Approval]{"DECIDED BY", func(a client.Approval) string { return a.DecidedBy }},
		column[client.Approval]{"REASON", func(a client.Approval) string { return a.Reason }},
	)
}

// decideArgs name approvals, and who decides on them.
type decideArgs struct {
	IDs    []string `arg:"" name:"id" help:"The approvals' ids."`
	By     string   `placeholder:"NAME" help:"Who decides; without it, the key."`
	Reason string   `placeholder:"TEXT" help:"Why, which the gateway is told."`
	remote
}

type decision func(context.Context, string, client.ApprovalDecision) (client.Approval, error)

func (c *decideArgs) decide(ctx context.Context, s Streams, done string, decide decision) error {
	return each(ctx, s, c.format, c.IDs, done, func(ctx context.Context, id string) (client.Approval, error) {
		return decide(ctx, id, client.ApprovalDecision{By: c.By, Reason: c.Reason})
	})
}

type approveCmd struct{ decideArgs }

func (c *approveCmd) Run(ctx context.Context, s Streams) error {
	return c.decide(ctx, s, "approved", c.client().ApproveRequest)
}

type denyCmd struct{ decideArgs }

func (c *denyCmd) Run(ctx context.Context, s Streams) error {
	return c.decide(ctx, s, "denied", c.client().DenyRequest)
}
