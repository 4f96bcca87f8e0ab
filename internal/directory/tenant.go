package directory

import (
	"errors"
	"fmt"

	"github.com/peal-dev/peal/internal/filter"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/schedule"
)

// place is what every entry knows of its row: the version, and the key by which lists
// are sorted. Entries are immutable and replaced whole.
type place struct {
	version int64
	key     string
}

func (p place) sortKey() string { return p.key }

// rowPlace sorts by the row's id, which begins with the time of creation.
func rowPlace(row *Row) place { return place{row.Version, row.ID} }

type orgEntry struct {
	place
	org peal.Org
}

// Orgs choose their ids, so the time of creation leads their key.
func newOrgEntry(row *Row, o peal.Org) *orgEntry {
	return &orgEntry{place{row.Version, fmt.Sprintf("%016x/%s", max(0, o.CreatedAt.UnixMicro()), row.ID)}, o}
}

type keyEntry struct {
	place
	value peal.Key
}

type endpointEntry struct {
	place
	endpoint *peal.Endpoint
	// filter is nil where the endpoint has none. It compiles when it is first asked,
	// half a millisecond that a start need not spend on every endpoint.
	filter func() *filter.Program
	// bound are its bindings, which decide instead of its subscription; nil without any.
	bound *bound
	// muted are its mute hours; nil where it has none.
	muted *schedule.Hours
	// digest is when its digests are due; nil where it gets none.
	digest *schedule.Cron
	// broken says why the row could not be read; deaf endpoints match nothing,
	// because what they subscribe to is unknown.
	broken string
	deaf   bool
}

// several tells that the endpoint has more than one pattern.
func (e *endpointEntry) several() bool { return len(e.patterns()) > 1 }

// takes tells whether the filter takes an event. One that fails, such as on a field
// that the event lacks, does not; the error says why.
func (e *endpointEntry) takes(in *filter.Input) (bool, error) {
	program := e.filter()
	if program == nil {
		return false, errNoProgram
	}
	return program.MatchInput(in)
}

var errNoProgram = errors.New("the filter cannot be compiled by this version; change it")

// tenant is one org's part of the directory. It exists from the first row about the
// org, in whichever order rows come; org is nil until the org's own row came.
type tenant struct {
	org       *orgEntry
	keys      ordered[*keyEntry]
	endpoints ordered[*endpointEntry]
	index     index
	// bound are the endpoints that have bindings.
	bound map[peal.EndpointID]*bound
	// objects are those of objectKinds, by kind.
	objects map[string]*ordered[*object]
}

func (t *tenant) empty() bool {
	return t.org == nil && len(t.keys.items)+len(t.endpoints.items)+len(t.objects) == 0
}

// list is for reading: the org's objects of a kind.
func (t *tenant) list(kind string) *ordered[*object] {
	if list := t.objects[kind]; list != nil {
		return list
	}
	return &ordered[*object]{}
}

func (t *tenant) rowVersion(kind, id string) int64 {
	switch kind {
	case KindOrg:
		if t.org != nil {
			return t.org.version
		}
	case KindKey:
		if e, ok := t.keys.get(id); ok {
			return e.version
		}
	case KindEndpoint:
		if e, ok := t.endpoints.get(id); ok {
			return e.version
		}
	default:
		if e, ok := t.list(kind).get(id); ok {
			return e.version
		}
	}
	return 0
}
