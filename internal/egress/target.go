package egress

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/peal-dev/peal/internal/peal"
)

// maxURL is the longest URL that is taken, in bytes.
const maxURL = 2048

// target is a URL, parsed and ready to be sent to.
type target struct {
	key  hostKey
	name string // empty where the host is an address
	addr netip.Addr
	// head is the request's start behind the method: path, version, Host, User-Agent.
	head string
}

// hostKey names what a connection leads to.
type hostKey struct {
	tls     bool
	address string // host:port
}

// host is the target's name or address, for messages and for TLS.
func (t *target) host() string {
	if t.name != "" {
		return t.name
	}
	return t.addr.String()
}

// targetCache keeps parsed URLs. Endpoints come and go, so it is emptied when full.
type targetCache struct {
	mu     sync.RWMutex
	byText map[string]*target
}

const maxTargets = 4096

// target parses a URL, or finds it parsed.
func (c *Client) target(raw string) (*target, error) {
	c.targets.mu.RLock()
	t := c.targets.byText[raw]
	c.targets.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	t, err := c.parseTarget(raw)
	if err != nil {
		return nil, err
	}
	c.targets.mu.Lock()
	defer c.targets.mu.Unlock()
	if c.targets.byText == nil || len(c.targets.byText) >= maxTargets {
		c.targets.byText = make(map[string]*target)
	}
	c.targets.byText[raw] = t
	return t, nil
}

// parseTarget checks everything about a URL that can be known without the network.
func (c *Client) parseTarget(raw string) (*target, error) {
	if raw == "" {
		return nil, peal.Invalid("url", "url is required")
	}
	if len(raw) > maxURL {
		return nil, peal.Invalid("url", "url must be at most %d characters", maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		if c.allowHTTP {
			return nil, peal.Invalid("url", "url must be an absolute http:// or https:// URL")
		}
		return nil, peal.Invalid("url", "url must be an absolute https:// URL")
	}
	switch {
	case u.Scheme == "http" && !c.allowHTTP:
		return nil, peal.Invalid("url", "url must start with https:// (the operator can permit http:// with --allow-http)")
	case u.User != nil:
		return nil, peal.Invalid("url", "url must not hold a user name or password: put credentials into headers")
	case strings.Contains(raw, "#"):
		return nil, peal.Invalid("url", "url must not have a fragment (#…)")
	}
	t := &target{key: hostKey{tls: u.Scheme == "https"}}
	var ok bool
	if t.name, t.addr, ok = parseHost(u.Hostname()); !ok {
		return nil, peal.Invalid("url", "url's host is neither a name nor an address (names in other scripts are written in punycode, xn--…)")
	}
	port, standard := u.Port(), "80"
	if t.key.tls {
		standard = "443"
	}
	if port == "" {
		port = standard
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return nil, peal.Invalid("url", "url's port must be between 1 and 65535")
	}
	port = strconv.FormatUint(n, 10)
	t.key.address = net.JoinHostPort(t.host(), port)
	header := t.key.address
	if port == standard {
		header = strings.TrimSuffix(header, ":"+port)
	}
	t.head = Escape(u.RequestURI()) + " HTTP/1.1\r\nHost: " + header + "\r\nUser-Agent: " + c.userAgent + "\r\n"
	return t, nil
}

// Escape percent-encodes what may not stand in a request line; url keeps a query
// as it was written.
func Escape(uri string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(uri) {
		if ch := uri[i]; ch <= ' ' || ch >= 0x7f {
			b.WriteByte('%')
			b.WriteByte(hex[ch>>4])
			b.WriteByte(hex[ch&15])
		} else {
			b.WriteByte(ch)
		}
	}
	return b.String()
}
