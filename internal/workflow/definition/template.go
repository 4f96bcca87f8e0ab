package definition

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/peal-dev/peal/internal/strictjson"
)

// MaxRendered is how long a rendered text may get, in bytes.
const MaxRendered = 256 << 10

// maxMade is how much memory the templates of a value may take together, in bytes: a short
// definition can name a long text often.
const maxMade = 4 << 20

// room is what is left of maxMade.
type room int

func (r *room) take(n int) error {
	if *r -= room(n); *r < 0 {
		return errTooMuch
	}
	return nil
}

var errTooMuch = fmt.Errorf("the templates make more than %d MiB", maxMade>>20)

// Scope is what templates and conditions see: a value for each root.
type Scope map[string]any

// template is a text with expressions in it.
type template struct {
	parts []part
}

// part is a piece of text, or an expression.
type part struct {
	text string
	expr *expression
}

// expression is a path with filters behind it.
type expression struct {
	text    string // as it was written
	path    []string
	filters []call
}

type call struct {
	filter modifier
	args   []any
}

// syntaxError is a fault at a place in a template's text.
type syntaxError struct {
	offset int
	msg    string
}

func (e *syntaxError) Error() string { return e.msg }

// parseTemplate reads a text. One without expressions is a template too.
func parseTemplate(text string) (*template, error) {
	t := &template{}
	for rest := text; rest != ""; {
		before, inner, found := strings.Cut(rest, "{{")
		if before != "" {
			t.parts = append(t.parts, part{text: before})
		}
		if !found {
			break
		}
		offset := len(text) - len(inner)
		end := closing(inner)
		if end < 0 {
			return nil, &syntaxError{offset - 2, "{{ without }}"}
		}
		p := &exprParser{src: inner[:end]}
		expr, err := p.expression()
		if err != nil {
			return nil, &syntaxError{offset + p.pos, err.Error()}
		}
		t.parts = append(t.parts, part{expr: expr})
		rest = inner[end+2:]
	}
	return t, nil
}

// closing finds the }} that ends an expression, not one inside of quotes.
func closing(s string) int {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			switch c {
			case '\\':
				i++
			case quote:
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case strings.HasPrefix(s[i:], "}}"):
			return i
		}
	}
	return -1
}

// single is the template's expression where it is nothing else.
func (t *template) single() *expression {
	if len(t.parts) == 1 {
		return t.parts[0].expr
	}
	return nil
}

// constant tells whether the text is the same in every scope.
func (t *template) constant() bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool { return p.expr != nil })
}

// render gives the text, or, of one expression alone, its value as it is.
func (t *template) render(scope Scope, left *room) (any, error) {
	if e := t.single(); e != nil {
		return e.eval(scope, left)
	}
	var out []byte
	for _, p := range t.parts {
		if p.expr == nil {
			out = append(out, p.text...)
		} else {
			v, err := p.expr.eval(scope, left)
			if err != nil {
				return nil, err
			}
			if out, err = appendText(out, v); err != nil {
				return nil, err
			}
		}
		if len(out) > MaxRendered {
			return nil, errTooLong
		}
	}
	return string(out), left.take(len(out))
}

var errTooLong = fmt.Errorf("the rendered text is longer than %d KiB", MaxRendered>>10)

// appendText spells a value inside of a text: strings as they are, null as nothing, the
// others as JSON.
func appendText(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return dst, nil
	case string:
		return append(dst, v...), nil
	}
	return AppendJSON(dst, v)
}

// AppendJSON writes a value, its keys sorted. Values may share parts, so that a text can be much
// longer than the value; it stops at twice MaxRendered.
func AppendJSON(dst []byte, v any) ([]byte, error) {
	limit := len(dst) + 2*MaxRendered
	return appendJSON(dst, v, limit)
}

func appendJSON(dst []byte, v any, limit int) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case nil:
		dst = append(dst, "null"...)
	case string:
		dst = strictjson.AppendString(dst, v)
	case bool:
		dst = strconv.AppendBool(dst, v)
	case json.Number:
		dst = append(dst, v...)
	case json.RawMessage:
		dst = append(dst, v...)
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendJSON(dst, item, limit); err != nil {
				return nil, err
			}
		}
		dst = append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, key := range sortedKeys(v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(strictjson.AppendString(dst, key), ':')
			if dst, err = appendJSON(dst, v[key], limit); err != nil {
				return nil, err
			}
		}
		dst = append(dst, '}')
	default:
		return nil, fmt.Errorf("a %T is no JSON", v)
	}
	if len(dst) > limit {
		return nil, errTooLong
	}
	return dst, nil
}

func (e *expression) eval(scope Scope, left *room) (any, error) {
	v, err := e.lookup(scope)
	for _, c := range e.filters {
		if err != nil && !c.filter.absent {
			break
		}
		if err != nil {
			v = nil
		}
		if v, err = c.apply(v, left); err != nil {
			return nil, fmt.Errorf("{{ %s }}: %s: %w", clip(e.text), c.filter.name, err)
		}
	}
	return v, err
}

// apply runs a filter, and takes the room of what it makes.
func (c *call) apply(v any, left *room) (any, error) {
	if text, ok := v.(string); ok && c.filter.weight != nil {
		if err := left.take(c.filter.weight(text, c.args)); err != nil {
			return nil, err
		}
	}
	v, err := c.filter.apply(v, c.args)
	if text, ok := v.(string); ok && err == nil {
		err = left.take(len(text))
	}
	return v, err
}

// lookup walks along the path. What is not there is an error that names it.
func (e *expression) lookup(scope Scope) (any, error) {
	var v any = map[string]any(scope)
	for i, name := range e.path {
		next, ok := member(v, name)
		if !ok {
			return nil, fmt.Errorf("{{ %s }}: there is no %s", clip(e.text), clip(spell(e.path[:i+1])))
		}
		v = next
	}
	return v, nil
}

func member(v any, name string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		m, ok := v[name]
		return m, ok
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

func spell(path []string) string {
	return strings.Join(path, ".")
}
