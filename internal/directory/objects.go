package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/peal-dev/peal/internal/peal"
)

// EventTypes are the types that orgs registered, by name.
var EventTypes = Objects[peal.EventType]{Kind: "event_type", derive: deriveSchema}

// Hooks are the inbound URLs, by id.
var Hooks = Objects[peal.Hook]{Kind: "hook"}

// Workflows are what hooks start, by id.
var Workflows = Objects[peal.Workflow]{Kind: "workflow"}

// Offerings are what can be requested, by id.
var Offerings = Objects[peal.Offering]{Kind: "offering"}

// Secrets are what workflows name, by name.
var Secrets = Objects[peal.Secret]{Kind: "secret"}

// What an org's governance is made of. Its settings are one object under GovernanceID.
var (
	Rules       = Objects[peal.Rule]{Kind: "rule"}
	Governances = Objects[peal.Governance]{Kind: "governance"}
	Members     = Objects[peal.Member]{Kind: "member"}
)

// GovernanceID is the id of an org's settings of governance.
const GovernanceID = "governance"

// objectKinds are the kinds of configuration that are found by org and id alone. A new
// one is a line here, beside its declaration.
var objectKinds = []reader{
	EventTypes, Bindings, Silences, Hooks, Workflows, Offerings, Secrets,
	Rules, Governances, Members,
}

// Objects names a kind of object whose rows hold a T.
type Objects[T any] struct {
	Kind string
	// derive makes, once for each row, what reading needs beside the T; nil for nothing.
	derive func(*Directory, *T) any
}

// Sealing is implemented by objects a part of which is sealed at rest.
type Sealing interface {
	// Private points to that part.
	Private() any
}

// object is a row of any of these kinds.
type object struct {
	place
	org     string
	value   any // *T
	derived any
}

// reader reads the rows of one kind.
type reader interface {
	kind() string
	read(d *Directory, row *Row) (*object, error)
}

func readerOf(kind string) (reader, bool) {
	for _, r := range objectKinds {
		if r.kind() == kind {
			return r, true
		}
	}
	return nil, false
}

func (o Objects[T]) kind() string { return o.Kind }

func (o Objects[T]) read(d *Directory, row *Row) (*object, error) {
	value := new(T)
	if err := json.Unmarshal(row.Doc, value); err != nil {
		return nil, err
	}
	if s, ok := any(value).(Sealing); ok && len(row.Sealed) > 0 {
		plain, err := d.ring.Open(row.Sealed, SealedFor(row.Kind, row.Org, row.ID))
		if err != nil {
			return nil, err
		}
		// A decoder's error may quote what it read.
		if json.Unmarshal(plain, s.Private()) != nil {
			return nil, errors.New("the private part is not what it should be")
		}
	}
	e := &object{place: rowPlace(row), org: row.Org, value: value}
	if o.derive != nil {
		e.derived = o.derive(d, value)
	}
	return e, nil
}

// SealedFor is what an object's private part is sealed for. The names of secrets are
// those of other orgs' too; ids are nobody else's.
func SealedFor(kind, org, id string) []byte {
	if kind == Secrets.Kind {
		return fmt.Appendf(nil, "%s/%s/%s", kind, org, id)
	}
	return fmt.Appendf(nil, "%s/%s", kind, id)
}

// Get gives an object of the org. It is shared and must not be changed.
func (o Objects[T]) Get(d *Directory, org, id string) (*T, bool) {
	if e := o.entry(d, org, id); e != nil {
		return e.value.(*T), true
	}
	return nil, false
}

// Find gives an object of any org, which it names.
func (o Objects[T]) Find(d *Directory, id string) (value *T, org string, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if e := d.objects[objectID{o.Kind, id}]; e != nil {
		return e.value.(*T), e.org, true
	}
	return nil, "", false
}

// All lists the org's objects, the oldest first.
func (o Objects[T]) All(d *Directory, org string) []*T {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return convert(d.tenant(org).list(o.Kind).items, o.value)
}

// List lists the org's objects, the newest first, with the next page's cursor.
func (o Objects[T]) List(d *Directory, org string, p peal.Page) ([]*T, string, error) {
	d.mu.RLock()
	entries, next, err := d.tenant(org).list(o.Kind).page(o.Kind, p)
	d.mu.RUnlock()
	return convert(entries, o.value), next, err
}

func (Objects[T]) value(e *object) *T { return e.value.(*T) }

func (o Objects[T]) entry(d *Directory, org, id string) *object {
	d.mu.RLock()
	defer d.mu.RUnlock()
	e, _ := d.tenant(org).list(o.Kind).get(id)
	return e
}

// ObjectID names an object within its org.
type ObjectID struct{ Kind, ID string }

// Objects lists, of up to limit objects of the org, what names them.
func (d *Directory) Objects(org string, limit int) []ObjectID {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var ids []ObjectID
	for kind, list := range d.tenant(org).objects {
		for _, e := range list.items[:min(len(list.items), limit-len(ids))] {
			ids = append(ids, ObjectID{kind, e.key})
		}
	}
	return ids
}

// objectID names an object of any org.
type objectID struct{ kind, id string }

func (d *Directory) applyObject(t *tenant, p *parsed) {
	list := t.objects[p.row.Kind]
	if p.object == nil {
		if list != nil {
			list.remove(p.row.ID)
			if len(list.items) == 0 {
				delete(t.objects, p.row.Kind)
			}
		}
		if id := (objectID{p.row.Kind, p.row.ID}); d.objects[id] != nil && d.objects[id].org == p.row.Org {
			delete(d.objects, id)
		}
		return
	}
	if list == nil {
		if t.objects == nil {
			t.objects = map[string]*ordered[*object]{}
		}
		list = &ordered[*object]{}
		t.objects[p.row.Kind] = list
	}
	list.put(p.object)
	d.objects[objectID{p.row.Kind, p.row.ID}] = p.object
}

// deriveSchema compiles a type's schema when it is first asked for.
func deriveSchema(d *Directory, t *peal.EventType) any {
	return sync.OnceValue(func() *Schema { return d.compileSchema(t) })
}

// CheckData reports where the data of an event does not fit the schema that the org
// registered for its type, as peal.CodeInvalid with the path of the place.
func (d *Directory) CheckData(org, eventType string, data []byte) error {
	if e := EventTypes.entry(d, org, eventType); e != nil {
		return e.derived.(func() *Schema)().Check("data", data)
	}
	return nil
}
