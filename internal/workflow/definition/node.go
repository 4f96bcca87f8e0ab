package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// MaxSize is how long a definition may be, in bytes.
const MaxSize = 128 << 10

const (
	maxDepth = 32
	maxNodes = 10_000
)

// Position is a place in a definition; lines and columns count from one.
type Position struct{ Line, Column int }

// fault reports what is wrong at a place.
func (p Position) fault(field, format string, args ...any) error {
	return peal.Invalid(field, "line %d, column %d: %s", p.Line, p.Column, fmt.Sprintf(format, args...))
}

// Node is a value of a definition with its place.
type Node struct {
	Position
	// Path is where it stands, such as steps[0].with.url.
	Path string
	// Members are those of a mapping, in order; Items those of a list.
	Members []Member
	Items   []*Node
	// Scalar is a string, json.Number, bool or nil, where the node is neither.
	Scalar any
	kind   kind
}

// Member is a key of a mapping with its value.
type Member struct {
	Position
	Key   string
	Value *Node
}

type kind int

const (
	scalar kind = iota
	mapping
	list
)

// Fault reports what is wrong with the node.
func (n *Node) Fault(format string, args ...any) error { return n.fault(n.Path, format, args...) }

// Get finds a member of a mapping, nil without one.
func (n *Node) Get(key string) *Node {
	for _, m := range n.Members {
		if m.Key == key {
			return m.Value
		}
	}
	return nil
}

// Text is the node's string, false if it is something else.
func (n *Node) Text() (string, bool) {
	s, ok := n.Scalar.(string)
	return s, ok && n.kind == scalar
}

// IsMapping and IsList tell what a node is.
func (n *Node) IsMapping() bool { return n.kind == mapping }

// IsList tells whether the node is a list.
func (n *Node) IsList() bool { return n.kind == list }

// parse reads a text of either language.
func parse(text string) (*Node, error) {
	if len(text) > MaxSize {
		return nil, peal.Errorf(peal.CodeTooLarge, "a definition has at most %d bytes", MaxSize)
	}
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n\uFEFF"), "{") {
		return parseJSON(text)
	}
	return parseYAML(text)
}

// builder makes nodes and counts them.
type builder struct{ nodes int }

func (b *builder) node(at Position, path string, depth int) (*Node, error) {
	n := &Node{Position: at, Path: path}
	if b.nodes++; b.nodes > maxNodes {
		return nil, n.Fault("a definition has at most %d values", maxNodes)
	}
	if depth > maxDepth {
		return nil, n.Fault("nested deeper than %d", maxDepth)
	}
	return n, nil
}

// add adds a member; a key may stand once.
func (n *Node) add(at Position, key string, value *Node) error {
	if n.Get(key) != nil {
		return at.fault(join(n.Path, key), "%s is given twice", clip(key))
	}
	n.Members = append(n.Members, Member{at, key, value})
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func clip(s string) string { return peal.Clip(s, 64) }

// jsonReader walks over JSON that was found to be strict.
type jsonReader struct {
	builder
	dec   *json.Decoder
	lines []int // the offset of each line's beginning
	text  []byte
}

func parseJSON(text string) (*Node, error) {
	r := &jsonReader{text: []byte(text), lines: []int{0}}
	for i, c := range r.text {
		if c == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	if _, err := strictjson.Compact(nil, r.text); err != nil {
		var at *strictjson.Error
		if errors.As(err, &at) {
			return nil, r.place(at.Offset).fault("", "not JSON: %s", at.Msg)
		}
		return nil, err
	}
	r.dec = json.NewDecoder(bytes.NewReader(r.text))
	r.dec.UseNumber()
	return r.value("", 0)
}

func (r *jsonReader) place(offset int) Position {
	line := 0
	for line+1 < len(r.lines) && r.lines[line+1] <= offset {
		line++
	}
	return Position{line + 1, offset - r.lines[line] + 1}
}

// next is where the next token begins.
func (r *jsonReader) next() Position {
	i := int(r.dec.InputOffset())
	for i < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[i]) >= 0 {
		i++
	}
	return r.place(i)
}

func (r *jsonReader) value(path string, depth int) (*Node, error) {
	n, err := r.node(r.next(), path, depth)
	if err != nil {
		return nil, err
	}
	token, err := r.dec.Token()
	if err != nil {
		return nil, n.Fault("not JSON")
	}
	switch token {
	case json.Delim('{'):
		n.kind = mapping
		for r.dec.More() {
			place := r.next()
			key, err := r.dec.Token()
			if err != nil {
				return nil, n.Fault("not JSON")
			}
			name, _ := key.(string)
			v, err := r.value(join(path, name), depth+1)
			if err != nil {
				return nil, err
			}
			if err := n.add(place, name, v); err != nil {
				return nil, err
			}
		}
		_, err = r.dec.Token()
	case json.Delim('['):
		n.kind = list
		for r.dec.More() {
			v, err := r.value(at(path, len(n.Items)), depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, v)
		}
		_, err = r.dec.Token()
	default:
		n.Scalar = token
	}
	return n, err
}

type yamlReader struct{ builder }

func parseYAML(text string) (*Node, error) {
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil, yamlError(err)
	}
	r := &yamlReader{}
	for i, doc := range file.Docs {
		if i > 0 && doc.Body != nil {
			return nil, position(doc.Body).fault("", "one document, not several")
		}
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, Position{1, 1}.fault("", "the definition is empty")
	}
	return r.value(file.Docs[0].Body, "", 0)
}

func yamlError(err error) error {
	var known yaml.Error
	if errors.As(err, &known) && known.GetToken() != nil {
		pos := known.GetToken().Position
		return Position{pos.Line, pos.Column}.fault("", "not YAML: %s", clip(known.GetMessage()))
	}
	return peal.Invalid("", "not YAML: %s", clip(err.Error()))
}

func position(n ast.Node) Position {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return Position{t.Position.Line, t.Position.Column}
	}
	return Position{1, 1}
}

func (r *yamlReader) value(v ast.Node, path string, depth int) (*Node, error) {
	place := position(v)
	if m, ok := v.(ast.MapNode); ok {
		// A mapping's own token is its first colon.
		if it := m.MapRange(); it.Next() {
			place = position(it.Key())
		}
	}
	n, err := r.node(place, path, depth)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case ast.MapNode:
		return n, r.mapping(n, v, depth)
	case *ast.SequenceNode:
		n.kind = list
		for i, item := range v.Values {
			value, err := r.value(item, at(path, i), depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, value)
		}
	case *ast.StringNode:
		n.Scalar = v.Value
	case *ast.LiteralNode:
		n.Scalar = v.Value.Value
	case *ast.BoolNode:
		n.Scalar = v.Value
	case *ast.NullNode:
	case *ast.IntegerNode:
		n.Scalar = json.Number(fmt.Sprint(v.Value))
	case *ast.FloatNode:
		if text := v.GetToken().Value; strictjson.IsNumber(text) {
			n.Scalar = json.Number(text)
		} else {
			n.Scalar = json.Number(strconv.FormatFloat(v.Value, 'g', -1, 64))
		}
	default: // anchors and aliases, which can grow without end, and tags
		return nil, n.Fault("write the value out: %s is not for definitions", strings.ToLower(v.Type().String()))
	}
	return n, nil
}

func (r *yamlReader) mapping(n *Node, v ast.MapNode, depth int) error {
	n.kind = mapping
	for it := v.MapRange(); it.Next(); {
		if it.Key().IsMergeKey() {
			return position(it.Key()).fault(n.Path, "write the members out: << is not for definitions")
		}
		key := it.Key().GetToken().Value
		value, err := r.value(it.Value(), join(n.Path, key), depth+1)
		if err != nil {
			return err
		}
		if err := n.add(position(it.Key()), key, value); err != nil {
			return err
		}
	}
	return nil
}
