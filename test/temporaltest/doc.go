// Package temporaltest gives tests a Temporal server: the calls of its gRPC front end
// that start workflows and tell how they ended, with a server's rules for ids. It runs no
// workflow; a test says when one is over.
package temporaltest
