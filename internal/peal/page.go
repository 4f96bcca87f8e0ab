package peal

import "time"

// Page asks for a part of a list that is sorted newest first.
type Page struct {
	// Cursor is the NextCursor of the page before, empty for the first.
	Cursor string
	// Limit is how many rows at the most; Clamp sets it right.
	Limit int
}

// The sizes of a page.
const (
	DefaultPageSize = 50
	MaxPageSize     = 500
)

// Clamp gives the page a usable limit.
func (p Page) Clamp() Page {
	if p.Limit <= 0 {
		p.Limit = DefaultPageSize
	}
	p.Limit = min(p.Limit, MaxPageSize)
	return p
}

// DeliveryFilter selects deliveries of one org; zero fields select all.
type DeliveryFilter struct {
	Org      string
	Endpoint EndpointID
	Event    EventID
	Group    GroupID
	Status   Status
	Type     string // or a pattern such as budget.*
	// Since and Until bound CreatedAt: since inclusive, until exclusive.
	Since, Until time.Time
}

// EventFilter selects events of one org; zero fields select all.
type EventFilter struct {
	Org          string
	Type         string // or a pattern such as budget.*
	Subject      string
	Since, Until time.Time
}

// FoundEvents is what a search for a text found.
type FoundEvents struct {
	Events []*Event
	// Cursor leads on where there is more to look at, from the time Back.
	Cursor string
	Back   time.Time
}
