// Package publish accepts events: it validates them, matches them to endpoints,
// and commits each event with its deliveries in one transaction, after which the
// caller may be told that nothing will be lost.
//
// It is not for sending: what it committed is handed to the lanes of dispatch, or
// left in the store where a lane has no room.
package publish
