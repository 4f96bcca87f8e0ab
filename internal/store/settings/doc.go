// Package settings is the SQL of the configuration: one table for objects of all
// kinds, a counter that grows with each write, and the audit trail.
//
// It does not know what the objects mean. Who may write what is decided by the
// package settings above it, and reading is the directory's part.
package settings
