// Package temporal hands workflows over to Temporal servers through their Go SDK: it
// starts them and waits for what becomes of them. It is not part of the program unless
// that is built with the tag temporal, and it runs no workers.
package temporal
