package egress

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// errRefused is what a connection to an address that may not be reached fails with.
var errRefused = errors.New("egress: the address may not be reached")

// guard decides which addresses may be reached. The registry of special-purpose
// addresses is ssrf's: it denies all of IPv6 but global unicast, and in there the
// tunnels that embed an IPv4 address.
type guard struct {
	special *ssrf.Guardian
	allow   []netip.Prefix
}

// The metadata services that answer on an address outside of the special ranges.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's host agent
}

func newGuard(allow []netip.Prefix) (guard, error) {
	g := guard{special: ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(metadata...))}
	for _, p := range allow {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if !p.IsValid() {
			return guard{}, fmt.Errorf("egress: %v is not a valid address range", p)
		}
		g.allow = append(g.allow, p.Masked())
	}
	return g, nil
}

// permits tells whether an address may be reached. An IPv4-mapped IPv6 address is
// the IPv4 address to the kernel, and so it is here.
func (g *guard) permits(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, p := range g.allow {
		if p.Contains(addr) {
			return true
		}
	}
	return g.special.SafeAddr(addr) == nil
}

// control is the dialer's last word before connect, when the address is final.
func (g *guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || !g.permits(ap.Addr()) {
		return errRefused
	}
	return nil
}
