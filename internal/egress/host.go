package egress

import (
	"net/netip"
	"strconv"
	"strings"
)

// parseHost reads a URL's host as the program behind it may: as a name in lower
// case, or as an address, odd spellings included (2130706433, 0x7f.1, 0177.0.0.1,
// 127.1, a final dot). What reads as neither is not ok. Only ASCII is taken:
// full-width digits and dots turn into addresses in some programs and not in others.
func parseHost(s string) (name string, addr netip.Addr, ok bool) {
	if strings.Contains(s, ":") {
		addr, err := netip.ParseAddr(s)
		// A zone names an interface of this machine; nothing public needs one.
		return "", addr.Unmap(), err == nil && addr.Zone() == ""
	}
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if s == "" || len(s) > 253 {
		return "", netip.Addr{}, false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if !validLabel(l) {
			return "", netip.Addr{}, false
		}
	}
	if !numeric(labels[len(labels)-1]) {
		return s, netip.Addr{}, true
	}
	addr, ok = parseIPv4(labels)
	return "", addr, ok
}

func validLabel(l string) bool {
	if l == "" || len(l) > 63 {
		return false
	}
	for i := range len(l) {
		switch b := l[i]; {
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '-', b == '_':
		default:
			return false
		}
	}
	return true
}

// numeric tells whether a host that ends in this label is an address and can be no
// name, by the rule of the URL standard (https://url.spec.whatwg.org/#ends-in-a-number-checker).
func numeric(label string) bool {
	if strings.Trim(label, "0123456789") == "" {
		return true
	}
	_, ok := parsePart(label)
	return ok
}

// parseIPv4 reads one to four numbers, the last of which fills the bytes that the
// others leave, as inet_aton does.
func parseIPv4(parts []string) (netip.Addr, bool) {
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var ip uint64
	for i, part := range parts {
		n, ok := parsePart(part)
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		if !ok || n>>bits != 0 {
			return netip.Addr{}, false
		}
		ip = ip<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), true
}

// parsePart reads a number that is hexadecimal after 0x, octal after 0, else decimal.
func parsePart(s string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(s, "0x"):
		s, base = s[2:], 16
		if s == "" {
			return 0, true // as the URL standard and browsers have it
		}
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil
}
