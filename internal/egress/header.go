package egress

import "github.com/peal-dev/peal/internal/peal"

// CheckHeader reports why a header may not be added to a request: its name is no
// token, its value would break the line, or it is the client's own to write.
func CheckHeader(name, value string) error {
	var lower [peal.MaxHeaderName]byte
	if name == "" || len(name) > peal.MaxHeaderName {
		return peal.Invalid("headers", "a header's name must have 1 to %d characters", peal.MaxHeaderName)
	}
	for i := range len(name) {
		b := name[i]
		if !tokenByte(b) {
			return peal.Invalid("headers", "header %q: a name may hold letters, digits and -_.!#$%%&'*+^`|~ only", name)
		}
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		lower[i] = b
	}
	if peal.TransportHeader(string(lower[:len(name)])) {
		return peal.Invalid("headers", "header %s is set by the server and cannot be chosen", name)
	}
	if len(value) > peal.MaxHeaderValue || !validValue(value) {
		return peal.Invalid("headers", "header %s: a value must be at most %d bytes on one line", name, peal.MaxHeaderValue)
	}
	return nil
}

// tokenByte tells whether b may stand in a header's name (RFC 9110, 5.6.2).
func tokenByte(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		return true
	}
	switch b {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

// validValue tells whether s holds no control character but tabs (RFC 9110, 5.5).
func validValue(s string) bool {
	for i := range len(s) {
		if b := s[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}
