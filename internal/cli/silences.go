package cli

import (
	"context"
	"strings"
	"time"

	"github.com/peal-dev/peal/client"
)

type silencesCmd struct {
	List   listSilencesCmd  `cmd:"" help:"List silences, ended ones too."`
	Create createSilenceCmd `cmd:"" help:"Hold deliveries back for some time."`
	Delete deleteSilenceCmd `cmd:"" help:"End silences now."`
}

type listSilencesCmd struct{ remote }

func (c *listSilencesCmd) Run(ctx context.Context, s Streams) error {
	rows, err := take(c.client().Silences(ctx), 0)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, rows,
		column[client.Silence]{"ID", func(x client.Silence) string { return x.ID }},
		column[client.Silence]{"STATUS", func(x client.Silence) string { return x.Status }},
		column[client.Silence]{"FROM", func(x client.Silence) string { return shortTime(x.From) }},
		column[client.Silence]{"UNTIL", func(x client.Silence) string { return shortTime(x.Until) }},
		column[client.Silence]{"MATCHES", func(x client.Silence) string { return matches(x.Match) }},
		column[client.Silence]{"BY", func(x client.Silence) string { return x.CreatedBy }},
		column[client.Silence]{"COMMENT", func(x client.Silence) string { return x.Comment }},
	)
}

// matches says in a line what a silence holds back.
func matches(m client.SilenceMatch) string {
	var parts []string
	for _, list := range [][]string{m.Types, m.Severities, m.Endpoints} {
		if len(list) > 0 {
			parts = append(parts, strings.Join(list, ","))
		}
	}
	if m.Filter != "" {
		parts = append(parts, m.Filter)
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, " and ")
}

type createSilenceCmd struct {
	For        time.Duration `required:"" xor:"until" placeholder:"TIME" help:"How long, from its beginning on."`
	Until      time.Time     `required:"" xor:"until" placeholder:"TIME" help:"The first moment after it."`
	From       time.Time     `placeholder:"TIME" help:"When it begins; without it, now."`
	Events     []string      `placeholder:"TYPE,..." help:"Only these event types, or prefixes such as budget.*."`
	Severities []string      `placeholder:"NAME,..." help:"Only info, warning, high or critical ones."`
	Endpoints  []string      `placeholder:"ID,..." help:"Only deliveries to these endpoints."`
	Filter     string        `placeholder:"CEL" help:"Only events that the expression is true of."`
	Comment    string        `placeholder:"TEXT" help:"Why, for other people."`
	Server     remote        `embed:""`
}

// Help gives examples.
func (createSilenceCmd) Help() string {
	return `Examples:

    peal silences create --for 2h --comment "Planned maintenance"
    peal silences create --until 2099-01-01T06:00:00Z --events 'budget.*' --endpoints ep_...`
}

func (c *createSilenceCmd) Run(ctx context.Context, s Streams) error {
	silence := client.Silence{
		Match: client.SilenceMatch{Types: c.Events, Severities: c.Severities, Endpoints: c.Endpoints, Filter: c.Filter},
		From:  c.From, Until: c.Until, Comment: c.Comment,
	}
	if c.For != 0 {
		begins := c.From
		if begins.IsZero() {
			begins = time.Now()
		}
		silence.Until = begins.Add(c.For)
	}
	made, err := c.Server.client().CreateSilence(ctx, silence)
	if err != nil {
		return err
	}
	return show(s.Out, c.Server.format, made,
		field{"id", made.ID}, field{"status", made.Status}, field{"from", shortTime(made.From)}, field{"until", shortTime(made.Until)},
		field{"matches", matches(made.Match)}, field{"comment", made.Comment})
}

type deleteSilenceCmd struct {
	IDs []string `arg:"" name:"id" help:"The silences' ids."`
	remote
}

func (c *deleteSilenceCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "ended", deleting(c.client().EndSilence))
}
