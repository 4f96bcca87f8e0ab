package directory

import (
	"github.com/peal-dev/peal/internal/filter"
	"github.com/peal-dev/peal/internal/peal"
)

// Match gives the endpoints of the org that take the event, but for the excluded one,
// whatever their status: paused and disabled endpoints keep collecting. The version is
// that of the configuration which was matched against. An unknown org is
// peal.CodeNotFound.
func (d *Directory) Match(org string, ev *peal.Event, exclude peal.EndpointID) ([]*peal.Endpoint, int64, error) {
	var few [16]*endpointEntry // most orgs need no more, and it stays on the stack
	d.mu.RLock()
	t := d.tenants[org]
	if t == nil || t.org == nil {
		d.mu.RUnlock()
		return nil, 0, peal.NotFound("org")
	}
	version, excluded := d.version, d.endpoints[exclude]
	candidates := t.index.collect(few[:0], ev.Type)
	d.mu.RUnlock()

	if len(candidates) == 0 {
		return nil, version, nil
	}
	out := make([]*peal.Endpoint, 0, len(candidates))
	in := input{event: ev}
	for _, e := range candidates {
		if e == excluded {
			continue
		}
		if e.bound != nil && !e.bound.takes(&in) {
			continue
		}
		if e.filter != nil {
			if ok, _ := e.takes(in.get()); !ok {
				continue
			}
		}
		out = append(out, e.endpoint)
	}
	return out, version, nil
}

// The reasons why an endpoint does not take an event.
const (
	ReasonType    = "type"
	ReasonBinding = "binding"
	ReasonFilter  = "filter"
)

// Verdict says why the endpoint, as it is now, does not take the event; it is empty
// where it does.
func (d *Directory) Verdict(org string, ep *peal.Endpoint, ev *peal.Event) string {
	e := d.endpointEntry(ep.ID)
	in := input{event: ev}
	switch {
	case e == nil || e.endpoint.Org != org || e.deaf:
		return ReasonType
	case e.bound != nil:
		if !e.bound.takes(&in) {
			return ReasonBinding
		}
	case !peal.MatchAny(e.endpoint.Events, ev.Type):
		return ReasonType
	}
	if e.filter != nil {
		if ok, _ := e.takes(in.get()); !ok {
			return ReasonFilter
		}
	}
	return ""
}

// FilterError says why the endpoint's filter cannot be answered for the event, such as
// "no such key: total"; it is empty where it can, or where there is none.
func (d *Directory) FilterError(ep *peal.Endpoint, ev *peal.Event) string {
	e := d.endpointEntry(ep.ID)
	if e == nil || e.filter == nil {
		return ""
	}
	if _, err := e.takes(filter.NewInput(ev)); err != nil {
		return err.Error()
	}
	return ""
}
