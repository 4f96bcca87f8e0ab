package egress

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// resolveTimeout bounds the lookup of a name at create.
const resolveTimeout = 3 * time.Second

// CheckURL reports, as a *peal.Error for the field "url", why nothing can be sent to
// a URL: it is malformed, not https, or leads to an internal address.
//
// A name that does not resolve (yet) is accepted: endpoints are made before their
// DNS, and every connection is checked again. A name that is internal by its form
// (localhost, one label, .local, .internal, .home.arpa) is refused unless ranges
// are allowed that it may stand for.
func (c *Client) CheckURL(ctx context.Context, raw string) error {
	t, err := c.parseTarget(raw)
	if err != nil {
		return err
	}
	return c.checkTarget(ctx, t, "url")
}

// checkTarget reports why a target that was parsed may not be reached.
func (c *Client) checkTarget(ctx context.Context, t *target, field string) error {
	refused := peal.Invalid(field, "%s leads to an internal or reserved address (the operator can permit ranges with --allow-cidr)", field)
	switch {
	case t.name == "":
		if !c.guard.permits(t.addr) {
			return refused
		}
		return nil
	case isLocalhost(t.name):
		// By RFC 6761 the name means loopback whatever a resolver says.
		if !c.guard.permits(netip.AddrFrom4([4]byte{127, 0, 0, 1})) && !c.guard.permits(netip.IPv6Loopback()) {
			return refused
		}
		return nil
	case isInternal(t.name) && len(c.guard.allow) == 0:
		return refused
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addrs, err := c.resolver.LookupNetIP(ctx, "ip", t.name)
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if !c.guard.permits(a) {
			return refused
		}
	}
	return nil
}

func isLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// isInternal tells whether a name has no meaning outside of one network.
func isInternal(name string) bool {
	if !strings.Contains(name, ".") {
		return true
	}
	for _, zone := range []string{".local", ".internal", ".home.arpa"} {
		if strings.HasSuffix(name, zone) {
			return true
		}
	}
	return false
}
