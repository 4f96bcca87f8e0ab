// Package telemetry makes the logger and the metrics of a server.
//
// It is not for the audit trail, which is data, nor for deciding what is logged:
// each package logs through the *slog.Logger that it is given.
package telemetry
