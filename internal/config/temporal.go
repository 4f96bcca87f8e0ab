package config

import (
	"fmt"
	"net"
	"slices"

	"github.com/peal-dev/peal/internal/peal"
)

// TemporalNamespace is a namespace of a Temporal server, how it is reached, and whose
// workflows may hand over to it.
type TemporalNamespace struct {
	Namespace string `yaml:"namespace"`
	Address   string `yaml:"address"`
	// Orgs may use it; nobody else may.
	Orgs []string `yaml:"orgs"`
	// Plaintext permits a connection without TLS.
	Plaintext bool `yaml:"plaintext"`
	// CAFile holds the roots to trust instead of the system's, ServerName what the
	// certificate names where it is not the address.
	CAFile     string `yaml:"ca-file"`
	ServerName string `yaml:"server-name"`
	// CertFile and KeyFile are the client's certificate.
	CertFile string `yaml:"cert-file"`
	KeyFile  string `yaml:"key-file"`
	// APIKeyFile holds the key that is sent with each call.
	APIKeyFile string `yaml:"api-key-file"`
}

// checkTemporal reports the first namespace that cannot stand.
func (c *Config) checkTemporal() error {
	seen := map[string]bool{}
	for i := range c.Temporal {
		n := &c.Temporal[i]
		if n.Namespace == "" {
			return fmt.Errorf("temporal: entry %d has no namespace", i+1)
		}
		if seen[n.Namespace] {
			return fmt.Errorf("temporal: the namespace %s is there twice", n.Namespace)
		}
		seen[n.Namespace] = true
		if err := n.check(); err != nil {
			return fmt.Errorf("temporal: the namespace %s: %w", n.Namespace, err)
		}
	}
	return nil
}

func (n *TemporalNamespace) check() error {
	if host, port, err := net.SplitHostPort(n.Address); err != nil || host == "" || port == "" {
		return fmt.Errorf("address must be HOST:PORT, such as temporal.example.com:7233, not %q", n.Address)
	}
	if len(n.Orgs) == 0 {
		return fmt.Errorf("orgs must name who may use it")
	}
	if i := slices.IndexFunc(n.Orgs, func(id string) bool { return peal.CheckOrgID(id) != nil }); i >= 0 {
		return fmt.Errorf("orgs: %q is not the id of an org", n.Orgs[i])
	}
	if (n.CertFile == "") != (n.KeyFile == "") {
		return fmt.Errorf("cert-file and key-file belong together")
	}
	if n.Plaintext && (n.CAFile != "" || n.CertFile != "" || n.ServerName != "" || n.APIKeyFile != "") {
		return fmt.Errorf("plaintext cannot stand beside ca-file, cert-file, server-name or api-key-file")
	}
	return nil
}
