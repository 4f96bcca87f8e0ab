package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/peal-dev/peal/internal/dashboard"
	"github.com/peal-dev/peal/internal/sso"
)

// readSSO makes the provider of the configuration, if there is one.
func (a *App) readSSO(roots *x509.CertPool) error {
	if a.cfg.OIDCIssuer == "" {
		return nil
	}
	secret := a.cfg.OIDCClientSecret
	if file := a.cfg.OIDCClientSecretFile; file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("oidc-client-secret-file: %w", err)
		}
		if secret = strings.TrimSpace(string(text)); secret == "" {
			return fmt.Errorf("oidc-client-secret-file: %s is empty", file)
		}
	}
	a.sso = sso.New(sso.Config{
		Issuer: a.cfg.OIDCIssuer, ClientID: a.cfg.OIDCClientID, ClientSecret: secret,
		RedirectURL: dashboard.CallbackURL(a.cfg.PublicURL), TrustEmails: a.cfg.OIDCTrustEmails, RootCAs: roots, Now: a.db.Now,
	})
	return nil
}

// tryProvider tells the operator early that nobody can sign in at the provider; the first
// who tries asks it again.
func (a *App) tryProvider(ctx context.Context) error {
	if err := a.sso.Discover(ctx); err != nil {
		a.log.Warn("sign-in by OIDC does not work yet; keys do", "issuer", a.cfg.OIDCIssuer, "error", err)
	}
	return nil
}
