package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/peal-dev/peal/client"
)

type hooksCmd struct {
	List         listHooksCmd      `cmd:"" help:"List hooks."`
	Get          getHookCmd        `cmd:"" help:"Read one hook."`
	Create       createHookCmd     `cmd:"" help:"Create a hook and print its address and the secret that was made, once."`
	Delete       deleteHookCmd     `cmd:"" help:"Delete hooks."`
	RotateSecret rotateHookCmd     `cmd:"" help:"Replace a hook's secret and print the new one, once."`
	Received     receivedByHookCmd `cmd:"" help:"List what a hook got, and why it was refused."`
}

type listHooksCmd struct{ remote }

func (c *listHooksCmd) Run(ctx context.Context, s Streams) error {
	hooks, err := take(c.client().Hooks(ctx), 0)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, hooks,
		column[client.Hook]{"ID", func(h client.Hook) string { return h.ID }},
		column[client.Hook]{"NAME", func(h client.Hook) string { return h.Name }},
		column[client.Hook]{"SCHEME", func(h client.Hook) string { return h.Verification.Scheme }},
		column[client.Hook]{"WORKFLOW", func(h client.Hook) string { return h.Workflow }},
		column[client.Hook]{"URL", func(h client.Hook) string { return h.URL }},
		column[client.Hook]{"WARNINGS", func(h client.Hook) string { return strings.Join(h.Warnings, " ") }},
	)
}

type getHookCmd struct {
	ID string `arg:"" help:"The hook's id."`
	remote
}

func (c *getHookCmd) Run(ctx context.Context, s Streams) error {
	h, err := c.client().Hook(ctx, c.ID)
	if err != nil {
		return err
	}
	return printHook(s, c.format, h)
}

type createHookCmd struct {
	Name      string            `arg:"" help:"A name for people."`
	Workflow  string            `placeholder:"ID" help:"The workflow to start."`
	Offering  string            `placeholder:"ID" help:"The offering to make requests of."`
	Scheme    string            `placeholder:"NAME" help:"How the sender signs: peal, github, stripe, …; peal without it."`
	Secret    string            `placeholder:"SECRET" help:"The sender's secret, where the sender makes it."`
	Set       map[string]string `placeholder:"NAME=VALUE" help:"A setting of the scheme; repeatable."`
	NoVerify  bool              `help:"Do not verify. Whoever knows the address can then start the workflow."`
	RateLimit float64           `placeholder:"N" help:"At most so many requests a second."`
	Server    remote            `embed:""`
}

// Help gives examples.
func (createHookCmd) Help() string {
	return `Examples:

    peal hooks create "CI deployments" --workflow wf_...
    peal hooks create "GitHub pushes" --workflow wf_... --scheme github
    peal hooks create Payments --workflow wf_... --scheme stripe --secret "$STRIPE_SECRET"`
}

func (c *createHookCmd) Run(ctx context.Context, s Streams) error {
	h := client.Hook{
		Name: c.Name, Workflow: c.Workflow, Offering: c.Offering, RateLimit: c.RateLimit,
		Verification: client.Verification{Scheme: c.Scheme, Secret: c.Secret, Settings: c.Set},
	}
	if c.NoVerify {
		h.Verification.Enabled = new(bool)
	}
	made, err := c.Server.client().CreateHook(ctx, h)
	if err != nil {
		return err
	}
	return printHook(s, c.Server.format, made)
}

type deleteHookCmd struct {
	IDs []string `arg:"" name:"id" help:"The hooks' ids."`
	remote
}

func (c *deleteHookCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "deleted", deleting(c.client().DeleteHook))
}

type rotateHookCmd struct {
	ID      string        `arg:"" help:"The hook's id."`
	Secret  string        `placeholder:"SECRET" help:"The new secret; the server makes one without it."`
	Overlap time.Duration `default:"24h" placeholder:"TIME" help:"How long the old secret stays good."`
	Server  remote        `embed:""`
}

func (c *rotateHookCmd) Run(ctx context.Context, s Streams) error {
	overlap := client.Duration(c.Overlap)
	h, err := c.Server.client().RotateHookSecret(ctx, c.ID, client.Rotation{Secret: c.Secret, Overlap: &overlap})
	if err != nil {
		return err
	}
	return printHook(s, c.Server.format, h)
}

type receivedByHookCmd struct {
	ID    string `arg:"" help:"The hook's id."`
	Limit int    `default:"20" placeholder:"N" help:"At most so many; 0 is all."`
	remote
}

func (c *receivedByHookCmd) Run(ctx context.Context, s Streams) error {
	rows, err := take(c.client().HookReceived(ctx, c.ID), c.Limit)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, rows,
		column[client.Received]{"RECEIVED", func(r client.Received) string { return shortTime(r.ReceivedAt) }},
		column[client.Received]{"STATUS", func(r client.Received) string { return strconv.Itoa(r.StatusCode) }},
		column[client.Received]{"VERDICT", func(r client.Received) string { return r.Verdict }},
		column[client.Received]{"EXECUTION", func(r client.Received) string { return r.ExecutionID }},
	)
}

func printHook(s Streams, f format, h client.Hook) error {
	limit := ""
	if h.RateLimit > 0 {
		limit = fmt.Sprintf("%g/s", h.RateLimit)
	}
	settings := ""
	if len(h.Verification.Settings) > 0 {
		doc, err := json.Marshal(h.Verification.Settings)
		if err != nil {
			return err
		}
		settings = string(doc)
	}
	return show(s.Out, f, h,
		field{"id", h.ID}, field{"name", h.Name}, field{"url", h.URL}, field{"workflow", h.Workflow}, field{"offering", h.Offering},
		field{"scheme", h.Verification.Scheme}, field{"settings", settings}, field{"rate limit", limit},
		field{"created", shortTime(h.CreatedAt)}, field{"secret", h.Secret}, field{"WARNING", strings.Join(h.Warnings, " ")},
	)
}
