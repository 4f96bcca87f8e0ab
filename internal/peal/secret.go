package peal

import (
	"regexp"
	"time"
)

// Secret is a text that an org's workflows name and nobody reads.
type Secret struct {
	Name      string        `json:"name"`
	Org       string        `json:"org"`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	Sealed    SecretPrivate `json:"-"`
}

// SecretPrivate is what of a secret is sealed at rest.
type SecretPrivate struct {
	Value string `json:"value"`
}

// Private points to what is sealed at rest.
func (s *Secret) Private() any { return &s.Sealed }

// A value that is shorter could not be told from what is no secret, where it is hidden.
const (
	minSecret = 8
	maxSecret = 8 << 10
)

var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Check reports what in a secret may not stand. It does not repeat the value.
func (s *Secret) Check() error {
	if !secretName.MatchString(s.Name) {
		return Invalid("name", "a secret's name is 1 to 64 of A-Z a-z 0-9 _ and does not begin with a digit")
	}
	if len(s.Sealed.Value) < minSecret || len(s.Sealed.Value) > maxSecret {
		return Invalid("value", "a secret has %d to %d bytes", minSecret, maxSecret)
	}
	return nil
}
