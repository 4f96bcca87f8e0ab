package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Options are what an operator decides about deliveries. The zero value is the
// strictest: https alone, public addresses alone, the system's roots.
type Options struct {
	// AllowCIDRs are ranges that may be reached although they are internal.
	AllowCIDRs []netip.Prefix
	// AllowHTTP permits targets without TLS.
	AllowHTTP bool
	// RootCAs verify servers; nil means the system's.
	RootCAs *x509.CertPool
	// UserAgent is sent with every request; empty means "Peal".
	UserAgent string
	// Resolver looks names up; nil means the system's.
	Resolver *net.Resolver
}

// Client sends requests and keeps connections between them. It is safe for
// concurrent use; its owner calls Close.
type Client struct {
	guard     guard
	allowHTTP bool
	userAgent string
	resolver  *net.Resolver
	dialer    net.Dialer
	tls       *tls.Config
	pool      *pool
	targets   targetCache
	buffers   sync.Pool // of *[]byte
}

// sessions is how many TLS sessions are remembered, to resume them.
const sessions = 1024

// New makes a client. It fails where an option cannot be used as given.
func New(o Options) (*Client, error) {
	c := &Client{allowHTTP: o.AllowHTTP, userAgent: o.UserAgent, resolver: o.Resolver}
	if c.userAgent == "" {
		c.userAgent = "Peal"
	}
	if !validValue(c.userAgent) {
		return nil, fmt.Errorf("egress: the user agent %q cannot be a header's value", c.userAgent)
	}
	if c.resolver == nil {
		c.resolver = net.DefaultResolver
	}
	var err error
	if c.guard, err = newGuard(o.AllowCIDRs); err != nil {
		return nil, err
	}
	c.dialer = net.Dialer{Resolver: c.resolver, ControlContext: c.guard.control}
	c.tls = &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            o.RootCAs,
		NextProtos:         []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(sessions),
	}
	c.pool = newPool(c.connect)
	c.buffers.New = func() any { return new([]byte) }
	return c, nil
}

// Close closes idle connections; those in use are closed when they finish.
func (c *Client) Close() { c.pool.close() }

// Request is one request with all of its body.
type Request struct {
	Method string // POST if empty; GET, HEAD, PUT, PATCH and DELETE are the others
	URL    string
	// Header is sent in order. Host, User-Agent, Content-Length and what belongs to
	// the connection are the client's own: see CheckHeader.
	Header []peal.Header
	Body   []byte
	// MaxResponse is how many bytes of the response's body are kept.
	MaxResponse int
}

// Response is the final answer to a request; 1xx answers are skipped.
type Response struct {
	StatusCode int
	Header     http.Header
	Body       []byte // cut at MaxResponse
}

var methods = []string{http.MethodPost, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Do sends a request and reads the answer. The deadline is ctx's, peal.MaxTimeout
// without one, and bounds everything from name resolution to the last byte read.
//
// An error is always an *Error. The response is empty then, unless the answer broke
// off after its headers: the status code is set in that case.
//
// The request is repeated once, on a new connection, where a kept connection turns
// out to be dead before the first byte of an answer. Receivers know such a repeat,
// as any other, by the delivery's id.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, peal.MaxTimeout)
		defer cancel()
	}
	start := time.Now()
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	t, err := c.target(r.URL)
	if err != nil {
		return Response{}, requestError(err)
	}
	buf := c.buffers.Get().(*[]byte)
	defer c.release(buf)
	if *buf, err = appendRequest((*buf)[:0], t, &r); err != nil {
		return Response{}, requestError(err)
	}
	for fresh := false; ; fresh = true {
		cn, err := c.pool.get(ctx, t, fresh)
		if err != nil {
			return Response{}, connectError(ctx, start, t, err)
		}
		res, err := cn.exchange(ctx, *buf, r.Method, r.MaxResponse)
		if err == nil {
			c.pool.put(cn)
			return res, nil
		}
		c.pool.drop(cn)
		if cn.reused && cn.received == 0 && isClosed(err) && ctx.Err() == nil {
			continue
		}
		return res, exchangeError(ctx, start, cn, err)
	}
}

// maxBuffer is the largest request buffer that is kept for reuse, in bytes.
const maxBuffer = 64 << 10

func (c *Client) release(buf *[]byte) {
	if cap(*buf) <= maxBuffer {
		c.buffers.Put(buf)
	}
}

// appendRequest writes the request as it goes over the wire.
func appendRequest(dst []byte, t *target, r *Request) ([]byte, error) {
	if !slices.Contains(methods, r.Method) {
		return dst, peal.Invalid("method", "method %q is not supported", r.Method)
	}
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, t.head...)
	for i := range r.Header {
		h := &r.Header[i]
		if err := CheckHeader(h.Name, h.Value); err != nil {
			return dst, err
		}
		dst = append(dst, h.Name...)
		dst = append(dst, ": "...)
		dst = append(dst, h.Value...)
		dst = append(dst, "\r\n"...)
	}
	if len(r.Body) > 0 || r.Method != http.MethodGet && r.Method != http.MethodHead {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(r.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	return append(dst, r.Body...), nil
}
