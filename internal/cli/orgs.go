package cli

import (
	"context"

	"github.com/peal-dev/peal/client"
)

type orgsCmd struct {
	List   listOrgsCmd  `cmd:"" help:"List orgs."`
	Get    getOrgCmd    `cmd:"" help:"Read one org."`
	Create createOrgCmd `cmd:"" help:"Create an org."`
	Update updateOrgCmd `cmd:"" help:"Change the settings that are given."`
	Delete deleteOrgCmd `cmd:"" help:"Delete orgs with everything in them."`
}

type listOrgsCmd struct{ remote }

func (c *listOrgsCmd) Run(ctx context.Context, s Streams) error {
	orgs, err := take(c.client().Orgs(ctx), 0)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, orgs,
		column[client.Org]{"ID", func(o client.Org) string { return o.ID }},
		column[client.Org]{"NAME", func(o client.Org) string { return o.Name }},
		column[client.Org]{"PROFILE", func(o client.Org) string { return o.Profile }},
		column[client.Org]{"PLAN", func(o client.Org) string { return o.Plan }},
		column[client.Org]{"CREATED", func(o client.Org) string { return shortTime(o.CreatedAt) }},
	)
}

type getOrgCmd struct {
	ID string `arg:"" help:"The org's id."`
	remote
}

func (c *getOrgCmd) Run(ctx context.Context, s Streams) error {
	o, err := c.client().OrgByID(ctx, c.ID)
	if err != nil {
		return err
	}
	return printOrg(s, c.format, o)
}

type createOrgCmd struct {
	Name    string `arg:"" help:"A name for people."`
	ID      string `placeholder:"ID" help:"1 to 64 of a-z 0-9 _ -; without it, the server makes one."`
	Profile string `placeholder:"NAME" help:"What its endpoints get that name no profile."`
	Plan    string `placeholder:"NAME" help:"The plan."`

	RetentionDeliveries string `placeholder:"TIME" help:"How long finished deliveries are kept, such as 36h or 7d, where that is shorter than the server's."`
	RetentionEvents     string `placeholder:"TIME" help:"How long events are kept."`
	remote
}

func (c *createOrgCmd) Run(ctx context.Context, s Streams) error {
	o, err := c.client().CreateOrg(ctx, client.Org{
		ID: c.ID, Name: c.Name, Profile: c.Profile, Plan: c.Plan, RetentionDeliveries: c.RetentionDeliveries, RetentionEvents: c.RetentionEvents,
	})
	if err != nil {
		return err
	}
	return printOrg(s, c.format, o)
}

type updateOrgCmd struct {
	ID      string  `arg:"" help:"The org's id."`
	Name    *string `placeholder:"TEXT" help:"A name for people."`
	Profile *string `placeholder:"NAME" help:"What its endpoints get that name no profile."`
	Plan    *string `placeholder:"NAME" help:"The plan."`

	RetentionDeliveries *string `placeholder:"TIME" help:"How long finished deliveries are kept, such as 36h or 7d; empty is as the server's."`
	RetentionEvents     *string `placeholder:"TIME" help:"How long events are kept."`
	remote
}

func (c *updateOrgCmd) Run(ctx context.Context, s Streams) error {
	o, err := c.client().UpdateOrg(ctx, c.ID, client.OrgUpdate{
		Name: c.Name, Profile: c.Profile, Plan: c.Plan, RetentionDeliveries: c.RetentionDeliveries, RetentionEvents: c.RetentionEvents,
	})
	if err != nil {
		return err
	}
	return printOrg(s, c.format, o)
}

type deleteOrgCmd struct {
	IDs []string `arg:"" name:"id" help:"The orgs' ids."`
	remote
}

func (c *deleteOrgCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "deleted", deleting(c.client().DeleteOrg))
}

func printOrg(s Streams, f format, o client.Org) error {
	return show(s.Out, f, o, field{"id", o.ID}, field{"name", o.Name}, field{"profile", o.Profile},
		field{"plan", o.Plan},
		field{"retention of deliveries", o.RetentionDeliveries}, field{"retention of events", o.RetentionEvents}, field{"created", shortTime(o.CreatedAt)})
}
