// Package desk is where requests and tasks are dealt with: who may do what to one in
// which state, when the targets of an SLA are due, and the event that each of that
// raises.
//
// It does not run workflows, which package workflow does, and knows no SQL.
package desk
