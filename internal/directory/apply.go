package directory

import "slices"

// apply puts parsed rows in place and tells what changed. A row that could not be
// read counts as deleted.
func (d *Directory) apply(rows []parsed) []Change {
	d.mu.Lock()
	defer d.mu.Unlock()
	changes := make([]Change, 0, len(rows))
	for i := range rows {
		p := &rows[i]
		t := d.tenants[p.row.Org]
		if t == nil {
			t = &tenant{}
			d.tenants[p.row.Org] = t
		}
		c := Change{Kind: p.row.Kind, Org: p.row.Org, ID: p.row.ID}
		switch p.row.Kind {
		case KindOrg:
			d.applyOrg(t, p)
		case KindKey:
			d.applyKey(t, p)
		case KindEndpoint:
			d.applyEndpoint(t, p, &c)
		case Bindings.Kind:
			d.applyBinding(t, p)
		case Members.Kind:
			d.applyMember(t, p)
		default:
			d.applyObject(t, p)
		}
		if t.empty() {
			delete(d.tenants, p.row.Org)
		}
		changes = append(changes, c)
	}
	return changes
}

func (d *Directory) applyOrg(t *tenant, p *parsed) {
	if t.org != nil {
		d.orgs.remove(t.org.key)
	}
	if t.org = p.org; t.org != nil {
		d.orgs.put(t.org)
	}
}

func (d *Directory) applyKey(t *tenant, p *parsed) {
	if old, ok := t.keys.get(p.row.ID); ok {
		delete(d.keys, [32]byte(old.value.Hash))
		t.keys.remove(p.row.ID)
	}
	if p.key != nil {
		d.keys[[32]byte(p.key.value.Hash)] = p.key
		t.keys.put(p.key)
	}
}

func (d *Directory) applyEndpoint(t *tenant, p *parsed, c *Change) {
	e := p.endpoint
	if old, ok := t.endpoints.get(p.row.ID); ok {
		c.EndpointID = old.endpoint.ID
		if e != nil {
			e.bound = old.bound
		}
		if e == nil || !slices.Equal(e.patterns(), old.patterns()) {
			t.index.remove(old)
		}
		if e == nil {
			t.endpoints.remove(p.row.ID)
			delete(d.endpoints, old.endpoint.ID)
		} else if e.endpoint.Filter == old.endpoint.Filter {
			e.filter = old.filter // compiled already
		}
	}
	if e != nil {
		e.bound = t.bound[e.endpoint.ID]
		c.EndpointID, c.Endpoint = e.endpoint.ID, e.endpoint
		d.endpoints[e.endpoint.ID] = e
		t.index.put(e)
		t.endpoints.put(e)
	}
}
