package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/strictjson"
)

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
