// Package settings changes the configuration: orgs, keys, endpoints and event types.
// It checks what is asked for, seals what is secret, writes the change together with
// its entry in the audit trail, and has the directory follow before it answers.
//
// It is not for reading the configuration, which package directory does.
package settings
