// Package receiver is the other end of a delivery: an HTTP server on loopback that
// verifies what arrives with package webhook, as a user's own receiver would. The
// playground and the benchmark show and count deliveries with it.
//
// It is not for receiving webhooks from other systems.
package receiver
