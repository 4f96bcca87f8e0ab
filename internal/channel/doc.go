// Package channel holds the ways to send to an endpoint: one file a channel, one
// line in All.
//
// A webhook's channel gets finished bytes and headers. The others tell people: they
// render a Message, which is the same for all of them, made here from an event's words,
// data and the endpoint's own templates. Signing, retrying and recording happen
// elsewhere. A channel says what its configuration is made of, checks an endpoint's when
// it is created, sends once, and tells what the answer means.
package channel
