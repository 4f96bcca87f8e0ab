package profile

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/webhook"
)

// Default is the profile of endpoints that nothing gives another.
const Default = "standard"

// builtin lists the profiles that always exist, in the order in which they are shown.
func builtin() []*Profile {
	return []*Profile{standard(), nemo(), curateMe(), nembl(), nolxy()}
}

// Profile is one wire format and its delivery policy. Nothing changes it after it
// was made.
type Profile struct {
	Name        string
	Description string
	Policy      peal.RetryPolicy
	// DedupWindow is how long after an event others of its org and type are
	// suppressed; zero suppresses none.
	DedupWindow time.Duration
	// Headers names what every signed attempt carries beside User-Agent.
	Headers []string
	// Scheme signs, and verifies what it signed; nil for a format without signatures.
	Scheme *webhook.Scheme
	// SecretRequired tells that an endpoint cannot be without a secret.
	SecretRequired bool
	// DropWhilePaused tells that what happens while an endpoint is paused is dropped.
	DropWhilePaused bool
	// Render gives the body of an event's request, the same bytes each time.
	Render func(ev *peal.Event) ([]byte, error)

	// extra are the headers beyond those that every profile sends.
	extra []header
}

// Set is the profiles of one server.
type Set struct {
	list   []*Profile
	byName map[string]*Profile
}

// Builtin is the set of the five profiles that need no configuration.
func Builtin() *Set {
	s := &Set{byName: map[string]*Profile{}}
	for _, p := range builtin() {
		s.add(p)
	}
	return s
}

func (s *Set) add(p *Profile) {
	p.Headers = p.headerNames()
	s.list = append(s.list, p)
	s.byName[p.Name] = p
}

// Get finds a profile by its name.
func (s *Set) Get(name string) (*Profile, bool) {
	p, ok := s.byName[name]
	return p, ok
}

// All lists the profiles, built-in ones first. The slice is the caller's not to change.
func (s *Set) All() []*Profile { return s.list }
