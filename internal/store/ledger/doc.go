// Package ledger is the SQL of governance: meters, reservations, credits, what was told,
// and the sums of usage.
//
// What counts and what is told is decided by the package governance. This one makes the
// groups of all nodes decide one after the other where they share a meter, and writes
// what they decided.
package ledger
