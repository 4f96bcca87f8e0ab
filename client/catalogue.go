package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
)

// EventType describes a type of the catalogue or one that the org registered.
type EventType struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"`  // JSON Schema of data
	Example     json.RawMessage `json:"example,omitempty"` // of data
	Severity    string          `json:"severity,omitempty"`
	Source      string          `json:"source,omitempty"` // org for the org's own
	// Enforced says that events which do not fit the schema are refused.
	Enforced bool `json:"enforced"`
}

// EventTypes lists the catalogue with the org's own types.
func (c *Client) EventTypes(ctx context.Context) iter.Seq2[EventType, error] {
	return list[EventType](ctx, c, join("event-types"), nil)
}

// EventType reads one type.
func (c *Client) EventType(ctx context.Context, name string) (EventType, error) {
	var t EventType
	err := c.get(ctx, join("event-types", name), nil, &t)
	return t, err
}

// PutEventType registers a type of the org's own, or replaces it, with a
// description, an example, and a schema that events of the type must then fit.
func (c *Client) PutEventType(ctx context.Context, t EventType) (EventType, error) {
	body := struct {
		Description string          `json:"description,omitempty"`
		Schema      json.RawMessage `json:"schema,omitempty"`
		Example     json.RawMessage `json:"example,omitempty"`
	}{t.Description, t.Schema, t.Example}
	var made EventType
	err := c.do(ctx, call{method: http.MethodPut, path: join("event-types", t.Name), body: body, repeatable: true}, &made)
	return made, err
}

// DeleteEventType forgets a type of the org's own.
func (c *Client) DeleteEventType(ctx context.Context, name string) error {
	return c.delete(ctx, join("event-types", name))
}

// Profile describes a wire format and its delivery policy.
type Profile struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Headers     []string `json:"headers,omitempty"`
	// Schedule holds the wait before each retry.
	Schedule []Duration `json:"schedule"`
	Timeout  Duration   `json:"timeout"`
}

// Profiles lists the server's profiles.
func (c *Client) Profiles(ctx context.Context) iter.Seq2[Profile, error] {
	return list[Profile](ctx, c, join("profiles"), nil)
}
