// Package signin is the SQL of who is signed in to the dashboard, and of the links that
// sign in whoever opens them.
//
// What a session or a link allows is not its business: it keeps bytes until they expire.
package signin
