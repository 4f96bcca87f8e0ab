package client

import (
	"context"
	"time"
)

// Link signs in whoever opens it, until it expires.
type Link struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// PortalLink says what a customers' portal offers and how it looks.
type PortalLink struct {
	// ExpiresIn is how long the link works; zero is 24 hours.
	ExpiresIn time.Duration
	// Features are endpoints, secrets, deliveries and retry; none means all.
	Features []string
	Name     string
	Logo     string // a data: URL
	Color    string // #rrggbb
	// Origins are the sites that may show the portal in a frame.
	Origins []string
}

// SignInLink makes a link that signs in to the dashboard, once and within ten minutes.
func (c *Client) SignInLink(ctx context.Context) (Link, error) {
	var l Link
	err := c.post(ctx, join("sign-in-links"), map[string]any{}, &l)
	return l, err
}

// CreatePortalLink makes a link into the org's customers' portal.
func (c *Client) CreatePortalLink(ctx context.Context, p PortalLink) (Link, error) {
	body := map[string]any{}
	if p.ExpiresIn > 0 {
		body["expires_in"] = p.ExpiresIn.String()
	}
	if len(p.Features) > 0 {
		body["features"] = p.Features
	}
	if len(p.Origins) > 0 {
		body["origins"] = p.Origins
	}
	for name, value := range map[string]string{"name": p.Name, "logo": p.Logo, "color": p.Color} {
		if value != "" {
			body[name] = value
		}
	}
	var l Link
	err := c.post(ctx, join("portal-links"), body, &l)
	return l, err
}
