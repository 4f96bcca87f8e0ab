package egress

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Stream is a guarded connection for a protocol other than HTTP.
type Stream struct {
	net.Conn
	client *Client
	target *target
	start  time.Time
	left   int
}

// Dial connects to a host, a name or an address, and a port. At most maxRead bytes can be
// read. The deadline is ctx's and bounds all that is read and written. An error is an
// *Error.
func (c *Client) Dial(ctx context.Context, host string, port, maxRead int) (*Stream, error) {
	start := time.Now()
	t, err := hostTarget(host, port)
	if err != nil {
		return nil, requestError(err)
	}
	socket, err := c.dialer.DialContext(ctx, "tcp", t.key.address)
	if err != nil {
		return nil, connectError(ctx, start, t, err)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = start.Add(peal.MaxTimeout)
	}
	if err := socket.SetDeadline(deadline); err != nil {
		_ = socket.Close()
		return nil, connectError(ctx, start, t, err)
	}
	return &Stream{Conn: socket, client: c, target: t, start: start, left: maxRead}, nil
}

// Read reads until the allowance is used up.
func (s *Stream) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := s.Conn.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// TLSConfig is the configuration for TLS over the stream; the server must be the host that
// was dialed.
func (s *Stream) TLSConfig() *tls.Config {
	config := s.client.tls.Clone()
	config.ServerName, config.NextProtos = s.target.host(), nil
	return config
}

// Loopback tells whether the other side is this machine.
func (s *Stream) Loopback() bool {
	addr, err := netip.ParseAddrPort(s.RemoteAddr().String())
	return err == nil && addr.Addr().Unmap().IsLoopback()
}

// HandshakeError explains why TLS over the stream could not be begun.
func (s *Stream) HandshakeError(ctx context.Context, err error) *Error {
	return connectError(ctx, s.start, s.target, &handshakeError{err})
}

// CheckHost is CheckURL for what Dial connects to, without names of fields in its words.
func (c *Client) CheckHost(ctx context.Context, host string, port int) error {
	t, err := hostTarget(host, port)
	if err != nil {
		return err
	}
	return c.checkTarget(ctx, t, "host")
}

func hostTarget(host string, port int) (*target, error) {
	t := &target{}
	var ok bool
	if t.name, t.addr, ok = parseHost(host); !ok {
		return nil, peal.Invalid("host", "host is neither a name nor an address (names in other scripts are written in punycode, xn--…)")
	}
	if port < 1 || port > 65535 {
		return nil, peal.Invalid("port", "port must be between 1 and 65535")
	}
	t.key.address = net.JoinHostPort(t.host(), strconv.Itoa(port))
	return t, nil
}
