// Package dispatch sends deliveries: it holds those that this node owns in lanes,
// one lane per endpoint, renders and signs them, makes the attempts, and records
// each outcome.
//
// A lane has its own concurrency, rate limit, order and circuit, so that an
// endpoint that is slow or dead delays no other. What does not fit in a lane waits
// in the store and is claimed when there is room and it is due.
//
// The package is not for accepting or matching events, and knows no channel or
// profile by name.
package dispatch
