// Package auth tells who a request comes from and in which org it acts.
//
// It is not for deciding what an operation needs, which the operation says, nor for
// making keys, which package settings does.
package auth
