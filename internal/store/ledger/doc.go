// Package ledger is the SQL of governance: meters, reservations, credits, what was told,
// and the sums of usage.
//
// It makes the groups of all nodes decide one after the other where they share a meter, and
// writes what they decided. It does not decide itself: what counts and what is told is
// governance's business.
package ledger
