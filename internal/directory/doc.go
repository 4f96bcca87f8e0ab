// Package directory holds the whole configuration in memory: orgs, keys, endpoints
// and event types, as the store last told them. It answers what every request asks
// (whose key is this, which endpoints take this event) without a query.
//
// It is not for changing configuration, which package settings does; it follows the
// store's changes by version.
package directory
