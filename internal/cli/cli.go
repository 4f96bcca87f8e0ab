package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
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
	Keys       keysCmd       `cmd:"" group:"client" help:"Manage API keys."`
	Orgs       orgsCmd       `cmd:"" group:"client" help:"Manage orgs, with the admin key."`

	Version versionCmd `cmd:"" group:"about" help:"Print the version."`

	BenchSink benchSinkCmd `cmd:"" hidden:"" help:"Receive and count, for peal bench."`
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
		kong.ExplicitGroups([]kong.Group{
			{Key: "server", Title: "The server:"},
			{Key: "try", Title: "Trying and measuring:"},
			{Key: "client", Title: "Talking to a server (--url, --key):"},
			{Key: "about", Title: "About:"},
		}),
	}, options...)...)
}

// exit is what kong asks for after it has printed help.
type exit int

// Main runs one command and returns the exit code: 0 for success, 1 for failure, 2
// for a command line that makes no sense. The first SIGINT or SIGTERM asks the
// command to end in order, a second one ends the process at once.
func Main(ctx context.Context, version string, args []string, s Streams) (code int) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()

	defer func() {
		if r := recover(); r != nil {
			asked, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(asked)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parser, err := newParser(&grammar{}, s, kong.Exit(func(code int) { panic(exit(code)) }))
	if err != nil {
		return report(s, err, exitFailure)
	}
	command, err := parser.Parse(args)
	if err != nil {
		code = report(s, err, exitUsage)
		fmt.Fprintln(s.Err, "Run peal --help, or peal COMMAND --help.")
		return code
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(s, Version(version)); err != nil {
		if _, ok := errors.AsType[usageError](err); ok {
			return report(s, err, exitUsage)
		}
		return report(s, err, exitFailure)
	}
	return exitOK
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
