package directory

import (
	"slices"
	"sync"

	"github.com/peal-dev/peal/internal/filter"
	"github.com/peal-dev/peal/internal/peal"
)

// Bindings route events to chosen endpoints.
var Bindings = Objects[peal.Binding]{Kind: "binding", derive: func(d *Directory, b *peal.Binding) any {
	return d.matcher(&b.Match, "binding", b.Org, b.ID)
}}

// matcher is a peal.Match with its filter compiled.
type matcher struct {
	*peal.Match
	filter func() *filter.Program // nil where there is none
}

// matcher compiles the filter when it is first asked for. One that this version cannot
// compile matches nothing.
func (d *Directory) matcher(m *peal.Match, kind, org string, id interface{ String() string }) *matcher {
	out := &matcher{Match: m}
	if m.Filter != "" {
		out.filter = sync.OnceValue(func() *filter.Program {
			program, err := filter.Compile(m.Filter)
			if err != nil {
				d.log.Error("a filter cannot be compiled; nothing matches it", "kind", kind, "org", org, "id", id.String(), "error", err)
			}
			return program
		})
	}
	return out
}

func (m *matcher) takes(in *input) bool {
	if !m.TakesFields(in.event) {
		return false
	}
	if m.filter == nil {
		return true
	}
	program := m.filter()
	if program == nil {
		return false
	}
	ok, _ := program.MatchInput(in.get())
	return ok
}

// input is an event for any number of filters, made ready when the first asks.
type input struct {
	event *peal.Event
	made  *filter.Input
}

func (in *input) get() *filter.Input {
	if in.made == nil {
		in.made = filter.NewInput(in.event)
	}
	return in.made
}

// applyBinding gives the binding's endpoint, which may come later, what it is bound to.
// Entries are immutable, so that the endpoint gets a new one.
func (d *Directory) applyBinding(t *tenant, p *parsed) {
	old, _ := t.list(Bindings.Kind).get(p.row.ID)
	d.applyObject(t, p)
	for _, o := range []*object{old, p.object} {
		if o == nil {
			continue
		}
		id := Bindings.value(o).Endpoint
		t.rebind(id)
		e, ok := t.endpoints.get(id.String())
		if !ok {
			continue
		}
		next := *e
		next.bound = t.bound[id]
		t.index.remove(e)
		t.index.put(&next)
		t.endpoints.put(&next)
		d.endpoints[id] = &next
	}
}

// bound is what the bindings of one endpoint match, at least one of them.
type bound struct {
	matchers []*matcher
	// types are those of all bindings, each once.
	types []peal.Pattern
}

// rebind collects the bindings of an endpoint anew.
func (t *tenant) rebind(id peal.EndpointID) {
	b := &bound{}
	for _, o := range t.list(Bindings.Kind).items {
		if v := Bindings.value(o); v.Endpoint == id {
			b.add(o.derived.(*matcher))
		}
	}
	if len(b.matchers) == 0 {
		delete(t.bound, id)
		return
	}
	if t.bound == nil {
		t.bound = map[peal.EndpointID]*bound{}
	}
	t.bound[id] = b
}

func (b *bound) add(m *matcher) {
	b.matchers = append(b.matchers, m)
	types := m.Types
	if len(types) == 0 {
		types = onlyAny
	}
	for _, p := range types {
		if !slices.Contains(b.types, p) {
			b.types = append(b.types, p)
		}
	}
}

// takes tells whether one of the bindings does.
func (b *bound) takes(in *input) bool {
	return slices.ContainsFunc(b.matchers, func(m *matcher) bool { return m.takes(in) })
}

// BindingsOf lists the bindings of an endpoint of the org, the oldest first.
func (d *Directory) BindingsOf(org string, id peal.EndpointID) []*peal.Binding {
	return slices.DeleteFunc(Bindings.All(d, org), func(b *peal.Binding) bool { return b.Endpoint != id })
}
