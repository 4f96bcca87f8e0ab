package channel

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
)

// Channel is a way to send. It is used by many goroutines at once.
type Channel interface {
	// Kind is the name by which endpoints choose the channel.
	Kind() string
	// Fields describes the configuration, in the order in which people fill it in.
	Fields() []Field
	// Check reports, as a *peal.Error, why an endpoint cannot be sent to. It may look
	// names up.
	Check(ctx context.Context, ep *peal.Endpoint) error
	// Send makes one attempt, within ctx's deadline.
	Send(ctx context.Context, ep *peal.Endpoint, req Request) Result
}

// Renderer is a channel that tells people, and makes the body itself. The others send
// what the profile makes of an event.
//
// The configuration of such a channel stands whole in the endpoint's Private.Config.
type Renderer interface {
	Channel
	// Render gives the body of a message, with the headers that belong to it (its
	// Content-Type at least), the same each time. What is secret is added in Send:
	// bodies and headers are recorded and shown.
	Render(ep *peal.Endpoint, m *Message) (body []byte, headers []peal.Header, err error)
}

// Request is what an attempt sends.
type Request struct {
	// Headers are all that the profile or Render gives, content type and signature
	// included.
	Headers []peal.Header
	Body    []byte
}

// Result is what became of an attempt.
type Result struct {
	StatusCode int // zero without an answer
	// Body is the start of the answer, at most peal.MaxResponseBody bytes of UTF-8
	// without NUL.
	Body []byte
	// RetryAfter is how long the receiver asks to be left alone.
	RetryAfter time.Duration
	// Gone says that the receiver wants nothing more, ever.
	Gone bool
	// Permanent says that the same would fail again: it is not retried.
	Permanent bool
	// Err is nil for a success; its text is one sentence that is safe to show.
	Err error
}

// Field is one entry of a channel's configuration.
type Field struct {
	Name     string    `json:"name"`
	Type     FieldType `json:"type"`
	Required bool      `json:"required,omitempty"`
	// Secret values are sealed at rest and never shown again.
	Secret  bool     `json:"secret,omitempty"`
	Help    string   `json:"help"`
	Enum    []string `json:"enum,omitempty"`
	Default string   `json:"default,omitempty"`
}

// FieldType is the JSON type of a field's value.
type FieldType string

// The types of fields.
const (
	String  FieldType = "string"
	Integer FieldType = "integer"
	Strings FieldType = "strings" // an array of strings
	Map     FieldType = "map"     // an object of strings
)

// Set is all channels of a server.
type Set struct {
	list []Channel
}

// All makes every channel there is, sending through c.
func All(c *egress.Client) *Set {
	return &Set{list: []Channel{
		&webhook{egress: c},
		&slack{egress: c, api: slackAPI},
		&teams{egress: c},
		&email{egress: c},
		&jira{egress: c},
	}}
}

// Get finds a channel by its kind.
func (s *Set) Get(kind string) (Channel, bool) {
	for _, c := range s.list {
		if c.Kind() == kind {
			return c, true
		}
	}
	return nil, false
}

// All lists the channels in the order in which people are offered them.
func (s *Set) All() []Channel { return s.list }

// Kinds lists the kinds of all channels.
func (s *Set) Kinds() []string {
	kinds := make([]string, len(s.list))
	for i, c := range s.list {
		kinds[i] = c.Kind()
	}
	return kinds
}
