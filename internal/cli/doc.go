// Package cli is the command line: a file a command, parsed by kong. A command
// that talks to a server does so through package client alone, as any other
// program would; serve, dev and migrate start the server's own parts.
//
// It is not for deciding anything about events or deliveries.
package cli
