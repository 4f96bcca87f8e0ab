package peal

import "unicode/utf8"

// Clip shortens s to at most n bytes for a message, between two runes, and marks the
// cut.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// Printable tells whether s holds neither control characters nor broken UTF-8, which
// would end up in headers and log lines.
func Printable(s string) bool {
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}

// clipLen is how much of a bad value an error repeats.
const clipLen = 64
