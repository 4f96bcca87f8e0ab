// Package api is Peal's HTTP surface: the native API under /v1, the surfaces that
// are compatible with Nemo and Curate-Me, the OpenAPI document and its page, and the
// probes. A file holds a resource.
//
// It is not for deciding: it authenticates, reads requests and writes answers, and
// leaves every rule to settings, publish and dispatch.
package api
