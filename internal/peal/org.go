package peal

import (
	"encoding/json"
	"time"
)

// DefaultOrg exists from the start and is the org of requests that name none.
const DefaultOrg = "default"

// Org is the tenant; everything else belongs to one.
type Org struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Profile   string    `json:"profile,omitempty"`
	Plan      string    `json:"plan,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
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
