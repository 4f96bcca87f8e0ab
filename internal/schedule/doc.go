// Package schedule reads times as people write them: hours of the week and cron
// expressions, each in a time zone of its own.
//
// It decides when something is due and what a time belongs to. It is not for waiting:
// the time is always a parameter, and nothing here reads a clock.
package schedule
