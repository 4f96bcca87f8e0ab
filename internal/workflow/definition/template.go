package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/strictjson"
)

// MaxRendered is how long a rendered text may get, in bytes.
const MaxRendered = 256 << 10

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
			if c == '\\' {
				i++
			} else if c == quote {
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
func (t *template) render(scope Scope) (any, error) {
	if e := t.single(); e != nil {
		return e.eval(scope)
	}
	var out []byte
	for _, p := range t.parts {
		if p.expr == nil {
			out = append(out, p.text...)
		} else {
			v, err := p.expr.eval(scope)
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
	return string(out), nil
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

func (e *expression) eval(scope Scope) (any, error) {
	v, err := e.lookup(scope)
	for _, c := range e.filters {
		if err != nil && !c.filter.absent {
			break
		}
		if err != nil {
			v, err = nil, nil
		}
		if v, err = c.filter.apply(v, c.args); err != nil {
			return nil, fmt.Errorf("{{ %s }}: %s: %w", clip(e.text), c.filter.name, err)
		}
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

// exprParser reads "path | filter: arg, arg | …".
type exprParser struct {
	src string
	pos int
}

const maxFilters = 16

func (p *exprParser) expression() (*expression, error) {
	e := &expression{text: strings.TrimSpace(p.src)}
	p.space()
	var err error
	if e.path, err = p.path(); err != nil {
		return nil, err
	}
	for p.space(); p.pos < len(p.src); p.space() {
		if p.src[p.pos] != '|' {
			return nil, errors.New("a | or }} is wanted here")
		}
		p.pos++
		p.space()
		c, err := p.call()
		if err != nil {
			return nil, err
		}
		if e.filters = append(e.filters, c); len(e.filters) > maxFilters {
			return nil, fmt.Errorf("at most %d filters", maxFilters)
		}
	}
	return e, nil
}

func (p *exprParser) space() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
}

// word reads up to a character that ends a name.
func (p *exprParser) word() string {
	start := p.pos
	for p.pos < len(p.src) {
		r, size := utf8.DecodeRuneInString(p.src[p.pos:])
		if strings.ContainsRune(" \t\r\n.|[](){}:,\"'", r) {
			break
		}
		p.pos += size
	}
	return p.src[start:p.pos]
}

func (p *exprParser) path() (path []string, err error) {
	first := p.word()
	if first == "" {
		return nil, errors.New("a path such as webhook.body.id is wanted here")
	}
	path = append(path, first)
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case '.':
			p.pos++
			name := p.word()
			if name == "" {
				return nil, errors.New("a name is wanted behind the dot")
			}
			path = append(path, name)
		case '[':
			p.pos++
			name, err := p.index()
			if err != nil {
				return nil, err
			}
			path = append(path, name)
		default:
			return path, nil
		}
		if len(path) > maxDepth {
			return nil, fmt.Errorf("a path has at most %d parts", maxDepth)
		}
	}
	return path, nil
}

// index reads what stands between brackets.
func (p *exprParser) index() (name string, err error) {
	p.space()
	if p.pos < len(p.src) && (p.src[p.pos] == '"' || p.src[p.pos] == '\'') {
		name, err = p.quoted()
	} else if name = p.word(); name == "" {
		err = errors.New("a number or a quoted name is wanted between the brackets")
	}
	p.space()
	if err == nil && (p.pos >= len(p.src) || p.src[p.pos] != ']') {
		err = errors.New("a ] is wanted here")
	}
	p.pos++
	return name, err
}

func (p *exprParser) quoted() (string, error) {
	quote := p.src[p.pos]
	var b strings.Builder
	for p.pos++; p.pos < len(p.src); p.pos++ {
		c := p.src[p.pos]
		switch {
		case c == quote:
			p.pos++
			return b.String(), nil
		case c == '\\' && p.pos+1 < len(p.src):
			p.pos++
			switch c = p.src[p.pos]; c {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("the quotes are not closed")
}

// call reads a filter's name and its arguments, behind a colon or in parentheses.
func (p *exprParser) call() (c call, err error) {
	name := p.word()
	i := slices.IndexFunc(filters, func(f modifier) bool { return f.name == name })
	if i < 0 {
		return c, fmt.Errorf("there is no filter %q; there are %s", clip(name), filterNames())
	}
	c.filter = filters[i]
	p.space()
	if p.pos < len(p.src) && (p.src[p.pos] == ':' || p.src[p.pos] == '(') {
		closes := p.src[p.pos] == '('
		if c.args, err = p.args(closes); err != nil {
			return c, err
		}
	}
	if len(c.args) < c.filter.least || len(c.args) > c.filter.most {
		return c, fmt.Errorf("the filter %s is written %s", name, c.filter.usage)
	}
	return c, nil
}

func (p *exprParser) args(closes bool) (args []any, err error) {
	for {
		p.pos++
		p.space()
		arg, err := p.arg()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		p.space()
		switch {
		case p.pos < len(p.src) && p.src[p.pos] == ',':
		case closes && p.pos < len(p.src) && p.src[p.pos] == ')':
			p.pos++
			return args, nil
		case closes:
			return nil, errors.New("a ) is wanted here")
		default:
			return args, nil
		}
	}
}

// arg reads a literal.
func (p *exprParser) arg() (any, error) {
	if p.pos < len(p.src) && (p.src[p.pos] == '"' || p.src[p.pos] == '\'') {
		return p.quoted()
	}
	start := p.pos
	word := p.word()
	if p.pos < len(p.src) && p.src[p.pos] == '.' && word != "" { // a fraction
		p.pos++
		p.word()
		word = p.src[start:p.pos]
	}
	switch word {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	if strictjson.IsNumber(word) {
		return json.Number(word), nil
	}
	return nil, errors.New(`an argument is a number, true, false, null or "text"`)
}
