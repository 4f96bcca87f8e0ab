// Package channel holds the ways to send to an endpoint: one file a channel, one
// line in All.
//
// A channel gets finished bytes and headers: rendering, signing, retrying and
// recording happen elsewhere. It says what its configuration is made of, checks an
// endpoint's when it is created, sends once, and tells what the answer means.
package channel
