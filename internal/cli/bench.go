package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/bench"
)

type benchCmd struct {
	Only        []string      `arg:"" optional:"" name:"scenario" help:"The scenarios to run, as --scenario; or governance alone: usage in batches, and reservations at 1,000 a second, which takes --duration, --concurrency and --database; or pages alone: every page of the dashboard over --deliveries, which takes --fetches and --database."`
	Scenario    []string      `enum:"single,batch,fanout,latency,inbound,beside" placeholder:"NAME" help:"single, batch, fanout, latency, inbound (signed calls of a hook), or beside (latency beside an endpoint that hangs); repeatable. Without it, all."`
	Duration    time.Duration `default:"5s" help:"How long each phase publishes."`
	Rounds      int           `default:"3" help:"How often each scenario is run; medians are printed."`
	Concurrency int           `default:"128" help:"Calls at once."`
	Payload     int           `default:"1024" help:"Bytes of an event."`
	Profile     string        `enum:"standard,nemo,nembl,nolxy" default:"standard" help:"Of the endpoints: standard, nemo, nembl or nolxy (curate-me would drop repeated types)."`
	Database    string        `placeholder:"URL" help:"Where the server keeps its data; without it, a fresh SQLite file for each phase."`
	Deliveries  int           `default:"1000000" help:"How many deliveries the database of pages holds."`
	Fetches     int           `default:"40" help:"How often each of the pages is fetched."`
	Verify      bool          `help:"Verify every signature, not one in 64."`
	format
}

// Help says how it measures.
func (benchCmd) Help() string {
	return `Load generator, server and receiver are three processes of this machine and share its processors. The rate counts until the last event has arrived. The bare loop signs and posts the same events to the same receiver, with nothing between.

    peal bench --duration 2s --rounds 1
    peal bench inbound
    peal bench --scenario single --output json
    peal bench governance --duration 10s
    peal bench pages
    peal bench pages --database "postgres://peal@127.0.0.1/peal"`
}

func (c *benchCmd) Run(ctx context.Context, s Streams) error {
	if c.Duration <= 0 || c.Duration > time.Minute || c.Rounds < 1 || c.Rounds > 100 || c.Concurrency < 1 || c.Concurrency > 1024 {
		return usage("--duration is at most 1m, --rounds at most 100, --concurrency at most 1024")
	}
	if slices.Equal(c.Only, []string{"governance"}) && len(c.Scenario) == 0 {
		return c.governance(ctx, s)
	}
	if slices.Equal(c.Only, []string{"pages"}) && len(c.Scenario) == 0 {
		return c.pages(ctx, s)
	}
	for _, name := range c.Only {
		if !slices.ContainsFunc(bench.Scenarios(), func(s bench.Scenario) bool { return s.Name == name }) {
			return usage("there is no scenario %q", name)
		}
		c.Scenario = append(c.Scenario, name)
	}
	report, err := bench.Run(ctx, bench.Config{
		Duration: c.Duration, Rounds: c.Rounds, Concurrency: c.Concurrency, Payload: c.Payload,
		Profile: c.Profile, Scenarios: c.Scenario, Database: c.Database, VerifyAll: c.Verify,
		Progress: s.Err, Log: s.Err,
	})
	if err != nil {
		return err
	}
	if c.json() {
		err = writeJSON(s.Out, report)
	} else {
		err = report.WriteTable(s.Out)
	}
	if err == nil && !report.Sound() {
		err = errUnsound
	}
	return err
}

func (c *benchCmd) governance(ctx context.Context, s Streams) error {
	report, err := bench.RunGovernance(ctx, bench.GovernanceConfig{
		Duration: c.Duration, Concurrency: c.Concurrency, Database: c.Database, Log: s.Err,
	})
	if err != nil {
		return err
	}
	if c.json() {
		err = writeJSON(s.Out, report)
	} else {
		err = report.WriteTable(s.Out)
	}
	if err == nil && !report.Right {
		err = errWrongSums
	}
	return err
}

func (c *benchCmd) pages(ctx context.Context, s Streams) error {
	if c.Deliveries < 1000 || c.Fetches < 1 {
		return usage("--deliveries is at least 1000, --fetches at least 1")
	}
	report, err := bench.RunPages(ctx, bench.PagesConfig{
		Deliveries: c.Deliveries, Fetches: c.Fetches, Database: c.Database, Progress: s.Err, Log: s.Err,
	})
	if err != nil {
		return err
	}
	if c.json() {
		err = writeJSON(s.Out, report)
	} else {
		err = report.WriteTable(s.Out)
	}
	if slow := report.Slow(); err == nil && len(slow) > 0 {
		err = fmt.Errorf("%d of %d pages took %v ms or longer", len(slow), len(report.Pages), report.LimitMS)
	}
	return err
}

type benchSinkCmd struct{}

func (benchSinkCmd) Run(ctx context.Context, s Streams) error {
	return bench.RunSink(ctx, s.In, s.Out)
}

var errWrongSums = errors.New("the server's sums are not what was sent")

var errUnsound = errors.New("events were lost, or signatures did not hold")
