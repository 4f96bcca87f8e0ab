// Package flow is the SQL of executions, of what hooks refused, and of what steps wait
// for.
//
// It decides nothing about workflows: what to run and when is the engine's to say.
package flow
