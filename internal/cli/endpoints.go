package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/client"
)

type endpointsCmd struct {
	List         listEndpointsCmd  `cmd:"" help:"List endpoints."`
	Get          getEndpointCmd    `cmd:"" help:"Read one endpoint."`
	Create       createEndpointCmd `cmd:"" help:"Create an endpoint and print the secret that was made, once."`
	Update       updateEndpointCmd `cmd:"" help:"Change the settings that are given."`
	Delete       deleteEndpointCmd `cmd:"" help:"Delete endpoints; what waits for them is cancelled."`
	Test         testEndpointCmd   `cmd:"" help:"Send a test event now."`
	Pause        pauseEndpointCmd  `cmd:"" help:"Stop sending; deliveries wait."`
	Resume       resumeEndpointCmd `cmd:"" help:"Send again, also to a disabled endpoint."`
	RotateSecret rotateSecretCmd   `cmd:"" help:"Replace the signing secret and print the new one, once."`
}

type listEndpointsCmd struct{ remote }

func (c *listEndpointsCmd) Run(ctx context.Context, s Streams) error {
	endpoints, err := take(c.client().Endpoints(ctx), 0)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, endpoints,
		column[client.Endpoint]{"ID", func(e client.Endpoint) string { return e.ID }},
		column[client.Endpoint]{"NAME", func(e client.Endpoint) string { return e.Name }},
		column[client.Endpoint]{"TYPE", func(e client.Endpoint) string { return e.Type }},
		column[client.Endpoint]{"PROFILE", func(e client.Endpoint) string { return e.Profile }},
		column[client.Endpoint]{"EVENTS", func(e client.Endpoint) string { return strings.Join(e.Events, ",") }},
		column[client.Endpoint]{"STATUS", func(e client.Endpoint) string { return e.Status }},
		column[client.Endpoint]{"URL", func(e client.Endpoint) string { return e.URL }},
	)
}

type endpointArg struct {
	ID string `arg:"" help:"The endpoint's id."`
	remote
}

type getEndpointCmd struct{ endpointArg }

func (c *getEndpointCmd) Run(ctx context.Context, s Streams) error {
	return showEndpoint(ctx, s, c.format, c.ID, c.client().Endpoint)
}

type pauseEndpointCmd struct{ endpointArg }

func (c *pauseEndpointCmd) Run(ctx context.Context, s Streams) error {
	return showEndpoint(ctx, s, c.format, c.ID, c.client().PauseEndpoint)
}

type resumeEndpointCmd struct{ endpointArg }

func (c *resumeEndpointCmd) Run(ctx context.Context, s Streams) error {
	return showEndpoint(ctx, s, c.format, c.ID, c.client().ResumeEndpoint)
}

// endpointSettings are the flags that create and update share.
type endpointSettings struct {
	Name        *string         `placeholder:"TEXT" help:"A name for people."`
	Events      *[]string       `placeholder:"PATTERN" help:"Types to take, such as 'budget.*,order.paid'; all without it."`
	Filter      *string         `placeholder:"CEL" help:"Take only events for which this is true, such as 'event.data.total > 100.0'."`
	Profile     *string         `placeholder:"NAME" help:"The wire format: standard, nemo, curate-me, nembl, nolxy, or one of the server's own."`
	Header      []string        `short:"H" sep:"none" placeholder:"'NAME: VALUE'" help:"A header to send with every delivery; repeatable."`
	Config      *string         `placeholder:"JSON" help:"The channel's configuration: a JSON object, @FILE, or -."`
	RateLimit   *float64        `placeholder:"N" help:"At most so many attempts a second."`
	MaxInFlight *int            `placeholder:"N" help:"At most so many attempts at once."`
	Ordered     *bool           `negatable:"" help:"Keep the order of events, one attempt at a time."`
	Retry       []time.Duration `placeholder:"WAIT" help:"The wait before each retry, such as 1s,10s,1m; without it, the profile's."`
	Timeout     time.Duration   `placeholder:"TIME" help:"How long an attempt may take; without it, the profile's."`
}

// update is the settings as a change.
func (e *endpointSettings) update(s Streams) (client.EndpointUpdate, error) {
	u := client.EndpointUpdate{
		Name: e.Name, Events: e.Events, Filter: e.Filter, Profile: e.Profile,
		RateLimit: e.RateLimit, MaxInFlight: e.MaxInFlight, Ordered: e.Ordered,
	}
	if e.Header != nil {
		header, err := parseHeaders(e.Header)
		if err != nil {
			return u, err
		}
		u.Headers = &map[string]string{}
		for name, values := range header {
			(*u.Headers)[name] = values[len(values)-1]
		}
	}
	if e.Config != nil {
		raw, err := readObject(s, "--config", *e.Config)
		if err != nil {
			return u, err
		}
		u.Config = new(map[string]any)
		if err := json.Unmarshal(raw, u.Config); err != nil {
			return u, err
		}
	}
	if e.Retry != nil || e.Timeout != 0 {
		u.Retry = &client.Retry{Timeout: client.Duration(e.Timeout)}
		for _, d := range e.Retry {
			u.Retry.Schedule = append(u.Retry.Schedule, client.Duration(d))
		}
	}
	return u, nil
}

type createEndpointCmd struct {
	URL    string `arg:"" optional:"" name:"target" help:"Where to deliver."`
	Type   string `default:"webhook" placeholder:"KIND" help:"The channel: webhook, slack, teams, email, jira, or another that the server has."`
	Secret string `placeholder:"SECRET" help:"The signing secret; without it, the server makes one, except for nemo, which is then unsigned."`
	endpointSettings
	Server remote `embed:""`
}

// Help gives examples.
func (createEndpointCmd) Help() string {
	return `The answer holds the signing secret that the server made, which is not shown again. In the format nemo a secret is optional, and none is made: without --secret, its deliveries are unsigned.

    peal endpoints create https://example.com/hook --events 'budget.*' -H 'X-Team: billing'
    peal endpoints create https://example.com/hook --profile nemo --secret "$SECRET"
    peal endpoints create https://example.com/hook --retry 1s,5s,1m --timeout 5s
    peal endpoints create "$SLACK_URL" --type slack --events 'budget.*'
    peal endpoints create --type slack --config '{"token":"xoxb-…","channel":"C0123456789"}'`
}

func (c *createEndpointCmd) Run(ctx context.Context, s Streams) error {
	u, err := c.update(s)
	if err != nil {
		return err
	}
	made, err := c.Server.client().CreateEndpoint(ctx, client.Endpoint{
		Type: c.Type, URL: c.URL, Secret: c.Secret,
		Name: value(u.Name), Events: value(u.Events), Filter: value(u.Filter), Profile: value(u.Profile),
		Headers: value(u.Headers), Config: value(u.Config), RateLimit: value(u.RateLimit),
		MaxInFlight: value(u.MaxInFlight), Ordered: value(u.Ordered), Retry: u.Retry,
	})
	if err != nil {
		return err
	}
	if made.Type == "webhook" && made.Secret == "" && c.Secret == "" && value(u.Config)["secret"] == nil {
		return printEndpoint(s, c.Server.format, made, field{"unsigned", "no secret; an endpoint made with --secret is signed"})
	}
	return printEndpoint(s, c.Server.format, made)
}

type updateEndpointCmd struct {
	ID     string  `arg:"" help:"The endpoint's id."`
	Target *string `placeholder:"URL" help:"Where to deliver."`
	endpointSettings
	Server remote `embed:""`
}

func (c *updateEndpointCmd) Run(ctx context.Context, s Streams) error {
	u, err := c.update(s)
	if err != nil {
		return err
	}
	u.URL = c.Target
	e, err := c.Server.client().UpdateEndpoint(ctx, c.ID, u)
	if err != nil {
		return err
	}
	return printEndpoint(s, c.Server.format, e)
}

type deleteEndpointCmd struct {
	IDs []string `arg:"" name:"id" help:"The endpoints' ids."`
	remote
}

func (c *deleteEndpointCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "deleted", deleting(c.client().DeleteEndpoint))
}

type testEndpointCmd struct{ endpointArg }

func (c *testEndpointCmd) Run(ctx context.Context, s Streams) error {
	r, err := c.client().TestEndpoint(ctx, c.ID)
	if err != nil {
		return err
	}
	outcome := "failed"
	if r.Success {
		outcome = "delivered"
	}
	if err := show(s.Out, c.format, r, field{"test", outcome}, field{"status", number(r.StatusCode)},
		field{"message", r.Message}, field{"delivery", r.DeliveryID}); err != nil {
		return err
	}
	if !r.Success {
		return errReported
	}
	return nil
}

type rotateSecretCmd struct {
	ID      string        `arg:"" help:"The endpoint's id."`
	Secret  string        `placeholder:"SECRET" help:"The new secret; without it, the server makes one."`
	Overlap time.Duration `default:"24h" placeholder:"TIME" help:"How long the old secret stays valid beside the new one; 0s ends it at once."`
	remote
}

func (c *rotateSecretCmd) Run(ctx context.Context, s Streams) error {
	e, err := c.client().RotateSecret(ctx, c.ID, client.Rotation{Secret: c.Secret, Overlap: new(client.Duration(c.Overlap))})
	if err != nil {
		return err
	}
	old := field{"old secret", "no longer valid"}
	if c.Overlap > 0 {
		old.value = "valid until " + shortTime(e.UpdatedAt.Add(c.Overlap))
	}
	return printEndpoint(s, c.format, e, old)
}

func showEndpoint(ctx context.Context, s Streams, f format, id string, read func(context.Context, string) (client.Endpoint, error)) error {
	e, err := read(ctx, id)
	if err != nil {
		return err
	}
	return printEndpoint(s, f, e)
}

func printEndpoint(s Streams, f format, e client.Endpoint, more ...field) error {
	limit := ""
	if e.RateLimit > 0 {
		limit = fmt.Sprintf("%g/s", e.RateLimit)
	}
	ordered := ""
	if e.Ordered {
		ordered = "yes"
	}
	retry, timeout := policy(e.Retry)
	return show(s.Out, f, e, append([]field{
		{"id", e.ID},
		{"name", e.Name},
		{"type", e.Type},
		{"url", e.URL},
		{"config", channelConfig(e.Config)},
		{"profile", e.Profile},
		{"events", strings.Join(e.Events, ", ")},
		{"filter", e.Filter},
		{"headers", strings.Join(slices.Sorted(maps.Keys(e.Headers)), ", ")},
		{"status", e.Status},
		{"reason", e.StatusReason},
		{"rate limit", limit},
		{"in flight", number(e.MaxInFlight)},
		{"ordered", ordered},
		{"retry", retry},
		{"timeout", timeout},
		{"created", shortTime(e.CreatedAt)},
		{"secret", e.Secret},
	}, more...)...)
}

// channelConfig spells what a channel has beside its URL and headers, which are shown by
// themselves.
func channelConfig(values map[string]any) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name != "url" && name != "headers" {
			out = append(out, fmt.Sprintf("%s=%v", name, values[name]))
		}
	}
	return strings.Join(out, ", ")
}

// policy spells what an endpoint sets of its own; empty is the profile's.
func policy(r *client.Retry) (retry, timeout string) {
	if r == nil {
		return "", ""
	}
	if r.Timeout > 0 {
		timeout = time.Duration(r.Timeout).String()
	}
	if r.Schedule == nil {
		return "", timeout
	}
	waits := make([]string, len(r.Schedule))
	for i, d := range r.Schedule {
		waits[i] = time.Duration(d).String()
	}
	return cmp.Or(strings.Join(waits, ", "), "never"), timeout
}

// value is what p points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
