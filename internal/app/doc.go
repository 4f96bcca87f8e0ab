// Package app joins the parts of a server: it opens the store, builds the engines
// on it, and runs them beside the HTTP listener from start to drain.
//
// It is not for deciding anything about events or deliveries: each part does that
// itself, and learns of the others only through what app hands it.
package app
