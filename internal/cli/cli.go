package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/peal-dev/peal/internal/config"
)

// Streams are a command's standard input, output and error output.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// Version is what the linker named this build.
type Version string

type grammar struct {
	Serve   serveCmd   `cmd:"" group:"server" help:"Run the server."`
	Migrate migrateCmd `cmd:"" group:"server" help:"Bring a database up to date, then exit."`

	Dev    devCmd    `cmd:"" group:"try" help:"Run a playground: a server, a receiver, and deliveries in every format."`
	Verify verifyCmd `cmd:"" group:"try" help:"Check the signature of a received request, offline."`
	Bench  benchCmd  `cmd:"" group:"try" help:"Measure this machine: the bare signed-POST loop and Peal, in turns."`

	Send       sendCmd       `cmd:"" group:"client" help:"Publish an event."`
	Events     eventsCmd     `cmd:"" group:"client" help:"Read events, and why an endpoint got one or did not."`
	Endpoints  endpointsCmd  `cmd:"" group:"client" help:"Manage endpoints."`
	Deliveries deliveriesCmd `cmd:"" group:"client" help:"Read deliveries, retry and cancel them."`
	Replay     replayCmd     `cmd:"" group:"client" help:"Deliver again what a filter selects."`
	Hooks      hooksCmd      `cmd:"" group:"client" help:"Manage hooks: addresses that other systems call."`
	Workflows  workflowsCmd  `cmd:"" group:"client" help:"Manage workflows, which hooks start."`
	Executions executionsCmd `cmd:"" group:"client" help:"Read executions of workflows, cancel them and run them again."`
	Silences   silencesCmd   `cmd:"" group:"client" help:"Hold deliveries back for some time."`
	Usage      usageCmd      `cmd:"" group:"client" help:"Sum up what a gateway used."`
	Approvals  approvalsCmd  `cmd:"" group:"client" help:"Decide on costly requests that wait for a person."`
	Secrets    secretsCmd    `cmd:"" group:"client" help:"Manage secrets, which workflows name and nobody reads."`
	Offerings  offeringsCmd  `cmd:"" group:"client" help:"Manage offerings: what can be requested."`
	Requests   requestsCmd   `cmd:"" group:"client" help:"Read requests, accept, complete and cancel them."`
	Tasks      tasksCmd      `cmd:"" group:"client" help:"Read tasks and complete them."`
	Keys       keysCmd       `cmd:"" group:"client" help:"Manage API keys."`
	Orgs       orgsCmd       `cmd:"" group:"client" help:"Manage orgs, with the admin key."`

	Version versionCmd `cmd:"" group:"about" help:"Print the version, as --version and -v do."`

	BenchSink       benchSinkCmd       `cmd:"" hidden:"" help:"Receive and count, for peal bench."`
	TransformWorker transformWorkerCmd `cmd:"" hidden:"" name:"transform-worker" help:"Run jq programs of workflows, a line each."`
}

const description = `Peal delivers webhooks: it takes in events, and sends each one to the endpoints that want it, signed, retried and recorded.

Try it:

    peal dev

Run it, and publish the first event:

    peal serve --database sqlite:peal.db
    export PEAL_KEY=...  # printed on the first start
    peal endpoints create https://example.com/hook --events 'budget.*'
    peal send budget.exceeded --data '{"spent":"48.12"}'
    peal deliveries list
`

func newParser(g *grammar, s Streams, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(g, append([]kong.Option{
		kong.Name("peal"),
		kong.Description(description),
		kong.Writers(s.Out, s.Err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.ValueFormatter(flagHelp),
		kong.ExplicitGroups([]kong.Group{
			{Key: "server", Title: "The server:"},
			{Key: "try", Title: "Trying and measuring:"},
			{Key: "client", Title: "Talking to a server (--url, --key):"},
			{Key: "about", Title: "About:"},
		}),
	}, append(config.Mappers(), options...)...)...)
}

// exit is what kong asks for after it has printed help.
type exit int

// Main runs one command and returns the exit code: 0 for success, 1 for failure, 2
// for a command line that makes no sense. The first SIGINT or SIGTERM asks the
// command to end in order, a second one ends the process at once.
func Main(ctx context.Context, version string, args []string, s Streams) (code int) {
	ctx, stop := interruptible(ctx, s.Err)
	defer stop()

	defer func() {
		if r := recover(); r != nil {
			asked, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(asked)
		}
	}()
	parser, err := newParser(&grammar{}, s, kong.Exit(func(code int) { panic(exit(code)) }))
	if err != nil {
		return report(s, err, exitFailure)
	}
	command, err := parser.Parse(customary(args))
	if err != nil {
		return misuse(s, commandOf(err), err)
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(s, Version(version)); err != nil {
		if _, ok := errors.AsType[usageError](err); ok {
			return misuse(s, command, err)
		}
		return report(s, err, exitFailure)
	}
	return exitOK
}

// customary spells what people try on any program as this one has it.
func customary(args []string) []string {
	if len(args) == 0 {
		return []string{"--help"}
	}
	switch args[0] {
	case "help":
		return append(args[1:len(args):len(args)], "--help")
	case "--version", "-v":
		return append([]string{"version"}, args[1:]...)
	}
	return args
}

// flagHelp adds its variable and its default to a flag's help.
func flagHelp(v *kong.Value) string {
	text := kong.DefaultHelpValueFormatter(v)
	if v.Default == "" {
		return text
	}
	return strings.TrimSuffix(text, ".") + ". Default: " + v.Default + "."
}

// commandOf is how far the parser got; nil where it did not begin.
func commandOf(err error) *kong.Context {
	if p, ok := errors.AsType[*kong.ParseError](err); ok {
		return p.Context
	}
	return nil
}

// misuse reports a command line that makes no sense, and where to read how it does.
func misuse(s Streams, at *kong.Context, err error) int {
	name, unset := "peal", ""
	if at != nil {
		for _, step := range at.Path {
			if step.Command != nil {
				name = step.Command.FullPath()
			}
		}
		if strings.HasPrefix(err.Error(), "missing flags:") {
			unset = variables(at)
		}
	}
	code := report(s, fmt.Errorf("%w%s", err, unset), exitUsage)
	fmt.Fprintf(s.Err, "Run %s --help.\n", name)
	return code
}

// variables names what the missing flags can be set with instead.
func variables(at *kong.Context) string {
	var b strings.Builder
	for _, f := range at.Flags() {
		if f.Required && !f.Set && len(f.Envs) > 0 {
			fmt.Fprintf(&b, "; %s can stand in for --%s", strings.Join(f.Envs, " or "), f.Name)
		}
	}
	return b.String()
}

func report(s Streams, err error, code int) int {
	if !errors.Is(err, errReported) {
		fmt.Fprintf(s.Err, "peal: %s\n", message(err))
	}
	return code
}

// usageError is a command line that parses and still makes no sense.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func usage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// errReported is a failure that the command's own output has told of.
var errReported = errors.New("reported")
