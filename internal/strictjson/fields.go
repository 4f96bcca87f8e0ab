package strictjson

import "bytes"

// Fields calls f for each member of obj in order, the key unescaped and the value
// a part of obj. obj must come from Compact; anything but an object is an *Error.
// An error of f ends the walk and is returned as it is.
func Fields(obj []byte, f func(key string, value []byte) error) error {
	if len(obj) < 2 || obj[0] != '{' || obj[len(obj)-1] != '}' {
		return &Error{0, "not an object"}
	}
	for i := 1; i < len(obj)-1; i++ {
		colon := skip(obj, i)
		if colon < i+2 || colon >= len(obj)-1 || obj[i] != '"' || obj[colon] != ':' {
			return &Error{i, "not a compact object"}
		}
		end := skip(obj, colon+1)
		if end == colon+1 || end >= len(obj) || obj[end] != ',' && obj[end] != '}' {
			return &Error{colon, "not a compact object"}
		}
		if err := f(text(obj[i+1:colon-1]), obj[colon+1:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// skip gives the end of the value of a compact text that begins at i.
func skip(s []byte, i int) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			i = skipString(s, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// skipString gives the end of the string that begins at i.
func skipString(s []byte, i int) int {
	for i++; i < len(s); i++ {
		n := bytes.IndexByte(s[i:], '"')
		if n < 0 {
			return len(s)
		}
		i += n
		back := i
		for s[back-1] == '\\' {
			back--
		}
		if (i-back)%2 == 0 {
			return i + 1
		}
	}
	return len(s)
}
