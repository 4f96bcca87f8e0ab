package catalogue

import (
	"encoding/json"
	"sync"

	"github.com/peal-dev/peal/internal/peal"
)

// Type is one event type of the catalogue.
type Type struct {
	Name        string
	Description string
	Source      string // whose document describes it: nemo, curate-me, nembl, nolxy or peal
	Severity    peal.Severity
	// Title and Message are templates; see template.
	Title   string
	Message string
	// Schema is the JSON Schema (draft 2020-12) of an event's data.
	Schema json.RawMessage
	// Example is an event's data, as the document prints it where it prints one.
	Example json.RawMessage

	properties []property
	// escalate gives the severity where the data decide it, else "".
	escalate func(fields) peal.Severity
	// needs are the members of data that the templates and escalate read.
	needs          []string
	title, message template
}

type catalogue struct {
	all    []Type
	byName map[string]*Type
}

// The catalogue is built when it is first asked for and never changes.
var load = sync.OnceValue(func() catalogue {
	var c catalogue
	for _, document := range []struct {
		source string
		types  []Type
	}{
		{"nemo", nemoTypes},
		{"curate-me", curateMeTypes},
		{"nembl", nemblTypes},
		{"nolxy", nolxyTypes},
		{"peal", pealTypes},
	} {
		for _, t := range document.types {
			t.Source = document.source
			t.Schema = schema(t.properties)
			t.title, t.message = parse(t.Title), parse(t.Message)
			t.needs = t.message.keys(t.title.keys(t.needs))
			c.all = append(c.all, t)
		}
	}
	c.byName = make(map[string]*Type, len(c.all))
	for i := range c.all {
		c.byName[c.all[i].Name] = &c.all[i]
	}
	return c
})

// All lists the catalogue in the order of its documents. The caller must not change it.
func All() []Type { return load().all }

// Lookup finds a type by its name.
func Lookup(name string) (*Type, bool) {
	t, ok := load().byName[name]
	return t, ok
}

// Describe gives an event the title, message and severity that it was not sent with.
func Describe(ev *peal.Event) (title, message string, severity peal.Severity) {
	t, ok := Lookup(ev.Type)
	if !ok {
		title, message, severity = Fallback(ev)
	} else if ev.Title == "" || ev.Message == "" || ev.Severity == "" {
		title, message, severity = t.Describe(ev)
	}
	if ev.Title != "" {
		title = ev.Title
	}
	if ev.Message != "" {
		message = ev.Message
	}
	if ev.Severity != "" {
		severity = ev.Severity
	}
	return title, message, severity
}

// Describe renders the type's words for an event's data. It reads well whatever the
// data lack.
func (t *Type) Describe(ev *peal.Event) (title, message string, severity peal.Severity) {
	f := readFields(ev, t.needs)
	severity = t.Severity
	if t.escalate != nil {
		if s := t.escalate(f); s != "" {
			severity = s
		}
	}
	return t.title.render(f), t.message.render(f), severity
}
