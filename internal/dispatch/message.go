package dispatch

import (
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
)

// ErrFenced says that the session no longer owns a delivery.
var ErrFenced = errors.New("dispatch: the delivery is no longer owned by this session")

// bodyHashLen is how much of a body's SHA-256 is recorded.
const bodyHashLen = 16

func bodyHash(body []byte) []byte {
	sum := sha256.Sum256(body)
	return sum[:bodyHashLen]
}

// Message is an event that waits to be sent, shared by all of its jobs, so that a
// body is rendered once per profile and held once.
type Message struct {
	Event *peal.Event
	// events are those of a message about several; none where Event is the only one.
	events []*peal.Event

	mu       sync.Mutex
	rendered []rendered
}

type rendered struct {
	profile *profile.Profile
	body    []byte
	hash    []byte
}

// NewMessage wraps an event for its jobs.
func NewMessage(ev *peal.Event) *Message { return &Message{Event: ev} }

func (m *Message) all() []*peal.Event {
	if len(m.events) == 0 {
		return []*peal.Event{m.Event}
	}
	return m.events
}

func (m *Message) render(p *profile.Profile) (rendered, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rendered {
		if r.profile == p {
			return r, nil
		}
	}
	body, err := p.Render(m.Event)
	if err != nil {
		return rendered{}, err
	}
	r := rendered{profile: p, body: body, hash: bodyHash(body)}
	m.rendered = append(m.rendered, r)
	return r, nil
}
