package temporal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"golang.org/x/time/rate"

	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/peal"
)

// Connections are those to all namespaces of the configuration.
type Connections struct{ list []*connection }

// connection is one to a namespace.
type connection struct {
	config.TemporalNamespace
	client client.Client
	log    *slog.Logger
	told   rate.Sometimes
}

// identity is how Temporal shows who started a workflow.
const identity = "peal"

// maxMessage bounds what is sent and received at once.
const maxMessage = 8 << 20

// Open prepares connections, each of which is made when it is first used. What cannot
// stand in the configuration is reported.
func Open(namespaces []config.TemporalNamespace, logger *slog.Logger) (*Connections, error) {
	c := &Connections{}
	for _, n := range namespaces {
		options := client.Options{
			HostPort: n.Address, Namespace: n.Namespace, Identity: identity,
			Logger:            log.NewStructuredLogger(logger),
			ConnectionOptions: client.ConnectionOptions{TLSDisabled: n.Plaintext, MaxPayloadSize: maxMessage},
		}
		err := secure(&options, &n)
		if err == nil {
			made := &connection{TemporalNamespace: n, log: logger.With("namespace", n.Namespace), told: rate.Sometimes{Interval: time.Minute}}
			if made.client, err = client.NewLazyClient(options); err == nil {
				c.list = append(c.list, made)
				continue
			}
		}
		c.Close()
		return nil, fmt.Errorf("temporal: the namespace %s: %w", n.Namespace, err)
	}
	return c, nil
}

// Close ends all connections.
func (c *Connections) Close() {
	for _, n := range c.list {
		n.client.Close()
	}
}

// secure sets how the server is known and what is shown to it. Files are read when they
// are needed, so that they can change, and once before, so that faults are told early.
func secure(options *client.Options, n *config.TemporalNamespace) error {
	if n.APIKeyFile != "" {
		key := func(context.Context) (string, error) { return readKey(n.APIKeyFile) }
		if _, err := key(context.Background()); err != nil {
			return err
		}
		options.Credentials = client.NewAPIKeyDynamicCredentials(key)
	}
	if n.Plaintext {
		return nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: n.ServerName}
	if n.CAFile != "" {
		pem, err := os.ReadFile(n.CAFile)
		if err != nil {
			return fmt.Errorf("ca-file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca-file: %s holds no certificate", n.CAFile)
		}
	}
	if n.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(n.CertFile, n.KeyFile)
			return &cert, err
		}
		if _, err := load(); err != nil {
			return fmt.Errorf("cert-file: %w", err)
		}
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	options.ConnectionOptions.TLS = t
	return nil
}

func readKey(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("api-key-file: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", fmt.Errorf("api-key-file: %s is empty", file)
	}
	return key, nil
}

// Namespace implements workflow.Temporal.
func (c *Connections) Namespace(org, name string) (string, error) {
	for _, n := range c.list {
		if slices.Contains(n.Orgs, org) && (name == "" || name == n.Namespace) {
			return n.Namespace, nil
		}
	}
	if name == "" {
		return "", peal.Errorf(peal.CodeForbidden, "this org may use no Temporal namespace; the server's operator can allow it one")
	}
	return "", peal.Errorf(peal.CodeForbidden, "this org may not use the Temporal namespace %s", peal.Clip(name, 64))
}

// to is the connection to a namespace.
func (c *Connections) to(namespace string) (*connection, error) {
	for _, n := range c.list {
		if n.Namespace == namespace {
			return n, nil
		}
	}
	return nil, peal.Errorf(peal.CodeForbidden, "this server has no Temporal namespace %s", peal.Clip(namespace, 64))
}
