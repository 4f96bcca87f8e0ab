// Package secret keeps what must not be known: it seals secrets at rest, makes and
// hashes API keys, and says which named values have to be hidden.
//
// It is not for signing deliveries (package webhook) nor for deciding who may do
// what (package auth).
package secret
