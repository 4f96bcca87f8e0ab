package definition

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/filter"
	"github.com/peal-dev/peal/internal/peal"
)

// Limits of a definition.
const (
	MaxSteps    = 100
	MaxBranches = 16
	MaxNesting  = 4 // parallels inside each other
	MaxAttempts = 20
	MaxBackoff  = 24 * time.Hour
	MaxTimeout  = 5 * time.Minute
	minTimeout  = 100 * time.Millisecond
	minBackoff  = 10 * time.Millisecond
)

// Definition is what a workflow does.
type Definition struct {
	Name        string
	Description string
	Steps       []*Step
	// Source is what it was made from.
	Source *Node
}

// Step is one step.
type Step struct {
	Position
	Path string
	ID   string
	Uses string
	With map[string]*Value
	// If is nil where the step always runs.
	If    *filter.Condition
	Retry Retry
	// Timeout bounds one try; zero leaves it to the kind.
	Timeout time.Duration
	// Continue says that a failure does not end the execution.
	Continue bool
	// Branches are the steps of a parallel.
	Branches [][]*Step
	// Secrets are those that it names, where it does.
	Secrets []SecretUse
}

// All gives every step, those inside of others behind them.
func All(steps []*Step) (all []*Step) {
	for _, s := range steps {
		all = append(all, s)
		for _, branch := range s.Branches {
			all = append(all, All(branch)...)
		}
	}
	return all
}

// Retry is how often a step is tried in all, and the wait before the second time, which
// doubles with each.
type Retry struct {
	Attempts int
	Backoff  time.Duration
}

// Wait is the time before the next try after so many; false if there is none.
func (r Retry) Wait(tries int) (time.Duration, bool) {
	if tries >= r.Attempts {
		return 0, false
	}
	wait := r.Backoff
	for range tries - 1 {
		wait = min(2*wait, MaxBackoff)
	}
	return wait, true
}

// Fault reports what is wrong with a member of the step.
func (s *Step) Fault(member, format string, args ...any) error {
	place, path := s.Position, s.Path
	if v := s.With[member]; v != nil {
		place, path = v.node.Position, v.node.Path
	}
	return place.fault(path, format, args...)
}

var (
	stepID   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	topNames = []string{"name", "description", "steps"}
	stepKeys = []string{"id", "uses", "with", "if", "retry", "timeout", "on_error"}
)

// Parse reads a definition whose steps are of these kinds. The error is a *peal.Error
// that names line and column.
func Parse(text string, kinds []*Spec) (*Definition, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	if !root.IsMapping() {
		return nil, root.Fault("a definition is a mapping with name and steps")
	}
	for _, m := range root.Members {
		if !slices.Contains(topNames, m.Key) {
			return nil, m.fault(m.Key, "unknown member %s; there are %s", clip(m.Key), strings.Join(topNames, ", "))
		}
	}
	d := &Definition{Source: root}
	if d.Name, err = optionalText(root.Get("name")); err != nil {
		return nil, err
	}
	if d.Description, err = optionalText(root.Get("description")); err != nil {
		return nil, err
	}
	p := &reader{kinds: kinds, seen: map[string]bool{}}
	steps := root.Get("steps")
	if steps == nil {
		return nil, root.fault("steps", "steps are missing")
	}
	d.Steps, err = p.steps(steps, map[string]bool{}, 0)
	return d, err
}

// Source gives the steps of a text as JSON, in the order in which they were written.
func Source(text string) ([]byte, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	steps := root.Get("steps")
	if steps == nil {
		return nil, root.fault("steps", "steps are missing")
	}
	return steps.JSON(), nil
}

// Merge gives a definition with the members of change over those of old, as JSON.
func Merge(old, change string) (string, error) {
	from, err := parse(old)
	if err != nil {
		return "", err
	}
	to, err := parse(change)
	if err != nil {
		return "", err
	}
	if !to.IsMapping() {
		return "", to.Fault("a mapping is wanted here")
	}
	merged := &Node{kind: mapping, Members: to.Members}
	for _, m := range from.Members {
		if to.Get(m.Key) == nil {
			merged.Members = append(merged.Members, m)
		}
	}
	return string(merged.JSON()), nil
}

func optionalText(n *Node) (string, error) {
	if n == nil {
		return "", nil
	}
	s, ok := n.Text()
	if !ok {
		return "", n.Fault("a text is wanted here")
	}
	return s, nil
}

// reader makes steps of nodes.
type reader struct {
	kinds []*Spec
	seen  map[string]bool // ids of all steps
}

// steps reads a list. Visible are the steps that are over when the first of them begins;
// those of the list are added to it.
func (p *reader) steps(n *Node, visible map[string]bool, depth int) ([]*Step, error) {
	if !n.IsList() || len(n.Items) == 0 {
		return nil, n.Fault("a list of steps is wanted here")
	}
	var steps []*Step
	for _, item := range n.Items {
		s, err := p.step(item, visible, depth)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
		visible[s.ID] = true
		for id := range insideOf(s) {
			visible[id] = true
		}
	}
	return steps, nil
}

// insideOf are the ids of the steps inside of a parallel.
func insideOf(s *Step) map[string]bool {
	ids := map[string]bool{}
	for _, branch := range s.Branches {
		for _, inner := range branch {
			ids[inner.ID] = true
			for id := range insideOf(inner) {
				ids[id] = true
			}
		}
	}
	return ids
}

func (p *reader) step(n *Node, visible map[string]bool, depth int) (*Step, error) {
	if !n.IsMapping() {
		return nil, n.Fault("a step is a mapping with id, uses and with")
	}
	for _, m := range n.Members {
		if !slices.Contains(stepKeys, m.Key) {
			return nil, m.fault(m.Value.Path, "unknown member %s; a step has %s", clip(m.Key), strings.Join(stepKeys, ", "))
		}
	}
	s := &Step{Position: n.Position, Path: n.Path, With: map[string]*Value{}, Retry: Retry{Attempts: 1}}
	if err := p.identify(s, n); err != nil {
		return nil, err
	}
	spec, err := p.spec(n.Get("uses"), n)
	if err != nil {
		return nil, err
	}
	s.Uses = spec.Name
	for _, read := range []func() error{
		func() error { return s.readIf(n.Get("if")) },
		func() error { return s.readRetry(n.Get("retry")) },
		func() error { return s.readTimeout(n.Get("timeout")) },
		func() error { return s.readOnError(n.Get("on_error")) },
		func() error { return p.with(s, spec, n.Get("with"), visible, depth) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	if spec.Check != nil {
		if err := spec.Check(s); err != nil {
			return nil, s.Located(err)
		}
	}
	return s, nil
}

// Located gives an error of a kind's check the step's place, unless it has one.
func (s *Step) Located(err error) error {
	var known *peal.Error
	if !errors.As(err, &known) || strings.HasPrefix(known.Message, "line ") {
		return err
	}
	return s.Fault(known.Field, "%s", known.Message)
}

func (p *reader) identify(s *Step, n *Node) error {
	id := n.Get("id")
	if id == nil {
		return n.fault(join(n.Path, "id"), "the step has no id")
	}
	text, _ := id.Text()
	if !stepID.MatchString(text) {
		return id.Fault("an id is 1 to 64 of A-Z a-z 0-9 _ -")
	}
	if p.seen[text] {
		return id.Fault("there is a step %s already", text)
	}
	if p.seen[text] = true; len(p.seen) > MaxSteps {
		return id.Fault("a workflow has at most %d steps", MaxSteps)
	}
	s.ID = text
	return nil
}

func (p *reader) spec(uses, step *Node) (*Spec, error) {
	if uses == nil {
		return nil, step.fault(join(step.Path, "uses"), "uses is missing: it names what the step does, one of %s", p.names())
	}
	name, _ := uses.Text()
	for _, k := range p.kinds {
		if k.Name == name {
			return k, nil
		}
	}
	return nil, uses.Fault("there is no kind %s; there are %s", strconv.Quote(clip(name)), p.names())
}

func (p *reader) names() string {
	var names []string
	for _, k := range p.kinds {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

func (s *Step) readIf(n *Node) (err error) {
	if n == nil {
		return nil
	}
	expr := ""
	switch v := n.Scalar.(type) {
	case string:
		expr = v
	case bool:
		expr = strconv.FormatBool(v)
	default:
		return n.Fault("a condition such as steps.a.output.status == 200 is wanted here")
	}
	// Whoever writes templates elsewhere may write one here.
	trimmed := strings.TrimSpace(expr)
	if strings.HasPrefix(trimmed, "{{") && strings.HasSuffix(trimmed, "}}") {
		expr = trimmed[2 : len(trimmed)-2]
	}
	if s.If, err = conditions.Compile(expr); err != nil {
		var known *peal.Error
		if errors.As(err, &known) {
			return n.Fault("%s", known.Message)
		}
	}
	return err
}

func (s *Step) readRetry(n *Node) error {
	if n == nil {
		return nil
	}
	if !n.IsMapping() {
		return n.Fault("retry is a mapping with attempts and backoff")
	}
	s.Retry = Retry{Attempts: 3, Backoff: time.Second}
	for _, m := range n.Members {
		switch m.Key {
		case "attempts":
			i, err := strconv.Atoi(fmt.Sprint(m.Value.Scalar))
			if err != nil || i < 1 || i > MaxAttempts {
				return m.Value.Fault("attempts is how often the step is tried in all, 1 to %d", MaxAttempts)
			}
			s.Retry.Attempts = i
		case "backoff":
			d, err := m.Value.duration(minBackoff, MaxBackoff)
			if err != nil {
				return err
			}
			s.Retry.Backoff = d
		default:
			return m.fault(m.Value.Path, "unknown member %s; retry has attempts, backoff", clip(m.Key))
		}
	}
	return nil
}

func (n *Node) duration(low, high time.Duration) (time.Duration, error) {
	text, _ := n.Text()
	d, err := time.ParseDuration(text)
	if err != nil || d < low || d > high {
		return 0, n.Fault("a duration such as 30s or 5m is wanted here, %s to %s", low, high)
	}
	return d, nil
}

func (s *Step) readTimeout(n *Node) (err error) {
	if n != nil {
		s.Timeout, err = n.duration(minTimeout, MaxTimeout)
	}
	return err
}

func (s *Step) readOnError(n *Node) error {
	if n == nil {
		return nil
	}
	text, _ := n.Text()
	if text != "fail" && text != "continue" {
		return n.Fault("on_error is fail or continue")
	}
	s.Continue = text == "continue"
	return nil
}
