// Package client talks to a Peal server's native API: publishing events, reporting
// usage and reserving what a gateway may spend, and managing endpoints, deliveries,
// replays, approvals, silences, keys and orgs.
//
// It is not for receiving: package webhook verifies what a server delivers. It
// uses the standard library alone.
//
// Every method takes a context that bounds the whole call, its retries included.
// An answer that is not 2xx becomes a *Problem; anything else that goes wrong (no
// connection, an answer that cannot be read) keeps its own error.
//
// # Retries
//
// A call that the server answers with 429 or 503 is tried again up to three times
// where repeating it cannot do harm: reads, deletes, PutEventType, publishing under an
// idempotency key or with an id in every event, reporting usage with an id in every
// record, and settling, releasing and deciding. The wait is the server's
// Retry-After, capped at 30 seconds, or else 250 ms doubling. All other calls are
// made once. A connection that breaks is never retried here.
package client
