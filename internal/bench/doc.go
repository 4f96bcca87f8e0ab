// Package bench measures a server that runs as a process of its own, on a fresh
// database, against the bare loop: the same signed requests sent to the same sink
// without any server between. Both are measured in turns within one run, so that
// their ratio says more than either rate does on a noisy machine.
//
// Three processes take part: this one generates load, a child is the sink that
// receives and counts, a child is the server. A phase ends when everything that was
// accepted has arrived, so that a backlog never counts as throughput.
//
// It is not a load test for a server that runs elsewhere, and it never sends
// anything off the machine.
package bench
