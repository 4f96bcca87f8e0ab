package client

import (
	"context"
	"iter"
	"time"
)

// Key is an API key of one org.
type Key struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"` // viewer, publisher or admin
	// Key is the key itself, answered once: by CreateKey and RotateKey.
	Key string `json:"key,omitempty"`
	// Hint is the key's start, to tell keys apart.
	Hint      string    `json:"hint,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// CreateKey makes a key with a role: viewer, publisher or admin.
func (c *Client) CreateKey(ctx context.Context, name, role string) (Key, error) {
	var k Key
	err := c.post(ctx, join("keys"), map[string]string{"name": name, "role": role}, &k)
	return k, err
}

// Keys lists the org's keys, without the keys themselves.
func (c *Client) Keys(ctx context.Context) iter.Seq2[Key, error] {
	return list[Key](ctx, c, join("keys"), nil)
}

// RotateKey replaces the key itself; the old one stops working at once.
func (c *Client) RotateKey(ctx context.Context, id string) (Key, error) {
	var k Key
	err := c.post(ctx, join("keys", id, "rotate"), nil, &k)
	return k, err
}

// DeleteKey deletes a key, which stops working at once.
func (c *Client) DeleteKey(ctx context.Context, id string) error {
	return c.delete(ctx, join("keys", id))
}
