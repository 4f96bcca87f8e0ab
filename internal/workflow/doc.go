// Package workflow runs executions of workflows: durably, step by step, each step at
// least once and with a key that stays the same. The kinds of steps are listed in
// kinds.go, a file each.
//
// It does not read definitions, which package definition does, and knows nothing of how
// a request came in.
package workflow
