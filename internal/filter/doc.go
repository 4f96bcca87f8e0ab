// Package filter compiles and runs the payload filters of subscriptions: CEL
// expressions over one event, such as
//
//	event.type == "invoice.paid" && event.data.total > 100.0
//
// A filter sees the variable event with the fields id, type, source, subject,
// severity, title, message (strings), time (a timestamp) and data (the event's
// JSON). It has the standard functions and macros of CEL and no others.
//
// It is not for event types, which package peal's patterns match, nor for changing
// an event.
package filter
