// Package egress is the one way out: an HTTP/1.1 client that posts to addresses
// chosen by tenants without letting them reach the operator's own network.
//
// Every socket is checked when it connects, after name resolution, so that a name
// which changes its address between check and use gains nothing. Redirects are not
// followed, no proxy or cookie is used, and one deadline covers an exchange from
// the lookup of the name to the last byte read.
//
// It is the delivery path, so an exchange runs on its caller's goroutine, with one
// write and a connection kept for the next. The package is not a general HTTP
// client: requests and responses are small, whole and not streamed.
package egress
