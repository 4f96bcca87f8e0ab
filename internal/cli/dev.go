package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/internal/app"
	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/receiver"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/telemetry"
)

type devCmd struct {
	Data   string `placeholder:"DIR" help:"Keep the database in this folder; without it, in a temporary one that is removed."`
	Listen string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the server listens; --once takes a free port."`
	Once   bool   `help:"Send one round, print a table, and fail unless everything arrived and verified."`
}

// Help says what it does.
func (devCmd) Help() string {
	return `Starts a server with a database of its own, a receiver on this machine, and an endpoint of every format and kind of channel; publishes sample events; verifies and prints each delivery as it arrives.`
}

func (c *devCmd) Run(ctx context.Context, s Streams, v Version) (err error) {
	dir := c.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "peal-dev-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	cfg, err := config.Default()
	if err != nil {
		return err
	}
	cfg.Listen = c.Listen
	if c.Once {
		cfg.Listen = "127.0.0.1:0"
	}
	cfg.Database = "sqlite:" + filepath.Join(dir, "peal.db")
	cfg.AdminKey = "dev_" + rand.Text()
	cfg.AllowHTTP = true
	cfg.AllowCIDRs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	// What goes wrong is worth a line; that a delivery failed is printed already.
	log, err := telemetry.NewLogger(s.Err, "text", "warn", secret.IsSensitiveHeader)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &playground{out: s.Out, arrivals: make(chan receiver.Arrival, 1024), types: map[string]string{}, key: cfg.AdminKey}
	p.receiver, err = receiver.Start(ctx, func(a receiver.Arrival) {
		select {
		case p.arrivals <- a:
		case <-ctx.Done():
		}
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.receiver.Close()) }()
	a, err := app.New(ctx, cfg, string(v), log)
	if err != nil {
		return err
	}

	var played chan error // nil until the server is ready
	err = serve(ctx, a, func() {
		played = make(chan error, 1)
		go func() {
			defer cancel()
			p.client = &client.Client{BaseURL: "http://" + a.Addr(), Key: cfg.AdminKey}
			if c.Once {
				played <- p.once(ctx)
			} else {
				played <- p.play(ctx)
			}
		}()
	})
	if err != nil || played == nil {
		return err
	}
	return <-played
}

// between is the pause between sample events.
const between = 3 * time.Second

// play publishes samples and prints what arrives until ctx is done.
func (p *playground) play(ctx context.Context) error {
	if err := p.setUp(ctx); err != nil {
		return err
	}
	if err := p.welcome(ctx); err != nil {
		return err
	}
	samples := sampleEvents()
	for _, e := range samples[:roundSize] {
		if _, err := p.publish(ctx, e); err != nil {
			return err
		}
	}
	tick := time.NewTicker(between)
	defer tick.Stop()
	for next := roundSize; ; {
		select {
		case <-ctx.Done():
			return nil
		case a := <-p.arrivals:
			p.print(ctx, a)
		case <-tick.C:
			if _, err := p.publish(ctx, samples[next%len(samples)]); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			next++
		}
	}
}

func (p *playground) welcome(ctx context.Context) error {
	link, err := p.client.SignInLink(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, `Peal's playground: one endpoint of each profile and kind of channel, a sample event every %s. Ctrl-C ends it.

  dashboard  %[4]s  (signs you in, once)
  API        %[2]s  (documentation: %[2]s/docs)
  key        %[3]s

Publish an event of your own:

  curl -X POST %[2]s/v1/events -H "Authorization: Bearer %[3]s" \
    -H "Content-Type: application/json" -d '{"type":"order.shipped","data":{"total":12.50}}'

or point the other commands at it:

  export PEAL_URL=%[2]s PEAL_KEY=%[3]s

`, between, p.client.BaseURL, p.key, link.URL)
	return nil
}
