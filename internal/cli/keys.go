package cli

import (
	"context"

	"github.com/peal-dev/peal/client"
)

type keysCmd struct {
	List   listKeysCmd  `cmd:"" help:"List keys."`
	Create createKeyCmd `cmd:"" help:"Create a key and print it, once."`
	Rotate rotateKeyCmd `cmd:"" help:"Replace a key and print the new one, once; the old one stops working."`
	Delete deleteKeyCmd `cmd:"" help:"Delete keys, which stop working at once."`
}

type listKeysCmd struct{ remote }

func (c *listKeysCmd) Run(ctx context.Context, s Streams) error {
	keys, err := take(c.client().Keys(ctx), 0)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, keys,
		column[client.Key]{"ID", func(k client.Key) string { return k.ID }},
		column[client.Key]{"NAME", func(k client.Key) string { return k.Name }},
		column[client.Key]{"ROLE", func(k client.Key) string { return k.Role }},
		column[client.Key]{"HINT", func(k client.Key) string { return k.Hint }},
		column[client.Key]{"CREATED", func(k client.Key) string { return shortTime(k.CreatedAt) }},
	)
}

type createKeyCmd struct {
	Name string `arg:"" help:"A name for people."`
	Role string `enum:"viewer,publisher,admin" default:"publisher" help:"viewer reads, publisher also publishes, admin does the rest."`
	remote
}

func (c *createKeyCmd) Run(ctx context.Context, s Streams) error {
	k, err := c.client().CreateKey(ctx, c.Name, c.Role)
	if err != nil {
		return err
	}
	return printKey(s, c.format, k)
}

type rotateKeyCmd struct {
	ID string `arg:"" help:"The key's id."`
	remote
}

func (c *rotateKeyCmd) Run(ctx context.Context, s Streams) error {
	k, err := c.client().RotateKey(ctx, c.ID)
	if err != nil {
		return err
	}
	return printKey(s, c.format, k)
}

type deleteKeyCmd struct {
	IDs []string `arg:"" name:"id" help:"The keys' ids."`
	remote
}

func (c *deleteKeyCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "deleted", deleting(c.client().DeleteKey))
}

func printKey(s Streams, f format, k client.Key) error {
	return show(s.Out, f, k, field{"id", k.ID}, field{"name", k.Name}, field{"role", k.Role}, field{"key", k.Key})
}
