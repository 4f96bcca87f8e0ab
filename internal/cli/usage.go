package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/peal-dev/peal/client"
)

type usageCmd struct {
	By     []string `placeholder:"NAME,..." help:"By these dimensions: team, key, agent, user, route, model."`
	Period string   `placeholder:"PERIOD" help:"By hour, day or month of the org's calendar; without it, as a whole."`
	Since  moment   `placeholder:"TIME" help:"From this time on, or from so long ago, such as 24h; without it, the billing month."`
	Until  moment   `placeholder:"TIME" help:"Until this time, or so long ago; without it, now."`
	Server remote   `embed:""`
}

// Help gives examples.
func (usageCmd) Help() string {
	return `Examples:

    peal usage --by team,model
    peal usage --by key --period day --since 168h`
}

// usageColumns are the dimensions.
var usageColumns = []column[client.UsageSum]{
	{"team", func(u client.UsageSum) string { return u.Team }},
	{"key", func(u client.UsageSum) string { return u.Key }},
	{"agent", func(u client.UsageSum) string { return u.Agent }},
	{"user", func(u client.UsageSum) string { return u.User }},
	{"route", func(u client.UsageSum) string { return u.Route }},
	{"model", func(u client.UsageSum) string { return u.Model }},
}

func (c *usageCmd) Run(ctx context.Context, s Streams) error {
	sums, err := c.Server.client().Usage(ctx, client.UsageQuery{By: c.By, Period: c.Period, Since: c.Since.time(), Until: c.Until.time()})
	if err != nil {
		return err
	}
	columns := []column[client.UsageSum]{{"START", func(u client.UsageSum) string { return shortTime(u.Start) }}}
	for _, name := range c.By {
		for _, d := range usageColumns {
			if d.title == name {
				columns = append(columns, column[client.UsageSum]{strings.ToUpper(name), d.cell})
			}
		}
	}
	columns = append(columns,
		column[client.UsageSum]{"REQUESTS", func(u client.UsageSum) string { return strconv.FormatInt(u.Requests, 10) }},
		column[client.UsageSum]{"FAILED", func(u client.UsageSum) string { return strconv.FormatInt(u.Failed, 10) }},
		column[client.UsageSum]{"TOKENS", func(u client.UsageSum) string { return strconv.FormatInt(u.Tokens, 10) }},
		column[client.UsageSum]{"COST", func(u client.UsageSum) string { return u.Cost }},
	)
	return list(s.Out, c.Server.format, sums, columns...)
}
