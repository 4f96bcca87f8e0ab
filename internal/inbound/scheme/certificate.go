package scheme

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// maxCertificates is how many certificates are kept: SNS has one a region, and
// replaces it once a year.
const maxCertificates = 64

// certificates fetches and keeps the certificates that sign SNS messages.
type certificates struct {
	fetch Fetch

	mu    sync.Mutex
	byURL map[string]*x509.Certificate
}

func newCertificates(fetch Fetch) *certificates {
	return &certificates{fetch: fetch, byURL: map[string]*x509.Certificate{}}
}

// key is the public key of the certificate at an address that is trusted to serve it.
func (s *certificates) key(ctx context.Context, address string, now time.Time) (*rsa.PublicKey, error) {
	s.mu.Lock()
	cert := s.byURL[address]
	s.mu.Unlock()
	if cert == nil {
		text, err := s.fetch(ctx, address)
		if err != nil {
			return nil, peal.Wrap(peal.CodeUnavailable, err, "the signing certificate cannot be fetched; try again")
		}
		if cert, err = parseCertificate(text); err != nil {
			return nil, err
		}
		s.keep(address, cert)
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, refuse(ErrUntrusted, "the signing certificate is not valid at this time")
	}
	return cert.PublicKey.(*rsa.PublicKey), nil
}

func (s *certificates) keep(address string, cert *x509.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byURL) >= maxCertificates {
		clear(s.byURL)
	}
	s.byURL[address] = cert
}

// parseCertificate reads a PEM file with an RSA certificate.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, refuse(ErrUntrusted, "the signing certificate is none")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, refuse(ErrUntrusted, "the signing certificate cannot be read")
	}
	if _, ok := cert.PublicKey.(*rsa.PublicKey); !ok {
		return nil, refuse(ErrUntrusted, "the signing certificate has no RSA key")
	}
	return cert, nil
}
