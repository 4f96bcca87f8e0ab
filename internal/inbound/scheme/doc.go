// Package scheme verifies the requests that other systems send to a hook: one file
// a scheme, one line in All.
//
// A scheme looks at the exact bytes that arrived, compares in constant time, refuses
// what is too old where the sender signs a time, and says what else the sender meant:
// its delivery id, the name of the event, or that it wants an answer rather than
// work. The package is not for receiving, storing or remembering requests, and makes
// no connection: what one scheme has to fetch comes through a function of the caller.
package scheme
