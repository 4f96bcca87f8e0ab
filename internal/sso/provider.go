package sso

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Config is what the operator registered at the provider.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	// RedirectURL is where the provider sends people back to, exactly.
	RedirectURL string
	// TrustEmails takes an address as verified where the provider does not say whether it is.
	TrustEmails bool
	// RootCAs verify the provider; nil means the system's.
	RootCAs *x509.CertPool
	Now     func() time.Time
}

// Provider signs people in at one OpenID Connect provider. It reads the provider's
// description when it first needs it, and is safe for concurrent use.
type Provider struct {
	Config
	http *http.Client

	mu    sync.Mutex // held while the description is read, so that one reading serves all who wait
	found *endpoints
	err   error // of the last reading
	next  time.Time
}

// endpoints are what the provider describes.
type endpoints struct {
	oauth    oauth2.Config
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
}

const (
	// exchangeTime bounds each request to the provider.
	exchangeTime = 10 * time.Second
	// exchangeSize bounds what is read of each answer.
	exchangeSize = 1 << 20
	// again is how long a provider that could not be read is left alone.
	again = 5 * time.Second
)

// New makes a Provider without asking the provider anything, so that a server starts also
// while the provider is away.
//
// Its requests do not pass the guard that deliveries pass: the operator names the provider,
// which may well be internal, and no org can.
func New(c Config) *Provider {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs}
	return &Provider{Config: c, http: &http.Client{
		Timeout:   exchangeTime,
		Transport: bounded{transport},
		// A redirect could carry the client's secret elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// bounded cuts answers off that are too long.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, exchangeSize)
	}
	return res, err
}

// Name is how people know the provider: its host.
func (p *Provider) Name() string {
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return p.Issuer
	}
	return u.Host
}

// Discover reads the provider's description, unless it was read before or has just failed.
func (p *Provider) Discover(ctx context.Context) error {
	_, err := p.discover(ctx)
	return err
}

func (p *Provider) discover(ctx context.Context) (*endpoints, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil || p.err != nil && p.Now().Before(p.next) {
		return p.found, p.err
	}
	provider, err := oidc.NewProvider(p.client(ctx), p.Issuer)
	if ctx.Err() != nil {
		return nil, ctx.Err() // which says nothing of the provider
	}
	if err == nil {
		err = p.check(provider)
	}
	if p.err = err; err != nil {
		p.err = fmt.Errorf("the provider's description cannot be used: %w", brief(err))
		p.next = p.Now().Add(again)
		return nil, p.err
	}
	p.found = &endpoints{
		oauth: oauth2.Config{
			ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURL: p.RedirectURL,
			Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "email"},
		},
		provider: provider,
		verifier: provider.Verifier(&oidc.Config{ClientID: p.ClientID, Now: p.Now}),
	}
	return p.found, nil
}

// check refuses a description by which codes, secrets or people would go unencrypted
// where the issuer itself is encrypted.
func (p *Provider) check(provider *oidc.Provider) error {
	var described struct {
		Authorization string `json:"authorization_endpoint"`
		Token         string `json:"token_endpoint"`
		Keys          string `json:"jwks_uri"`
		UserInfo      string `json:"userinfo_endpoint"`
	}
	if err := provider.Claims(&described); err != nil {
		return err
	}
	for _, e := range []struct{ name, url string }{
		{"authorization_endpoint", described.Authorization},
		{"token_endpoint", described.Token},
		{"jwks_uri", described.Keys},
		{"userinfo_endpoint", described.UserInfo},
	} {
		switch u, err := url.Parse(e.url); {
		case e.url == "" && e.name == "userinfo_endpoint":
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			return fmt.Errorf("its %s is not an address", e.name)
		case u.Scheme == "http" && !strings.HasPrefix(p.Issuer, "http://"):
			return fmt.Errorf("its %s is not https", e.name)
		}
	}
	return nil
}

// client makes both libraries use the bounded client.
func (p *Provider) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.http)
}
