// Package peal holds the domain: the types that every other package speaks of
// and the rules that need no I/O to decide.
//
// An event is an immutable fact of one org. An endpoint is where an org wants
// events, a delivery is one event for one endpoint, and an attempt is one try of
// a delivery. The package is not for storing, sending, rendering or reading
// clocks: the time is always a parameter.
package peal
