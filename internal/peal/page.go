package peal

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"time"
)

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

// cursors are as they stand in a URL.
var cursors = base64.RawURLEncoding.Strict()

// Cursor is that of the page which goes on after a place in a list. The list's name is in
// its sum, so that a list tells its own cursors from anything else.
func Cursor(list string, place []byte) string {
	return cursors.EncodeToString(append(binary.BigEndian.AppendUint32(nil, cursorSum(list, place)), place...))
}

func cursorSum(list string, place []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(list)), crc32.IEEETable, place)
}

// After is the place that the page goes on after, nil for the first page. Places of the
// list have a size, any where it is 0.
func (p Page) After(list string, size int) (place []byte, err error) {
	if p.Cursor == "" {
		return nil, nil
	}
	const sum = 4
	b, err := cursors.DecodeString(p.Cursor)
	if err != nil || len(b) < sum || size > 0 && len(b) != sum+size || binary.BigEndian.Uint32(b) != cursorSum(list, b[sum:]) {
		return nil, &Error{Code: CodeInvalidCursor, Field: "cursor", Message: "the cursor is not one that this list gave out"}
	}
	return b[sum:], nil
}

// Before is After in a list by ids, the newest first: the id that the page's rows are below.
func (p Page) Before(list string) (id []byte, err error) {
	const size = 16
	id, err = p.After(list, size)
	if err == nil && id == nil {
		id = bytes.Repeat([]byte{0xff}, size)
	}
	return id, err
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
