package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/peal-dev/peal/internal/peal"
)

// Load is the built-in profiles and those of a YAML document, which docs/profiles.md
// describes. An error is invalid; its message begins with its field, the path in the
// document, such as profiles[0].signature.encoding.
func Load(document []byte) (*Set, error) {
	set, err := load(document)
	var at *peal.Error
	if errors.As(err, &at) && at.Field != "" {
		return nil, peal.Invalid(at.Field, "%s: %s", at.Field, at.Message)
	}
	return set, err
}

func load(document []byte) (*Set, error) {
	var file struct {
		Profiles []definition `yaml:"profiles"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(document), yaml.DisallowUnknownField())
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, yamlError(document, err)
	}
	set := Builtin()
	for i := range file.Profiles {
		path := fmt.Sprintf("profiles[%d]", i)
		p, err := file.Profiles[i].profile(path)
		if err != nil {
			return nil, err
		}
		if _, taken := set.Get(p.Name); taken {
			return nil, peal.Invalid(path+".name", "there is a profile %s already", p.Name)
		}
		set.add(p)
	}
	return set, nil
}

// yamlError tells where in the document the decoder stopped.
func yamlError(document []byte, err error) error {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		return peal.Invalid("", "not YAML: %v", err)
	}
	message := at.GetMessage()
	var kind *yaml.TypeError
	if errors.As(err, &kind) { // its message names Go types
		message = "a value of another kind is wanted here"
	}
	pos := at.GetToken().Position
	return peal.Invalid(pathOf(document, at.GetToken()), "line %d, column %d: %s", pos.Line, pos.Column, message)
}

// pathOf is the path of the node that a token begins, empty if there is none.
func pathOf(document []byte, t *token.Token) string {
	file, err := parser.ParseBytes(document, 0)
	if err != nil {
		return ""
	}
	find := &finder{offset: t.Position.Offset}
	for _, doc := range file.Docs {
		ast.Walk(find, doc)
	}
	return strings.TrimPrefix(find.path, "$.")
}

// finder looks for the path of the node at an offset.
type finder struct {
	offset int
	path   string
}

// Visit implements ast.Visitor.
func (f *finder) Visit(n ast.Node) ast.Visitor {
	if t := n.GetToken(); t != nil && t.Position.Offset == f.offset && n.GetPath() != "" {
		f.path = n.GetPath()
	}
	return f
}
