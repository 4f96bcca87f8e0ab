package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Kind says what an exchange failed at.
type Kind string

// The kinds of failure.
const (
	KindRequest  Kind = "request"         // the request itself cannot be sent
	KindDNS      Kind = "dns"             // the name does not resolve
	KindRefused  Kind = "refused_address" // the address is internal
	KindDial     Kind = "dial"            // no connection
	KindTLS      Kind = "tls"             // the handshake failed
	KindTimeout  Kind = "timeout"         // the deadline passed
	KindReset    Kind = "reset"           // the connection was closed without an answer
	KindProtocol Kind = "protocol"        // the answer is not HTTP, or incomplete
	KindCanceled Kind = "canceled"        // the caller gave up
)

// Error is why an exchange failed. Message is one sentence for the endpoint's owner;
// it names no address that a name resolved to. Err is the cause, for logs.
type Error struct {
	Kind    Kind
	Message string
	Err     error
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func requestError(err error) *Error {
	message := "the request cannot be sent"
	var p *peal.Error
	if errors.As(err, &p) {
		message = p.Message
	}
	return &Error{Kind: KindRequest, Message: message, Err: err}
}

// connectError explains why there is no connection.
func connectError(ctx context.Context, start time.Time, t *target, err error) *Error {
	if e := interrupted(ctx, start, err, "no connection"); e != nil {
		return e
	}
	var (
		dns       *net.DNSError
		handshake *handshakeError
	)
	switch {
	case errors.Is(err, errRefused):
		return &Error{KindRefused, fmt.Sprintf("%s leads to an internal or reserved address, which may not be reached", t.host()), err}
	case errors.As(err, &dns) && dns.IsNotFound:
		return &Error{KindDNS, fmt.Sprintf("the name %s does not resolve", t.host()), err}
	case errors.As(err, &dns):
		return &Error{KindDNS, fmt.Sprintf("looking up the name %s failed", t.host()), err}
	case errors.As(err, &handshake):
		return &Error{KindTLS, "TLS handshake failed: " + handshakeReason(t.host(), handshake.error), err}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Error{KindDial, "connection refused", err}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return &Error{KindDial, "there is no route to the host", err}
	}
	return &Error{KindDial, "the connection failed", err}
}

func handshakeReason(host string, err error) string {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
		remote  *net.OpError
		notTLS  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return "the certificate is signed by an unknown authority"
	case errors.As(err, &name):
		return "the certificate is not for " + host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "the certificate is not valid"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return "the receiver says " + strconv.Quote(strings.TrimPrefix(remote.Err.Error(), "tls: "))
	case errors.As(err, &notTLS):
		return "the receiver does not speak TLS"
	case isClosed(err):
		return "the receiver closed the connection"
	}
	return "no common version or cipher (TLS 1.2 is the least)"
}

// exchangeError explains why a connection gave no answer.
func exchangeError(ctx context.Context, start time.Time, c *conn, err error) *Error {
	missing := "no answer"
	if c.received > 0 {
		missing = "the answer was not complete"
	}
	if e := interrupted(ctx, start, err, missing); e != nil {
		return e
	}
	switch {
	case errors.Is(err, errEndless):
		return &Error{KindProtocol, fmt.Sprintf("the answer's headers exceed %d KiB", maxHeader>>10), err}
	case isClosed(err) && c.received > 0:
		return &Error{KindProtocol, "the connection was closed before the answer was complete", err}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return &Error{KindReset, "connection reset before an answer", err}
	case isTimeout(err):
		return &Error{KindReset, "the connection was lost", err}
	case isClosed(err):
		return &Error{KindReset, "the connection was closed without an answer", err}
	}
	return &Error{KindProtocol, "the answer is not valid HTTP/1.1", err}
}

// interrupted explains an end that ctx brought about, nil if it did not.
func interrupted(ctx context.Context, start time.Time, err error, missing string) *Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &Error{KindCanceled, "the attempt was cancelled", ctx.Err()}
	}
	deadline, _ := ctx.Deadline()
	if ctx.Err() == nil && (!isTimeout(err) || time.Now().Before(deadline)) {
		return nil
	}
	after := max(0, deadline.Sub(start).Round(10*time.Millisecond))
	return &Error{KindTimeout, fmt.Sprintf("timed out after %s: %s", after, missing), err}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
