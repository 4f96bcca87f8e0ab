// Package janitor deletes what has been kept for long enough, a little at a time.
//
// It decides how long and how fast. It does not know which rows those are: that is
// the store's business.
package janitor
