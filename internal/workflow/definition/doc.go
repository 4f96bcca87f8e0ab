// Package definition reads what a workflow says: its steps from YAML or JSON, with the
// line and column of each fault, and the templates and conditions in them.
//
// It does not know what the kinds of steps do, and it runs none of them.
package definition
