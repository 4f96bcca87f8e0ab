package strictjson

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// Limits of what Compact accepts.
const (
	MaxDepth     = 128  // arrays and objects inside each other
	MaxIntDigits = 4300 // digits of an integer, where Python's int() stops too
)

// Error says where a text is refused and why. Its message quotes nothing of the
// text, so it is safe to show and to log.
type Error struct {
	Offset int // bytes before the place
	Msg    string
}

func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.Msg, e.Offset) }

// Compact checks src, one JSON value, and appends it to dst without the space
// between tokens. Strings and numbers keep their spelling. dst and src must not
// overlap. The error is an *Error, and dst is then returned as it was given.
//
// Refused beside bad grammar: invalid UTF-8, keys that are equal once unescaped,
// escaped lone surrogates, floats beyond double range, integers of more than
// MaxIntDigits digits, and nesting deeper than MaxDepth.
func Compact(dst, src []byte) ([]byte, error) {
	p := parsers.Get().(*parser)
	out, err := p.compact(dst, src)
	*p = parser{keys: p.keys[:0]}
	parsers.Put(p)
	return out, err
}

// parsers keeps the memory in which keys are noted.
var parsers = sync.Pool{New: func() any { return &parser{keys: make([]key, 0, 64)} }}

func (p *parser) compact(dst, src []byte) ([]byte, error) {
	p.src, p.dst = src, slices.Grow(dst, len(src))
	if err := p.value(0); err != nil {
		return dst, err
	}
	if p.next(); p.pos < len(src) {
		return dst, p.fail("data after the value")
	}
	return append(p.dst, src[p.run:]...), nil
}

// parser walks src once. What has been read but not written is src[run:pos], so
// that a text without space is copied in one piece.
type parser struct {
	src, dst []byte
	pos, run int
	keys     []key // of the objects that are open, outermost first
}

// key is a member's name: a hash of the unescaped name and where it stands in src.
type key struct {
	hash       uint64
	start, end int
}

// Above this many keys an object's hashes go into a map, which keeps huge objects linear.
const smallObject = 24

// The hash is seeded, so that no sender can prepare keys that collide.
var seed = maphash.MakeSeed()

func (p *parser) fail(msg string) error { return &Error{p.pos, msg} }

// unexpected is the error for the byte at pos.
func (p *parser) unexpected() error {
	if p.pos >= len(p.src) {
		return p.fail("unexpected end")
	}
	return p.fail("unexpected character")
}

// space skips white space and writes what stood before it.
func (p *parser) space() {
	i := p.pos
	for i < len(p.src) && (p.src[i] == ' ' || p.src[i] == '\n' || p.src[i] == '\t' || p.src[i] == '\r') {
		i++
	}
	if i > p.pos {
		p.dst = append(p.dst, p.src[p.run:p.pos]...)
		p.pos, p.run = i, i
	}
}

// next skips white space and gives the byte behind it, 0 at the end.
func (p *parser) next() byte {
	if p.pos < len(p.src) && p.src[p.pos] <= ' ' {
		p.space()
	}
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) value(depth int) error {
	switch c := p.next(); c {
	case '"':
		_, err := p.str()
		return err
	case '{':
		return p.object(depth + 1)
	case '[':
		return p.array(depth + 1)
	case 't':
		return p.literal("true")
	case 'f':
		return p.literal("false")
	case 'n':
		return p.literal("null")
	default:
		if c == '-' || isDigit(c) {
			return p.number()
		}
		return p.unexpected()
	}
}

func (p *parser) literal(word string) error {
	for i := range len(word) {
		if p.pos >= len(p.src) || p.src[p.pos] != word[i] {
			return p.unexpected()
		}
		p.pos++
	}
	return nil
}

func (p *parser) array(depth int) error {
	if depth > MaxDepth {
		return p.fail("nesting is too deep")
	}
	p.pos++
	if p.next() == ']' {
		p.pos++
		return nil
	}
	for {
		if err := p.value(depth); err != nil {
			return err
		}
		switch p.next() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return nil
		default:
			return p.unexpected()
		}
	}
}

func (p *parser) object(depth int) error {
	if depth > MaxDepth {
		return p.fail("nesting is too deep")
	}
	p.pos++
	if p.next() == '}' {
		p.pos++
		return nil
	}
	base := len(p.keys)
	var seen map[uint64]struct{}
	for {
		if p.next() != '"' {
			return p.unexpected()
		}
		start := p.pos
		escaped, err := p.str()
		if err != nil {
			return err
		}
		if seen, err = p.addKey(base, seen, start, escaped); err != nil {
			return err
		}
		if p.next() != ':' {
			return p.unexpected()
		}
		p.pos++
		if err := p.value(depth); err != nil {
			return err
		}
		switch p.next() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			p.keys = p.keys[:base]
			return nil
		default:
			return p.unexpected()
		}
	}
}

// addKey notes the key at src[start:pos] and refuses it if the object, whose keys
// begin at base, has it already.
func (p *parser) addKey(base int, seen map[uint64]struct{}, start int, escaped bool) (map[uint64]struct{}, error) {
	k := key{start: start + 1, end: p.pos - 1}
	name := p.src[k.start:k.end]
	if escaped {
		name = appendUnescaped(nil, name)
	}
	k.hash = maphash.Bytes(seed, name)
	own := p.keys[base:]
	if len(own) == smallObject {
		seen = make(map[uint64]struct{}, 4*smallObject)
		for _, o := range own {
			seen[o.hash] = struct{}{}
		}
	}
	suspect := true
	if seen != nil {
		_, suspect = seen[k.hash]
		seen[k.hash] = struct{}{}
	}
	if suspect {
		for _, o := range own {
			if o.hash == k.hash && bytes.Equal(appendUnescaped(nil, p.src[o.start:o.end]), name) {
				return nil, &Error{start, "duplicate key"}
			}
		}
	}
	p.keys = append(p.keys, k)
	return seen, nil
}

// plain marks the bytes of a string that need no look: printable ASCII without
// quote and backslash.
var plain = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// str reads the string that begins at pos and tells whether it holds escapes.
func (p *parser) str() (escaped bool, err error) {
	src, i := p.src, p.pos+1
	for {
		for i < len(src) && plain[src[i]] {
			i++
		}
		if i >= len(src) {
			p.pos = i
			return false, p.unexpected()
		}
		switch c := src[i]; {
		case c == '"':
			p.pos = i + 1
			return escaped, nil
		case c == '\\':
			n := escapeLen(src[i:])
			if n == 0 {
				p.pos = i
				return false, p.fail("bad escape")
			}
			escaped = true
			i += n
		case c < ' ':
			p.pos = i
			return false, p.fail("control character in a string")
		default:
			r, n := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && n == 1 {
				p.pos = i
				return false, p.fail("invalid UTF-8")
			}
			i += n
		}
	}
}

// number reads RFC 8259's number at pos.
func (p *parser) number() error {
	end, isInt, ok := scanNumber(p.src[p.pos:])
	if !ok {
		p.pos += end
		return p.unexpected()
	}
	if msg := checkRange(p.src[p.pos:p.pos+end], isInt); msg != "" {
		return p.fail(msg)
	}
	p.pos += end
	return nil
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// scanNumber gives the length of the number that s begins with, and whether it
// has neither fraction nor exponent. Where it is none, the length is that of the
// part that could begin one.
func scanNumber(s []byte) (n int, isInt, ok bool) {
	digits := func() bool {
		from := n
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		return n > from
	}
	if n < len(s) && s[n] == '-' {
		n++
	}
	if n < len(s) && s[n] == '0' {
		n++
	} else if !digits() {
		return n, false, false
	}
	isInt = true
	if n < len(s) && s[n] == '.' {
		isInt = false
		n++
		if !digits() {
			return n, false, false
		}
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		isInt = false
		n++
		if n < len(s) && (s[n] == '+' || s[n] == '-') {
			n++
		}
		if !digits() {
			return n, false, false
		}
	}
	return n, isInt, true
}

// checkRange says what is wrong with the size of a number, nothing if it fits.
func checkRange(num []byte, isInt bool) string {
	if isInt {
		if len(num) > MaxIntDigits && len(num)-neg(num) > MaxIntDigits {
			return "integer with too many digits"
		}
		return ""
	}
	// Most floats are too short to overflow: no exponent, or one of two digits.
	e := slices.IndexFunc(num, func(c byte) bool { return c|0x20 == 'e' })
	if e < 0 && len(num) < 300 || e >= 0 && e < 200 && len(num)-e <= 3 {
		return ""
	}
	if _, err := strconv.ParseFloat(string(num), 64); err != nil {
		return "number beyond double range"
	}
	return ""
}

func neg(num []byte) int {
	if num[0] == '-' {
		return 1
	}
	return 0
}

// IsNumber tells whether s is, by itself, a number that Compact accepts.
func IsNumber(s string) bool {
	if s == "" || s[0] != '-' && !isDigit(s[0]) {
		return false
	}
	n, isInt, ok := scanNumber([]byte(s))
	return ok && n == len(s) && checkRange([]byte(s), isInt) == ""
}
