package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/peal-dev/peal/client"
)

type offeringsCmd struct {
	List   listOfferingsCmd  `cmd:"" help:"List offerings."`
	Get    getOfferingCmd    `cmd:"" aliases:"show" help:"Read one offering."`
	Create createOfferingCmd `cmd:"" help:"Create an offering."`
}

type listOfferingsCmd struct{ remote }

func (c *listOfferingsCmd) Run(ctx context.Context, s Streams) error {
	rows, err := take(c.client().Offerings(ctx), 0)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, rows,
		column[client.Offering]{"ID", func(o client.Offering) string { return o.ID }},
		column[client.Offering]{"NAME", func(o client.Offering) string { return o.Name }},
		column[client.Offering]{"WORKFLOW", func(o client.Offering) string { return o.Workflow }},
		column[client.Offering]{"ACCEPT", func(o client.Offering) string {
			return target(o.SLA, func(t *client.SLA) client.Duration { return t.Accept })
		}},
		column[client.Offering]{"COMPLETE", func(o client.Offering) string {
			return target(o.SLA, func(t *client.SLA) client.Duration { return t.Complete })
		}},
	)
}

// target is a target of an SLA, empty for none.
func target(sla *client.SLA, of func(*client.SLA) client.Duration) string {
	if sla == nil || of(sla) == 0 {
		return ""
	}
	return time.Duration(of(sla)).String()
}

type getOfferingCmd struct {
	ID string `arg:"" help:"The offering's id."`
	remote
}

func (c *getOfferingCmd) Run(ctx context.Context, s Streams) error {
	o, err := c.client().Offering(ctx, c.ID)
	if err != nil {
		return err
	}
	return printOffering(s, c.format, o)
}

type createOfferingCmd struct {
	Name        string        `arg:"" help:"A name for people."`
	Description string        `placeholder:"TEXT" help:"More about it."`
	Workflow    string        `placeholder:"ID" help:"The workflow that each request starts."`
	Accept      time.Duration `placeholder:"TIME" help:"The time until a request is to be accepted, such as 4h."`
	Complete    time.Duration `placeholder:"TIME" help:"The time until it is to be completed, from when it is made."`
	WarnAt      float64       `placeholder:"SHARE" help:"The share of a target after which there is a warning; 0.8 without it."`
	Server      remote        `embed:""`
}

// Help gives an example.
func (createOfferingCmd) Help() string {
	return `For example:

    peal offerings create "New laptop" --accept 4h --complete 48h`
}

func (c *createOfferingCmd) Run(ctx context.Context, s Streams) error {
	o := client.Offering{Name: c.Name, Description: c.Description, Workflow: c.Workflow}
	if c.Accept != 0 || c.Complete != 0 {
		o.SLA = &client.SLA{Accept: client.Duration(c.Accept), Complete: client.Duration(c.Complete)}
		if c.WarnAt != 0 {
			o.SLA.WarnAt = &c.WarnAt
		}
	} else if c.WarnAt != 0 {
		return usage("--warn-at needs --accept or --complete")
	}
	made, err := c.Server.client().CreateOffering(ctx, o)
	if err != nil {
		return err
	}
	return printOffering(s, c.Server.format, made)
}

func printOffering(s Streams, f format, o client.Offering) error {
	fields := []field{{"id", o.ID}, {"name", o.Name}, {"description", o.Description}, {"workflow", o.Workflow}}
	if o.SLA != nil {
		fields = append(fields,
			field{"accept", target(o.SLA, func(t *client.SLA) client.Duration { return t.Accept })},
			field{"complete", target(o.SLA, func(t *client.SLA) client.Duration { return t.Complete })})
		if o.SLA.WarnAt != nil {
			fields = append(fields, field{"warning at", strconv.FormatFloat(*o.SLA.WarnAt, 'g', -1, 64)})
		}
		if h := o.SLA.WorkingHours; h != nil {
			fields = append(fields, field{"working hours", h.From + " to " + h.To + " " + h.TimeZone})
		}
	}
	return show(s.Out, f, o, append(fields, field{"created", shortTime(o.CreatedAt)})...)
}
