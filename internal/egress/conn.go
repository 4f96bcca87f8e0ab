package egress

import (
	"bufio"
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is one connection, used by one exchange at a time.
type conn struct {
	key hostKey
	net net.Conn // the socket, or TLS over it
	// socket is always the socket: closing it never blocks, while TLS would still try
	// to say goodbye.
	socket net.Conn
	raw    syscall.RawConn
	in     *bufio.Reader
	// allowance is how many bytes may be read before headers count as endless, and
	// received how many came since the request was sent.
	allowance, received int
	interrupt           func()

	reusable bool // the last exchange left nothing behind
	reused   bool
	// The pool's:
	idleSince time.Time
	place     *list.Element
}

// connect dials a target's address and, for https, does the handshake.
func (c *Client) connect(ctx context.Context, t *target) (*conn, error) {
	socket, err := c.dialer.DialContext(ctx, "tcp", t.key.address)
	if err != nil {
		return nil, err
	}
	cn := &conn{key: t.key, net: socket, socket: socket}
	if cn.raw, err = socket.(syscall.Conn).SyscallConn(); err != nil {
		cn.close()
		return nil, err
	}
	if t.key.tls {
		config := c.tls.Clone()
		config.ServerName = t.host()
		secure := tls.Client(socket, config)
		cn.net = secure
		if err := secure.HandshakeContext(ctx); err != nil {
			cn.close()
			return nil, &handshakeError{err}
		}
	}
	cn.in = bufio.NewReader(cn)
	cn.interrupt = func() { _ = cn.net.SetDeadline(time.Unix(1, 0)) }
	return cn, nil
}

// handshakeError tells a failed handshake from a failed dial.
type handshakeError struct{ error }

func (e *handshakeError) Unwrap() error { return e.error }

func (c *conn) close() { _ = c.socket.Close() }

// errEndless is what reading fails with where headers exceed their allowance.
var errEndless = errors.New("egress: headers without end")

// Read counts what comes in for the buffered reader.
func (c *conn) Read(p []byte) (int, error) {
	if c.allowance <= 0 {
		return 0, errEndless
	}
	n, err := c.net.Read(p[:min(len(p), c.allowance)])
	c.allowance -= n
	c.received += n
	return n, err
}

// exchange sends a request and reads the answer, within ctx's deadline.
func (c *conn) exchange(ctx context.Context, request []byte, method string, keep int) (Response, error) {
	c.reusable, c.received = false, 0
	deadline, _ := ctx.Deadline()
	if err := c.net.SetDeadline(deadline); err != nil {
		return Response{}, err
	}
	stop := context.AfterFunc(ctx, c.interrupt)
	_, sent := c.net.Write(request)
	if errors.Is(sent, os.ErrDeadlineExceeded) {
		stop()
		return Response{}, sent
	}
	// A receiver may refuse a request before it has read all of it, so that an answer
	// can wait behind a broken write.
	res, clean, err := c.readResponse(method, keep, deadline)
	if err != nil && sent != nil && c.received == 0 {
		err = sent
	}
	// Where stop comes too late, the interrupt may still hit the next exchange.
	c.reusable = stop() && err == nil && sent == nil && clean && c.in.Buffered() == 0
	return res, err
}

// isClosed tells whether an error says that the other side closed the connection.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}
