package cli

import (
	"context"
	"strings"

	"github.com/peal-dev/peal/client"
)

type secretsCmd struct {
	List   listSecretsCmd  `cmd:"" help:"List the names of secrets."`
	Set    setSecretCmd    `cmd:"" help:"Make a secret, or change its value, which is read from standard input."`
	Delete deleteSecretCmd `cmd:"" help:"Delete secrets. Steps that name them fail from then on."`
}

type listSecretsCmd struct{ remote }

func (c *listSecretsCmd) Run(ctx context.Context, s Streams) error {
	rows, err := take(c.client().Secrets(ctx), 0)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, rows,
		column[client.Secret]{"NAME", func(x client.Secret) string { return x.Name }},
		column[client.Secret]{"CREATED", func(x client.Secret) string { return shortTime(x.CreatedAt) }},
		column[client.Secret]{"UPDATED", func(x client.Secret) string { return shortTime(x.UpdatedAt) }},
	)
}

type setSecretCmd struct {
	Name string `arg:"" help:"The name under which http steps have it: {{ secrets.NAME }}."`
	remote
}

// Help gives an example.
func (setSecretCmd) Help() string {
	return `For example:

    printf %s "$TOKEN" | peal secrets set STATUS_TOKEN

A line break at the end is not part of the value.`
}

func (c *setSecretCmd) Run(ctx context.Context, s Streams) error {
	value, err := readArgument(s, "-")
	if err != nil {
		return err
	}
	x, err := c.client().PutSecret(ctx, c.Name, strings.TrimRight(string(value), "\r\n"))
	if err != nil {
		return err
	}
	return show(s.Out, c.format, x, field{"name", x.Name}, field{"updated", shortTime(x.UpdatedAt)})
}

type deleteSecretCmd struct {
	Names []string `arg:"" name:"name" help:"The secrets' names."`
	remote
}

func (c *deleteSecretCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.Names, "deleted", deleting(c.client().DeleteSecret))
}
