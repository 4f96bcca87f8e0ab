package directory

import "context"

// The kinds of rows that are found by more than their id; each holds the JSON of one
// domain type. The others are in objectKinds.
const (
	KindOrg      = "org"      // peal.Org, id is the org's
	KindKey      = "key"      // peal.Key
	KindEndpoint = "endpoint" // peal.Endpoint, with peal.Private sealed
)

// Row is one object of the configuration. Every kind of object is stored the same
// way: the whole configuration is held in memory by every node, and a change of it
// is a row with a higher version.
type Row struct {
	Kind string
	Org  string
	ID   string
	// Doc is the object's JSON, Sealed its private part under the sealing key.
	Doc    []byte
	Sealed []byte
	// Version is the store's configuration counter after the change. It grows by one
	// with each write, over all kinds and orgs.
	Version int64
	Deleted bool
}

// Source tells what changed. *settings.Store of package store satisfies it.
type Source interface {
	// Changes gives the rows (tombstones included) whose version is above since, in
	// version order, and the newest version there is.
	Changes(ctx context.Context, since int64) ([]Row, int64, error)
}
