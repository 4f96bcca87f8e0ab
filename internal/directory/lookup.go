package directory

import (
	"github.com/peal-dev/peal/internal/peal"
)

// Version is the configuration that the directory holds.
func (d *Directory) Version() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.version
}

// RowVersion is the version of one row, zero where there is none. Read before the
// object itself, it is what a change of the object must expect.
func (d *Directory) RowVersion(kind, org, id string) int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	t := d.tenants[org]
	if t == nil {
		return 0
	}
	return t.rowVersion(kind, id)
}

// Org gives an org by its id.
func (d *Directory) Org(id string) (peal.Org, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if t := d.tenants[id]; t != nil && t.org != nil {
		return t.org.org, true
	}
	return peal.Org{}, false
}

// Orgs lists all orgs, the newest first, with the next page's cursor.
func (d *Directory) Orgs(p peal.Page) ([]peal.Org, string, error) {
	d.mu.RLock()
	entries, next, err := d.orgs.page("orgs", p)
	d.mu.RUnlock()
	return convert(entries, func(e *orgEntry) peal.Org { return e.org }), next, err
}

// KeptShorter lists the orgs that keep something for a time of their own.
func (d *Directory) KeptShorter() (own []peal.Org) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, e := range d.orgs.items {
		if e.org.RetentionDeliveries != 0 || e.org.RetentionEvents != 0 {
			own = append(own, e.org)
		}
	}
	return own
}

// KeyByHash gives the API key whose SHA-256 this is. Its org is empty where it is the
// instance's admin key.
func (d *Directory) KeyByHash(hash [32]byte) (peal.Key, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if e := d.keys[hash]; e != nil {
		return e.value, true
	}
	return peal.Key{}, false
}

// Key gives an org's key by its id.
func (d *Directory) Key(org string, id peal.KeyID) (peal.Key, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if t := d.tenants[org]; t != nil {
		if e, ok := t.keys.get(id.String()); ok {
			return e.value, true
		}
	}
	return peal.Key{}, false
}

// Keys lists the org's keys, the newest first, with the next page's cursor.
func (d *Directory) Keys(org string, p peal.Page) ([]peal.Key, string, error) {
	d.mu.RLock()
	entries, next, err := d.tenant(org).keys.page("keys", p)
	d.mu.RUnlock()
	return convert(entries, func(e *keyEntry) peal.Key { return e.value }), next, err
}

// Endpoint gives an endpoint of any org.
func (d *Directory) Endpoint(id peal.EndpointID) (*peal.Endpoint, bool) {
	if e := d.endpointEntry(id); e != nil {
		return e.endpoint, true
	}
	return nil, false
}

// EndpointOf gives an endpoint of the org.
func (d *Directory) EndpointOf(org string, id peal.EndpointID) (*peal.Endpoint, bool) {
	if ep, ok := d.Endpoint(id); ok && ep.Org == org {
		return ep, true
	}
	return nil, false
}

// Endpoints lists the org's endpoints, the newest first, with the next page's cursor.
func (d *Directory) Endpoints(org string, p peal.Page) ([]*peal.Endpoint, string, error) {
	d.mu.RLock()
	entries, next, err := d.tenant(org).endpoints.page("endpoints", p)
	d.mu.RUnlock()
	return convert(entries, func(e *endpointEntry) *peal.Endpoint { return e.endpoint }), next, err
}

// Broken says why a part of the endpoint's row could not be read, which disables it;
// empty where all is well. Writing such an endpoint back would lose that part.
func (d *Directory) Broken(id peal.EndpointID) string {
	if e := d.endpointEntry(id); e != nil {
		return e.broken
	}
	return ""
}

func (d *Directory) endpointEntry(id peal.EndpointID) *endpointEntry {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.endpoints[id]
}

// tenant is for reading: an unknown org has nothing.
func (d *Directory) tenant(org string) *tenant {
	if t := d.tenants[org]; t != nil {
		return t
	}
	return &tenant{}
}

func convert[E, V any](entries []E, value func(E) V) []V {
	out := make([]V, len(entries))
	for i, e := range entries {
		out[i] = value(e)
	}
	return out
}
