package auth

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// LinkStore keeps links by the hashes of their tokens until they expire.
type LinkStore interface {
	AddLink(ctx context.Context, hash [32]byte, grant []byte, expires time.Time) error
	// Link is nil where there is none, or none any more.
	Link(ctx context.Context, hash [32]byte) ([]byte, error)
	// TakeLink deletes a link and tells whether it was there: of two at once, one is told so.
	TakeLink(ctx context.Context, hash [32]byte) (bool, error)
}

// Grant is what a link gives to whoever opens it.
type Grant struct {
	Identity Identity `json:"identity"`
	// Portal is set for links that lead into the customers' portal; nil for the dashboard.
	Portal *Portal `json:"portal,omitempty"`
	// Expires is when a link ends, and with a portal's also what it gave.
	Expires time.Time `json:"expires"`
}

// Portal is the part of an org that its customers see, and how it looks.
type Portal struct {
	Features []string `json:"features"`
	Name     string   `json:"name,omitempty"`
	Logo     string   `json:"logo,omitempty"`
	Color    string   `json:"color,omitempty"`
	// Origins may embed the portal in a frame.
	Origins []string `json:"origins,omitempty"`
}

// The features of a portal.
const (
	FeatureEndpoints  = "endpoints"  // see and manage endpoints
	FeatureSecrets    = "secrets"    // rotate signing secrets
	FeatureDeliveries = "deliveries" // see deliveries
	FeatureRetry      = "retry"      // retry deliveries
)

// Features lists all features of a portal.
var Features = []string{FeatureEndpoints, FeatureSecrets, FeatureDeliveries, FeatureRetry}

// Has tells whether the portal has a feature.
func (p *Portal) Has(feature string) bool { return slices.Contains(p.Features, feature) }

// Links makes and opens links that sign in.
type Links struct {
	store LinkStore
	now   func() time.Time
}

// NewLinks keeps links in a store; now is database time.
func NewLinks(store LinkStore, now func() time.Time) *Links { return &Links{store, now} }

const linkPrefix = "lnk_"

// Issue makes a link's token, which is kept nowhere.
func (l *Links) Issue(ctx context.Context, g Grant, lifetime time.Duration) (token string, expires time.Time, err error) {
	g.Expires = l.now().UTC().Add(lifetime).Truncate(time.Second)
	doc, err := json.Marshal(g)
	if err != nil {
		return "", g.Expires, err
	}
	token = secret.RandomToken(linkPrefix)
	return token, g.Expires, l.store.AddLink(ctx, secret.HashKey(token), doc, g.Expires)
}

// Open gives what a token for the dashboard grants, once. CodeNotFound where there is no
// such link any more.
func (l *Links) Open(ctx context.Context, token string) (Grant, error) {
	g, err := l.grant(ctx, token)
	if err != nil {
		return g, err
	}
	if g.Portal != nil {
		return Grant{}, peal.NotFound("link")
	}
	taken, err := l.store.TakeLink(ctx, secret.HashKey(token))
	if err == nil && !taken {
		err = peal.NotFound("link")
	}
	return g, err
}

// Portal gives what a token for the portal grants, until it expires.
func (l *Links) Portal(ctx context.Context, token string) (Grant, error) {
	g, err := l.grant(ctx, token)
	if err == nil && g.Portal == nil {
		return Grant{}, peal.NotFound("link")
	}
	return g, err
}

func (l *Links) grant(ctx context.Context, token string) (g Grant, err error) {
	doc, err := l.store.Link(ctx, secret.HashKey(token))
	if err != nil {
		return g, err
	}
	if doc == nil {
		return g, peal.NotFound("link")
	}
	return g, json.Unmarshal(doc, &g)
}
