// Package profile holds the wire formats: how an event becomes the bytes of a
// request, how they are signed, which headers go with them, and when a failed
// delivery is tried again.
//
// Five are built in, each named for the system whose receivers it serves, and an
// operator adds others in YAML (docs/profiles.md). A profile is not for sending,
// for choosing who gets an event, or for what a channel such as Slack shows.
package profile
