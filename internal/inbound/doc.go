// Package inbound turns requests that other systems send to a hook into executions: it
// verifies them by the hook's scheme, reads their body, and answers once they are durable.
//
// What an execution does is not its concern, nor how a scheme verifies, which package
// scheme knows.
package inbound
