package egress

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"
)

// Limits on what a receiver may answer.
const (
	// maxHeader is for the headers of all answers to a request, 1xx ones included.
	maxHeader  = 64 << 10
	maxInterim = 5
	// A body is read past what is kept only to use the connection again, and only
	// where that is cheaper than a new one.
	maxDrain  = 64 << 10
	drainTime = 100 * time.Millisecond
)

// errProtocol is the answer that is not HTTP/1.x.
var errProtocol = errors.New("egress: malformed answer")

// readResponse reads the final answer and keeps the start of its body. It is clean
// where the body was read to its end and the connection may go on. An error that
// comes with a status code befell the body.
func (c *conn) readResponse(method string, keep int, deadline time.Time) (res Response, clean bool, err error) {
	c.allowance = maxHeader
	r, err := c.readHead(method) //nolint:bodyclose // Close would read on; the connection itself is closed or drained
	if err != nil {
		return Response{}, false, err
	}
	c.allowance = math.MaxInt
	res = Response{StatusCode: r.StatusCode, Header: r.Header}
	if r.Body == http.NoBody {
		return res, !r.Close, nil
	}
	ended := false
	res.Body, ended, err = readBody(r, keep)
	if err != nil || r.Close {
		return res, false, err
	}
	if ended {
		return res, true, nil
	}
	return res, c.drain(r, int64(len(res.Body)), deadline), nil
}

// readHead reads up to the headers of the final answer.
func (c *conn) readHead(method string) (*http.Response, error) {
	var req *http.Request // nil reads as for GET, whose answers are framed as POST's are
	if method == http.MethodHead {
		req = &http.Request{Method: method}
	}
	for range maxInterim + 1 {
		r, err := http.ReadResponse(c.in, req)
		switch {
		case err != nil && c.allowance <= 0:
			return nil, errEndless // whatever the cut made of the last line
		case err != nil && (isClosed(err) || isTimeout(err)):
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errProtocol, err)
		case r.ProtoMajor != 1 || r.StatusCode < 100 || r.StatusCode == http.StatusSwitchingProtocols:
			return nil, errProtocol
		case r.StatusCode >= 200:
			return r, nil
		}
	}
	return nil, errProtocol
}

// readBody reads up to keep bytes and tells whether the body ended with them.
func readBody(r *http.Response, keep int) (body []byte, ended bool, err error) {
	if r.ContentLength >= 0 {
		body = make([]byte, min(r.ContentLength, int64(keep)))
		n, err := io.ReadFull(r.Body, body)
		return body[:n], int64(n) == r.ContentLength, err
	}
	limited := io.LimitedReader{R: r.Body, N: int64(keep)}
	body, err = io.ReadAll(&limited)
	if len(r.TransferEncoding) == 0 && errors.Is(err, io.ErrUnexpectedEOF) {
		// The end of the connection is the end of the body; TLS misses its goodbye.
		err = nil
	}
	return body, limited.N > 0, err
}

// drain reads the rest of a body, where it is short and there already, and tells
// whether it reached the end.
func (c *conn) drain(r *http.Response, have int64, deadline time.Time) bool {
	if r.ContentLength-have > maxDrain {
		return false
	}
	if soon := time.Now().Add(drainTime); deadline.IsZero() || soon.Before(deadline) {
		if err := c.net.SetDeadline(soon); err != nil {
			return false
		}
	}
	n, err := io.CopyN(io.Discard, r.Body, maxDrain+1)
	return n <= maxDrain && errors.Is(err, io.EOF)
}
