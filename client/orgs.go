package client

import (
	"context"
	"iter"
	"time"
)

// Org is a tenant. Only the admin key manages orgs.
type Org struct {
	// ID is 1 to 64 of a-z 0-9 _ -; the server makes one if it is empty.
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Profile is what the org's endpoints get where they name none.
	Profile string `json:"profile,omitempty"`
	Plan    string `json:"plan,omitempty"`
	// RetentionDeliveries and RetentionEvents are how long finished deliveries and events are
	// kept, in whole hours or days such as 36h or 7d; empty is as the server's.
	RetentionDeliveries string `json:"retention_deliveries,omitempty"`
	RetentionEvents     string `json:"retention_events,omitempty"`

	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// OrgUpdate changes the fields that are not nil.
type OrgUpdate struct {
	Name    *string `json:"name,omitempty"`
	Profile *string `json:"profile,omitempty"`
	Plan    *string `json:"plan,omitempty"`

	RetentionDeliveries *string `json:"retention_deliveries,omitempty"`
	RetentionEvents     *string `json:"retention_events,omitempty"`
}

// CreateOrg makes an org.
func (c *Client) CreateOrg(ctx context.Context, o Org) (Org, error) {
	var made Org
	err := c.post(ctx, join("orgs"), o, &made)
	return made, err
}

// Orgs lists all orgs.
func (c *Client) Orgs(ctx context.Context) iter.Seq2[Org, error] {
	return list[Org](ctx, c, join("orgs"), nil)
}

// OrgByID reads one org.
func (c *Client) OrgByID(ctx context.Context, id string) (Org, error) {
	var o Org
	err := c.get(ctx, join("orgs", id), nil, &o)
	return o, err
}

// UpdateOrg changes an org.
func (c *Client) UpdateOrg(ctx context.Context, id string, u OrgUpdate) (Org, error) {
	var o Org
	err := c.patch(ctx, join("orgs", id), u, &o)
	return o, err
}

// DeleteOrg deletes an org with everything that belongs to it.
func (c *Client) DeleteOrg(ctx context.Context, id string) error {
	return c.delete(ctx, join("orgs", id))
}
