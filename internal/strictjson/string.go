package strictjson

import (
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// escapeLen is the length of the escape that s begins with, a surrogate pair
// being one; 0 if it is none.
func escapeLen(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r, ok := hex4(s)
		switch {
		case !ok || r >= 0xdc00 && r < 0xe000:
			return 0
		case r < 0xd800 || r >= 0xe000:
			return 6
		}
		if low, ok := hex4(s[6:]); ok && low >= 0xdc00 && low < 0xe000 {
			return 12
		}
	}
	return 0
}

// hex4 reads \uXXXX at the start of s.
func hex4(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape reads the escape that s begins with, which must be a checked one.
func unescape(s []byte) (r rune, size int) {
	switch s[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, _ = hex4(s)
		if utf16.IsSurrogate(r) {
			low, _ := hex4(s[6:])
			return utf16.DecodeRune(r, low), 12
		}
		return r, 6
	}
	return rune(s[1]), 2
}

// appendUnescaped appends the text of a checked string, given without its quotes.
func appendUnescaped(dst, s []byte) []byte {
	run := 0
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			i++
			continue
		}
		dst = append(dst, s[run:i]...)
		r, n := unescape(s[i:])
		dst = utf8.AppendRune(dst, r)
		i += n
		run = i
	}
	return append(dst, s[run:]...)
}

// String gives the text of a string that Compact accepted; ok is false if value
// is something else.
func String(value []byte) (s string, ok bool) {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' || skipString(value, 0) != len(value) {
		return "", false
	}
	return text(value[1 : len(value)-1]), true
}

func text(s []byte) string {
	for _, c := range s {
		if c == '\\' {
			return string(appendUnescaped(nil, s))
		}
	}
	return string(s)
}

// AppendString appends s as a JSON string that escapes only what it must. Invalid
// UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	run := 0
	for i := 0; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r >= 0x7f && (r != utf8.RuneError || n > 1) {
			i += n
			continue
		}
		dst = append(dst, s[run:i]...)
		if r == utf8.RuneError {
			dst = utf8.AppendRune(dst, r)
		} else {
			dst = appendEscape(dst, r)
		}
		i += n
		run = i
	}
	dst = append(dst, s[run:]...)
	return append(dst, '"')
}

// appendEscape writes a character as the shortest escape that it has.
func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		dst = appendEscape(dst, high)
		r = low
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
