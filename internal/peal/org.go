package peal

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// DefaultOrg exists from the start and is the org of requests that name none.
const DefaultOrg = "default"

// Org is the tenant; everything else belongs to one.
type Org struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Profile string `json:"profile,omitempty"`
	Plan    string `json:"plan,omitempty"`
	// RetentionDeliveries and RetentionEvents are how long finished deliveries, dead letters
	// included, and events are kept; zero, or longer than the server's, is as the server's.
	// Executions go with deliveries, requests and tasks with events.
	RetentionDeliveries Duration  `json:"retention_deliveries,omitzero"`
	RetentionEvents     Duration  `json:"retention_events,omitzero"`
	CreatedAt           time.Time `json:"created_at"`
	UpdatedAt           time.Time `json:"updated_at"`
}

// maxRetention is longer than anything is kept.
const maxRetention = 100 * 365 * 24 * time.Hour

// ParseRetention reads how long a field says that something is kept: whole hours or days,
// or nothing for as long as the server does.
func ParseRetention(field, s string) (Duration, error) {
	if s == "" {
		return 0, nil
	}
	unit := time.Hour
	number, ok := strings.CutSuffix(s, "h")
	if !ok {
		unit = 24 * time.Hour
		number, ok = strings.CutSuffix(s, "d")
	}
	n, err := strconv.ParseUint(number, 10, 20)
	if d := time.Duration(n) * unit; ok && err == nil && d > 0 && d <= maxRetention {
		return Duration(d), nil
	}
	return 0, Invalid(field, "%s is given in whole hours or days, such as 36h or 7d", field)
}

// CheckOrgID reports why s cannot be an org's id.
func CheckOrgID(s string) error {
	ok := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' }
	if s == "" || len(s) > 64 || !allIn(s, ok) {
		return Invalid("id", "an org id is 1 to 64 characters of a-z 0-9 _ -")
	}
	return nil
}

// Role is what an API key may do; each includes the ones before it.
type Role string

// The roles, from least to most able.
const (
	Viewer    Role = "viewer"
	Publisher Role = "publisher"
	Admin     Role = "admin"
)

func (r Role) rank() int {
	switch r {
	case Viewer:
		return 1
	case Publisher:
		return 2
	case Admin:
		return 3
	}
	return 0
}

// Valid tells whether the role is one of the three.
func (r Role) Valid() bool { return r.rank() > 0 }

// Includes tells whether r may do what need may.
func (r Role) Includes(need Role) bool { return r.Valid() && r.rank() >= need.rank() }

// Key is an API key of one org. The key itself is never kept, only its hash.
type Key struct {
	ID   KeyID  `json:"id"`
	Org  string `json:"org"`
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Hash is the SHA-256 of the key. Keys are 256 random bits, so a slow hash
	// would protect nothing and cost every request.
	Hash []byte `json:"hash"`
	// Hint is the start of the key, for people to tell keys apart.
	Hint      string    `json:"hint"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// EventType is a type that an org registered with a schema of its own; events of
// this type that do not fit the schema are refused.
type EventType struct {
	Org         string          `json:"org"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"`
	Example     json.RawMessage `json:"example,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}
