package peal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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

// Readable makes s fit for a message to people: line ends are \n, other control
// characters are spaces, broken UTF-8 is marked, and what would reorder the text
// around it is left out.
func Readable(s string) string {
	if strings.IndexFunc(s, unreadable) < 0 && utf8.ValidString(s) {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return '\n'
		case reorders(r):
			return -1
		case unreadable(r):
			return ' '
		}
		return r
	}, s)
}

// ReadableLine is Readable on one line.
func ReadableLine(s string) string {
	s = Readable(s)
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

func unreadable(r rune) bool {
	return r < 0x20 && r != '\n' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u2029' || reorders(r)
}

// reorders tells whether r embeds, overrides or isolates a direction of writing
// (Unicode's bidirectional algorithm) beyond the text that holds it.
func reorders(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// Visible tells whether there is anything in s that people can see.
func Visible(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.M, r) }) >= 0
}
