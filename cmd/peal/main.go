// Command peal is the server, its playground and its tools in one binary. What it
// does is in package cli, not here.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // working hours have zones, and the machine may have no zone files

	"github.com/peal-dev/peal/internal/cli"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(cli.Main(context.Background(), version, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
