package client

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// Secret is a text that workflows name; its value cannot be read.
type Secret struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// PutSecret makes a secret, or changes its value.
func (c *Client) PutSecret(ctx context.Context, name, value string) (Secret, error) {
	var s Secret
	body := struct {
		Value string `json:"value"`
	}{value}
	err := c.do(ctx, call{method: http.MethodPut, path: join("secrets", name), body: body, repeatable: true}, &s)
	return s, err
}

// Secrets lists the org's secrets without their values.
func (c *Client) Secrets(ctx context.Context) iter.Seq2[Secret, error] {
	return list[Secret](ctx, c, join("secrets"), nil)
}

// DeleteSecret deletes a secret. Steps that name it fail from then on.
func (c *Client) DeleteSecret(ctx context.Context, name string) error {
	return c.delete(ctx, join("secrets", name))
}
