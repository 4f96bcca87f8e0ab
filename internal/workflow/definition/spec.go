package definition

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// Spec describes a kind of step.
type Spec struct {
	Name string
	Help string
	// Fields are the members of with.
	Fields []Field
	// Branches says that the steps inside are read from with.branches.
	Branches bool
	// Secrets says that templates in with may name the org's secrets. What such a kind
	// takes is kept nowhere but in the step.
	Secrets bool
	// Outside says that the step acts outside of Peal, so that its beginning is recorded
	// first.
	Outside bool
	// Check reports what else may not stand. An error of its own is a *peal.Error whose
	// field is a member of with.
	Check func(*Step) error
}

// Known tells what an org has of what definitions name.
type Known interface {
	// ID is the org's.
	ID() string
	HasEndpoint(id peal.EndpointID) bool
	HasOffering(id peal.OfferingID) bool
	HasSecret(name string) bool
}

// Field is a member of a step's with.
type Field struct {
	Name     string
	Type     Type
	Required bool
	Help     string
	Enum     []string
}

// Type is what a field takes. A text that is one template may stand for any of them.
type Type string

// The types.
const (
	Text     Type = "text"
	Object   Type = "object"
	Any      Type = "any"
	Duration Type = "duration"
	Time     Type = "time"
	Branches Type = "branches"
	Bool     Type = "bool"
)

// Value is a part of with: what a node says, with its templates read.
type Value struct {
	node     *Node
	template *template
	members  []memberValue
	items    []*Value
}

type memberValue struct {
	key   string
	value *Value
}

// Constant tells whether the value is the same in every scope.
func (v *Value) Constant() bool {
	switch {
	case v.template != nil:
		return v.template.constant()
	case v.node.IsMapping():
		return !slices.ContainsFunc(v.members, func(m memberValue) bool { return !m.value.Constant() })
	}
	return !slices.ContainsFunc(v.items, func(i *Value) bool { return !i.Constant() })
}

// Text is the value's text where it is one without templates.
func (v *Value) Text() (string, bool) {
	if v == nil || !v.Constant() {
		return "", false
	}
	return v.node.Text()
}

// Render gives the value in a scope.
func (v *Value) Render(scope Scope) (any, error) {
	left := room(maxMade)
	return v.render(scope, &left)
}

func (v *Value) render(scope Scope, left *room) (any, error) {
	switch {
	case v.template != nil:
		return v.template.render(scope, left)
	case v.node.IsMapping():
		out := make(map[string]any, len(v.members))
		for _, m := range v.members {
			value, err := m.value.render(scope, left)
			if err != nil {
				return nil, err
			}
			out[m.key] = value
		}
		return out, nil
	case v.node.IsList():
		out := make([]any, len(v.items))
		for i, item := range v.items {
			value, err := item.render(scope, left)
			if err != nil {
				return nil, err
			}
			out[i] = value
		}
		return out, nil
	}
	return v.node.Scalar, nil
}

// with reads the members that a kind takes.
func (p *reader) with(s *Step, spec *Spec, n *Node, visible map[string]bool, depth int) error {
	if n != nil && !n.IsMapping() {
		return n.Fault("with is a mapping")
	}
	if n == nil {
		n = &Node{Position: s.Position, Path: join(s.Path, "with"), kind: mapping}
	}
	for _, m := range n.Members {
		i := slices.IndexFunc(spec.Fields, func(f Field) bool { return f.Name == m.Key })
		if i < 0 {
			return m.fault(m.Value.Path, "unknown member %s; %s takes %s", clip(m.Key), spec.Name, spec.fieldNames())
		}
		if spec.Fields[i].Type == Branches {
			if err := p.branches(s, m.Value, visible, depth+1); err != nil {
				return err
			}
			continue
		}
		v, err := compile(m.Value, visible)
		if err != nil {
			return err
		}
		if err := s.useSecrets(v, spec); err != nil {
			return err
		}
		if err := spec.Fields[i].check(v); err != nil {
			return err
		}
		s.With[m.Key] = v
	}
	for _, f := range spec.Fields {
		if f.Required && n.Get(f.Name) == nil {
			return n.fault(join(n.Path, f.Name), "%s needs %s", spec.Name, f.Name)
		}
	}
	return nil
}

func (spec *Spec) fieldNames() string {
	if len(spec.Fields) == 0 {
		return "nothing"
	}
	var names []string
	for _, f := range spec.Fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// branches reads lists of steps: a list of them, or a mapping whose keys name them. A
// step alone is a branch of one.
func (p *reader) branches(s *Step, n *Node, visible map[string]bool, depth int) error {
	if depth > MaxNesting {
		return n.Fault("parallels are nested deeper than %d", MaxNesting)
	}
	items := n.Items
	for _, m := range n.Members {
		items = append(items, m.Value)
	}
	if len(items) == 0 || len(items) > MaxBranches {
		return n.Fault("1 to %d branches, each a list of steps, are wanted here", MaxBranches)
	}
	for _, item := range items {
		if item.IsMapping() {
			item = &Node{Position: item.Position, Path: item.Path, Items: []*Node{item}, kind: list}
		}
		// What happens in one branch is not over when another needs it.
		own := make(map[string]bool, len(visible))
		for id := range visible {
			own[id] = true
		}
		steps, err := p.steps(item, own, depth)
		if err != nil {
			return err
		}
		s.Branches = append(s.Branches, steps)
	}
	return nil
}

// compile reads the templates in a value and checks where their paths lead.
func compile(n *Node, visible map[string]bool) (*Value, error) {
	v := &Value{node: n}
	for _, m := range n.Members {
		value, err := compile(m.Value, visible)
		if err != nil {
			return nil, err
		}
		v.members = append(v.members, memberValue{m.Key, value})
	}
	for _, item := range n.Items {
		value, err := compile(item, visible)
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, value)
	}
	text, ok := n.Text()
	if !ok {
		return v, nil
	}
	t, err := parseTemplate(text)
	if err != nil {
		return nil, n.Fault("%s", err)
	}
	for _, part := range t.parts {
		if part.expr != nil {
			if err := part.expr.check(n, visible); err != nil {
				return nil, err
			}
		}
	}
	v.template = t
	return v, nil
}

// check reports a path that leads nowhere whatever is received.
func (e *expression) check(n *Node, visible map[string]bool) error {
	if e.path[0] == SecretsRoot {
		return nil // useSecrets looks at it
	}
	members, known := roots[e.path[0]]
	if !known {
		return n.Fault("{{ %s }}: there is no %s; there are %s", clip(e.text), clip(e.path[0]), strings.Join(append(rootNames(), SecretsRoot), ", "))
	}
	if len(e.path) < 2 {
		return nil
	}
	name := e.path[1]
	if e.path[0] != "steps" {
		if !slices.Contains(members, name) {
			return n.Fault("{{ %s }}: there is no %s; %s has %s", clip(e.text), clip(spell(e.path[:2])), e.path[0], strings.Join(members, ", "))
		}
		return nil
	}
	if !visible[name] {
		return n.Fault("{{ %s }}: no step %s is over before this one", clip(e.text), clip(name))
	}
	if len(e.path) > 2 && !slices.Contains(stepMembers, e.path[2]) {
		return n.Fault("{{ %s }}: there is no %s; a step has %s", clip(e.text), clip(spell(e.path[:3])), strings.Join(stepMembers, ", "))
	}
	return nil
}

// check reports a value that is not of the field's type, where that is known.
func (f *Field) check(v *Value) error {
	n := v.node
	if v.template != nil && !v.template.constant() {
		return nil
	}
	text, isText := n.Text()
	switch f.Type {
	case Any:
		return nil
	case Bool:
		if _, ok := n.Scalar.(bool); !ok {
			return n.Fault("%s is true or false", f.Name)
		}
		return nil
	case Object:
		if !n.IsMapping() {
			return n.Fault("%s is an object", f.Name)
		}
		return nil
	case Duration:
		if d, err := time.ParseDuration(text); !isText || err != nil || d < 0 {
			return n.Fault("%s is a duration such as 90s, 15m or 48h", f.Name)
		}
	case Time:
		if _, err := ParseTime(n.Scalar); err != nil {
			return n.Fault("%s is a time such as 2026-05-04T14:23:00Z", f.Name)
		}
		return nil
	}
	if !isText {
		return n.Fault("%s is a text", f.Name)
	}
	if len(f.Enum) > 0 && !slices.Contains(f.Enum, text) {
		return n.Fault("%s is one of %s", f.Name, strings.Join(f.Enum, ", "))
	}
	return nil
}

// JSON is the definition as JSON, in the order in which it was written.
func (n *Node) JSON() json.RawMessage { return n.appendJSON(nil) }

func (n *Node) appendJSON(dst []byte) []byte {
	switch n.kind {
	case mapping:
		dst = append(dst, '{')
		for i, m := range n.Members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(strictjson.AppendString(dst, m.Key), ':')
			dst = m.Value.appendJSON(dst)
		}
		return append(dst, '}')
	case list:
		dst = append(dst, '[')
		for i, item := range n.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.appendJSON(dst)
		}
		return append(dst, ']')
	}
	out, err := AppendJSON(dst, n.Scalar)
	if err != nil {
		return append(dst, "null"...) // longer than a definition may be
	}
	return out
}
