package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

const (
	minAdminKey       = 16
	minIdempotencyTTL = 24 * time.Hour
	minEventBytes     = 1 << 10
	maxEventBytes     = 16 << 20
)

// Validate reports the first setting that cannot stand, by its name. kong calls it.
func (c *Config) Validate() error {
	for _, check := range []error{
		c.checkAddresses(),
		c.checkDatabase(),
		c.checkOIDC(),
		c.checkDurations(),
		c.checkTemporal(),
		within("max-event-bytes", c.MaxEventBytes, minEventBytes, maxEventBytes),
		within("max-inbound-bytes", c.MaxInboundBytes, minEventBytes, maxEventBytes),
		within("workflow-slots", c.WorkflowSlots, 1, 1<<14),
		within("lane-concurrency", c.LaneConcurrency, 1, peal.MaxConcurrent),
		within("attempt-slots", c.AttemptSlots, 1, 1<<16),
		// The largest event must have room, also once it is rendered and held twice.
		within("memory-budget", c.MemoryBudget, 4*c.MaxEventBytes, 1<<40),
	} {
		if check != nil {
			return check
		}
	}
	return nil
}

func within(name string, n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("%s must be between %d and %d, not %d", name, low, high, n)
	}
	return nil
}

func (c *Config) checkAddresses() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen must be HOST:PORT, such as 127.0.0.1:8080, not %q", c.Listen)
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("public-url must be like https://peal.example.com")
		}
	}
	if c.Pprof != "" {
		host, _, err := net.SplitHostPort(c.Pprof)
		if err != nil || !loopback(host) {
			return fmt.Errorf("pprof must be HOST:PORT on a loopback address, such as 127.0.0.1:6060, not %q", c.Pprof)
		}
	}
	return nil
}

// checkDatabase never repeats the URL, which may hold a password.
func (c *Config) checkDatabase() error {
	scheme, rest, _ := strings.Cut(c.Database, ":")
	switch scheme {
	case "sqlite":
		if rest == "" {
			return fmt.Errorf("database needs a file after sqlite:, such as sqlite:peal.db")
		}
	case "postgres", "postgresql":
		if !strings.HasPrefix(rest, "//") {
			return fmt.Errorf("database must be like postgres://user@host/name")
		}
		if len(c.EncryptionKeys) == 0 {
			return fmt.Errorf("encryption-key must be set with PostgreSQL, the same on every node")
		}
	default:
		return fmt.Errorf("database must begin with sqlite: or postgres://")
	}
	if c.AdminKey != "" && len(c.AdminKey) < minAdminKey {
		return fmt.Errorf("admin-key must have %d characters or more", minAdminKey)
	}
	return nil
}

// checkOIDC never repeats the secret.
func (c *Config) checkOIDC() error {
	if c.OIDCIssuer == "" {
		if c.OIDCClientID != "" || c.OIDCClientSecret != "" || c.OIDCClientSecretFile != "" || c.OIDCTrustEmails {
			return fmt.Errorf("oidc-issuer must be set with the other settings of OIDC")
		}
		return nil
	}
	u, err := url.Parse(c.OIDCIssuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return fmt.Errorf("oidc-issuer must be like https://login.example.com; http:// is for this machine alone")
	case c.OIDCClientID == "":
		return fmt.Errorf("oidc-client-id must be set with oidc-issuer")
	case (c.OIDCClientSecret == "") == (c.OIDCClientSecretFile == ""):
		return fmt.Errorf("one of oidc-client-secret and oidc-client-secret-file must be set with oidc-issuer")
	case c.PublicURL == "":
		return fmt.Errorf("public-url must be set with oidc-issuer, since the provider sends people back to it")
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (c *Config) checkDurations() error {
	for _, d := range []struct {
		name string
		is   time.Duration
		min  time.Duration
	}{
		{"disable-after", c.DisableAfter, time.Minute},
		{"retention-deliveries", c.RetentionDeliveries, time.Hour},
		{"retention-events", c.RetentionEvents, time.Hour},
		{"idempotency-ttl", c.IdempotencyTTL, minIdempotencyTTL},
		{"usage-lateness", c.UsageLateness, time.Minute},
	} {
		if d.is < d.min {
			return fmt.Errorf("%s must be at least %s, not %s", d.name, d.min, d.is)
		}
	}
	return nil
}
