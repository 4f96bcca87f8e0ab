package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// BeforeResolve reads the file, if one is named by the flag or the environment, and
// gives its settings to kong.
func (c *Config) BeforeResolve(ctx *kong.Context) error {
	var names []string
	for _, f := range ctx.Flags() {
		if f.Name == "config" {
			c.File, _ = ctx.FlagValue(f).(string)
		} else if f.Name != "help" {
			names = append(names, f.Name)
		}
	}
	if c.File == "" {
		return nil
	}
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	settings, err := readFile(text, names)
	if err != nil {
		return fmt.Errorf("config: %s:%w", c.File, err)
	}
	c.Plans, c.Temporal = settings.plans, settings.temporal
	ctx.AddResolver(settings)
	return nil
}

// fileSettings are the settings of a file: strings, lists of them, and sections.
type fileSettings struct {
	values   map[string]any
	plans    map[string]Plan
	temporal []TemporalNamespace
}

// Validate implements kong.Resolver.
func (fileSettings) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. kong asks only where there is no flag, but it
// would let the file win over the environment.
func (s fileSettings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Tag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return nil, nil
		}
	}
	return s.values[flag.Name], nil
}

// readFile reads a YAML mapping from names of settings to values. Its errors begin
// with a line number and never quote a value, which may be a secret.
func readFile(text []byte, names []string) (fileSettings, error) {
	s := fileSettings{values: map[string]any{}}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return s, yamlError(err)
	}
	known := make(map[string]bool, len(names))
	for _, n := range names {
		known[n] = true
	}
	seen := map[string]bool{}
	sections := map[string]any{"plans": &s.plans, "temporal": &s.temporal}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		mapping, ok := doc.Body.(ast.MapNode)
		if !ok {
			return s, at(doc.Body, "want settings as NAME: VALUE")
		}
		for it := mapping.MapRange(); it.Next(); {
			name := strings.ReplaceAll(it.Key().GetToken().Value, "_", "-")
			if seen[name] {
				return s, at(it.Key(), "%s is set twice", name)
			}
			seen[name] = true
			switch section := sections[name]; {
			case section != nil:
				err = readSection(it.Value(), section)
			case !known[name]:
				err = at(it.Key(), "unknown setting %q", name)
			default:
				s.values[name], err = value(it.Value())
			}
			if err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// value gives a scalar as its text and a list as texts.
func value(node ast.Node) (any, error) {
	switch n := node.(type) {
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for _, e := range n.Values {
			v, err := scalar(e)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	default:
		return scalar(node)
	}
}

func scalar(node ast.Node) (string, error) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, nil
	}
	return "", at(node, "want a single value")
}

// readSection reads what only the file can say.
func readSection(node ast.Node, section any) error {
	if err := yaml.NodeToValue(node, section, yaml.Strict()); err != nil {
		return yamlError(err)
	}
	return nil
}

func at(node ast.Node, format string, args ...any) error {
	return fmt.Errorf("%d: %s", node.GetToken().Position.Line, fmt.Sprintf(format, args...))
}

// yamlError drops the excerpt of the file that the library's errors carry.
func yamlError(err error) error {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		return errors.New("0: not a valid YAML file")
	}
	return fmt.Errorf("%d: %s", e.GetToken().Position.Line, e.GetMessage())
}
