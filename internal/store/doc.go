// Package store opens the database and runs everything that is written to it.
//
// All writes go through one goroutine that groups what waits into transactions, so
// that many requests share one fsync. Kinds of work with many items (commits,
// records) have a Lane, which hands over all that waits at once; everything else is
// a closure for Write. Reads go to a pool beside it and never wait for the writer.
//
// The package knows transactions, not concepts: the SQL of deliveries stands in
// store/queue, that of the configuration in store/settings.
package store
