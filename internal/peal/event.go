package peal

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Event is an immutable fact of one org. It is held once in memory and shared by
// all of its deliveries, so nothing may change it after it was accepted.
type Event struct {
	ID  EventID
	Org string
	// ClientID is the id that the publisher chose, empty where it chose none.
	ClientID string
	Type     string
	Source   string
	Subject  string
	Severity Severity
	Title    string
	Message  string
	// Time is when the fact happened, by the publisher's word or the time of accepting.
	Time time.Time
	// AcceptedAt is database time, equal to the time in ID.
	AcceptedAt time.Time
	// Data is a compact JSON object with numbers spelled as they were sent.
	Data []byte
}

// PublicID is how the API names the event: the publisher's own id if it gave one.
func (e *Event) PublicID() string {
	if e.ClientID != "" {
		return e.ClientID
	}
	return e.ID.String()
}

// overhead is what an event and its delivery hold beside text and data: structs, the
// job, entries of maps.
const overhead = 512

// Size is the bytes that the event holds in memory, for budgets.
func (e *Event) Size() int {
	return len(e.Data) + len(e.Type) + len(e.Source) + len(e.Subject) + len(e.Title) + len(e.Message) + len(e.ClientID) + overhead
}

// AboutDeliveries tells whether the event reports on endpoints or deliveries. Such
// events raise none of their own and reach only subscriptions that name them.
func (e *Event) AboutDeliveries() bool { return aboutDeliveries(e.Type) }

func aboutDeliveries(eventType string) bool {
	return strings.HasPrefix(eventType, "endpoint.") || strings.HasPrefix(eventType, "delivery.")
}

// The events that Peal raises about its own deliveries.
const (
	TypeEndpointDisabled = "endpoint.disabled"
	TypeDeliveryDead     = "delivery.dead"
	TypeTest             = "peal.test"
)

// Severity orders events by how much they matter to people.
type Severity string

// The severities, from least to most urgent.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Valid tells whether s is a severity.
func (s Severity) Valid() bool { return s == Info || s == Warning || s == High || s == Critical }

// ParseSeverity reads a severity in any case; empty stays empty.
func ParseSeverity(s string) (Severity, error) {
	switch v := Severity(strings.ToLower(s)); v {
	case "", Info, Warning, High, Critical:
		return v, nil
	}
	return "", Invalid("severity", "severity must be one of info, warning, high, critical")
}

// Limits of an event's fields, in bytes.
const (
	MaxTypeLen     = 128
	MaxClientIDLen = 256
	MaxFieldLen    = 1024
)

// CheckType reports why s cannot be an event type.
func CheckType(s string) error {
	if s == "" {
		return Invalid("type", "type is required")
	}
	if len(s) > MaxTypeLen || !allIn(s, typeChar) {
		return Invalid("type", "type must be 1 to %d characters of A-Z a-z 0-9 . _ : / -", MaxTypeLen)
	}
	return nil
}

func typeChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._:/-", c) >= 0
}

func allIn(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

// Validate reports the first field of the event that may not stand as it is. The
// size of the whole is the caller's limit to keep.
func (e *Event) Validate() error {
	if err := CheckType(e.Type); err != nil {
		return err
	}
	if len(e.ClientID) > MaxClientIDLen || !Printable(e.ClientID) {
		return Invalid("id", "id must be at most %d printable characters", MaxClientIDLen)
	}
	for _, f := range []struct{ name, value string }{{"source", e.Source}, {"subject", e.Subject}} {
		if len(f.value) > MaxFieldLen || !Printable(f.value) {
			return Invalid(f.name, "%s must be at most %d printable characters", f.name, MaxFieldLen)
		}
	}
	if !utf8.ValidString(e.Title) || !utf8.ValidString(e.Message) {
		return Invalid("title", "title and message must be UTF-8")
	}
	return nil
}
