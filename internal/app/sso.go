package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/dashboard"
	"github.com/peal-dev/peal/internal/sso"
)

// clientSecret is the one of the configuration, or of the file that it names.
func clientSecret(cfg config.Config) (string, error) {
	file := cfg.OIDCClientSecretFile
	if file == "" {
		return cfg.OIDCClientSecret, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("oidc-client-secret-file: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("oidc-client-secret-file: %s is empty", file)
	}
	return secret, nil
}

// newSSO makes the provider of the configuration, nil without one.
func newSSO(cfg config.Config, secret string, roots *x509.CertPool, now func() time.Time) *sso.Provider {
	if cfg.OIDCIssuer == "" {
		return nil
	}
	return sso.New(sso.Config{
		Issuer: cfg.OIDCIssuer, ClientID: cfg.OIDCClientID, ClientSecret: secret,
		RedirectURL: dashboard.CallbackURL(cfg.PublicURL), TrustEmails: cfg.OIDCTrustEmails, RootCAs: roots, Now: now,
	})
}

// tryProvider tells the operator early that nobody can sign in at the provider; the first
// who tries asks it again.
func (a *App) tryProvider(ctx context.Context) error {
	if err := a.sso.Discover(ctx); err != nil {
		a.log.Warn("sign-in by OIDC does not work yet; keys do", "issuer", a.cfg.OIDCIssuer, "error", err)
	}
	return nil
}
