package strictjson

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendPython appends what Python 3 prints for src, a text that Compact accepts:
//
//	json.dumps(json.loads(src), separators=(",", ":"), sort_keys=True)
//
// byte for byte: ASCII escapes, keys in code-point order, integers with their
// digits, other numbers as repr(float). The error is an *Error, for a src that
// Compact would not have let through; dst is then returned as it was given.
func AppendPython(dst, src []byte) ([]byte, error) {
	w := python{src: src, dst: dst, members: make([]member, 0, 32)}
	if !w.value(0) || w.pos != len(src) {
		return dst, &Error{w.pos, "not a compact JSON text"}
	}
	return w.dst, nil
}

// AppendPythonString appends the text s as Python's json.dumps prints it.
func AppendPythonString(dst []byte, s string) []byte { return appendPython(dst, s) }

func appendPython[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	run := 0
	for i := 0; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		dst = append(dst, s[run:i]...)
		dst = appendEscape(dst, r)
		i += n
		run = i
	}
	dst = append(dst, s[run:]...)
	return append(dst, '"')
}

// python rewrites a compact text in one walk. Members are written in the order in
// which they stand and put right when their object ends.
type python struct {
	src, dst []byte
	pos      int
	members  []member // of the objects that are open, outermost first
	spare    []byte
}

type member struct {
	name       []byte // unescaped; its byte order is code-point order
	start, end int    // in dst
}

func (w *python) value(depth int) bool {
	if w.pos >= len(w.src) || depth > MaxDepth {
		return false
	}
	switch c := w.src[w.pos]; {
	case c == '{':
		return w.object(depth + 1)
	case c == '[':
		return w.array(depth + 1)
	case c == '"':
		_, ok := w.str()
		return ok
	case c == '-' || isDigit(c):
		return w.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(w.src[w.pos:], []byte(word)) {
			w.dst = append(w.dst, word...)
			w.pos += len(word)
			return true
		}
	}
	return false
}

// take consumes c if it comes next; what separates tokens is copied.
func (w *python) take(c byte) bool {
	if w.pos >= len(w.src) || w.src[w.pos] != c {
		return false
	}
	w.dst = append(w.dst, c)
	w.pos++
	return true
}

func (w *python) array(depth int) bool {
	w.take('[')
	if w.take(']') {
		return true
	}
	for {
		if !w.value(depth) {
			return false
		}
		if !w.take(',') {
			return w.take(']')
		}
	}
}

func (w *python) object(depth int) bool {
	w.take('{')
	if w.take('}') {
		return true
	}
	base := len(w.members)
	for {
		m := member{start: len(w.dst)}
		var ok bool
		if m.name, ok = w.str(); !ok || !w.take(':') {
			return false
		}
		w.members = append(w.members, m)
		if !w.value(depth) {
			return false
		}
		w.members[len(w.members)-1].end = len(w.dst)
		if !w.take(',') {
			break
		}
	}
	w.sort(w.members[base:])
	w.members = w.members[:base]
	return w.take('}')
}

// sort puts members that end at the end of dst into order.
func (w *python) sort(members []member) {
	byName := func(a, b member) int { return bytes.Compare(a.name, b.name) }
	if slices.IsSortedFunc(members, byName) {
		return
	}
	start := members[0].start
	slices.SortFunc(members, byName)
	w.spare = append(w.spare[:0], w.dst[start:]...)
	w.dst = w.dst[:start]
	for i, m := range members {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		w.dst = append(w.dst, w.spare[m.start-start:m.end-start]...)
	}
}

// str rewrites the string at pos and gives its text.
func (w *python) str() ([]byte, bool) {
	if w.pos >= len(w.src) || w.src[w.pos] != '"' {
		return nil, false
	}
	end := skipString(w.src, w.pos)
	if end < w.pos+2 || w.src[end-1] != '"' {
		return nil, false
	}
	s := w.src[w.pos+1 : end-1]
	if bytes.IndexByte(s, '\\') >= 0 {
		s = appendUnescaped(nil, s)
	}
	w.dst = appendPython(w.dst, s)
	w.pos = end
	return s, true
}

func (w *python) number() bool {
	n, isInt, ok := scanNumber(w.src[w.pos:])
	if !ok {
		return false
	}
	num := w.src[w.pos : w.pos+n]
	w.pos += n
	switch {
	case isInt && string(num) == "-0":
		w.dst = append(w.dst, '0')
	case isInt:
		w.dst = append(w.dst, num...)
	default:
		f, err := strconv.ParseFloat(string(num), 64)
		if err != nil {
			return false
		}
		w.dst = appendRepr(w.dst, f)
	}
	return true
}

// appendRepr appends Python's repr of a finite float: the shortest digits that
// read back as f, with an exponent where it is below -4 or above 15.
func appendRepr(dst []byte, f float64) []byte {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, '.', '0')
	}
	return dst
}
