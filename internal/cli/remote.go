package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/internal/peal"
)

// remote is how a command reaches its server, and how it prints what it gets.
type remote struct {
	URL serverURL `name:"url" env:"PEAL_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The server's address."`
	Key string    `env:"PEAL_KEY" required:"" placeholder:"KEY" help:"The admin key or an org's API key."`
	Org string    `env:"PEAL_ORG" placeholder:"ID" help:"The org that the admin key acts in; without it, the default org."`
	format
}

func (r remote) client() *client.Client {
	return &client.Client{BaseURL: string(r.URL), Key: r.Key, Org: r.Org}
}

// serverURL is a server's address with its scheme.
type serverURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *serverURL) UnmarshalText(b []byte) error {
	text := string(b)
	if !strings.Contains(text, "://") {
		return fmt.Errorf("%q has no scheme: write http://%s", text, text)
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return fmt.Errorf("%q is not an address such as https://peal.example.com", text)
	}
	*u = serverURL(text)
	return nil
}

// unreachable is what to say where nothing answers at a server's address.
func unreachable(err error) (string, bool) {
	call, ok := errors.AsType[*url.Error](err)
	if !ok || errors.Is(err, context.Canceled) {
		return "", false
	}
	dial, ok := errors.AsType[*net.OpError](err)
	if !ok || dial.Op != "dial" {
		return "", false
	}
	server, err := url.Parse(call.URL)
	if err != nil {
		return "", false
	}
	return fmt.Sprintf("no server answers at %s://%s: is it running? Set --url or PEAL_URL (%s)", server.Scheme, server.Host, dial.Err), true
}

// message is an error as people read it.
func message(err error) string {
	if p, ok := errors.AsType[*client.Problem](err); ok {
		text := strings.TrimPrefix(p.Error(), "peal: ")
		if p.RetryAfter > 0 {
			text += fmt.Sprintf("; try again in %s", p.RetryAfter)
		}
		return text
	}
	if e, ok := errors.AsType[*peal.Error](err); ok && e.Err == nil {
		return e.Message
	}
	if text, ok := unreachable(err); ok {
		return text
	}
	return strings.TrimPrefix(err.Error(), "peal: ")
}

// readArgument reads a value that is given as it is, as @FILE, or as - for standard
// input.
func readArgument(s Streams, value string) ([]byte, error) {
	if value == "-" {
		return io.ReadAll(s.In)
	}
	if path, ok := strings.CutPrefix(value, "@"); ok {
		return os.ReadFile(path)
	}
	return []byte(value), nil
}

// readObject reads a JSON object, given as readArgument has it.
func readObject(s Streams, flag, value string) (json.RawMessage, error) {
	b, err := readArgument(s, value)
	if err != nil {
		return nil, err
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(b, &object) != nil || object == nil {
		return nil, usage("%s: not a JSON object", flag)
	}
	return b, nil
}

// moment is a time on the command line: RFC 3339, or how long ago ("90m").
type moment struct {
	at  time.Time
	ago time.Duration
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *moment) UnmarshalText(b []byte) (err error) {
	if m.ago, err = time.ParseDuration(string(b)); err == nil {
		return nil
	}
	if m.at, err = time.Parse(time.RFC3339, string(b)); err != nil {
		return fmt.Errorf("%q is neither a time such as 2026-01-02T15:04:05Z nor a duration such as 90m", b)
	}
	return nil
}

func (m moment) time() time.Time {
	if m.ago != 0 {
		return time.Now().Add(-m.ago)
	}
	return m.at
}

// take collects at most limit items of a list; zero is all of them.
func take[T any](items func(yield func(T, error) bool), limit int) ([]T, error) {
	out := []T{}
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		if out = append(out, item); len(out) == limit {
			break
		}
	}
	return out, nil
}

// each runs an action for every id, stops at the first that fails, and prints what was
// done until then: a line for each, or a JSON list of what the action answered.
func each[T any](ctx context.Context, s Streams, f format, ids []string, done string, act func(ctx context.Context, id string) (T, error)) error {
	answers := []T{}
	var failed error
	for _, id := range ids {
		answer, err := act(ctx, id)
		if err != nil {
			failed = err
			break
		}
		answers = append(answers, answer)
		if !f.json() {
			fmt.Fprintf(s.Out, "%s %s\n", id, done)
		}
	}
	if f.json() {
		if err := writeJSON(s.Out, answers); err != nil {
			return err
		}
	}
	return failed
}

// deletion is what a command prints of an object that is gone.
type deletion struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

// deleting gives a deletion, which the server answers with nothing, something to print.
func deleting(act func(ctx context.Context, id string) error) func(context.Context, string) (deletion, error) {
	return func(ctx context.Context, id string) (deletion, error) {
		return deletion{id, true}, act(ctx, id)
	}
}
