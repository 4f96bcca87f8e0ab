package channel

import (
	"errors"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

func templateEvent() *peal.Event {
	ev := sampleEvent("budget.odd", []byte(`{"spent":1234.5,"n":90000,"at":"2026-05-04T14:23:00Z","who":{"first name":"Ada","id":7},"list":[1,"a"],"nothing":null,"window":"300","kind":"pii_found"}`))
	ev.ClientID = "odd-1"
	return ev
}

func TestTemplates(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "",
		"plain }} text":                     "plain }} text",
		"{{event.id}} of {{ event.org }}":   "odd-1 of acme",
		"{{ event.title }}: {{event.type}}": "Budget odd: budget.odd",
		"{{ event.time }}|{{ event.severity | Words }}":                   "2026-05-04 14:23:00 UTC|Info",
		"{{ event.data.spent | usd }} {{ event.data.n | count }}":         "$1,234.50 90,000",
		"{{ event.data.who.first name }} {{ event.data.who.id }}":         "Ada 7",
		"{{ event.data.list }} {{ event.data.window | seconds }}":         `[1,"a"] 5m`,
		"[{{ event.data.nothing }}{{ event.data.no.such | usd }}]":        "[]",
		"{{ event.data.kind | words }} {{ event.data.at | time }}":        "pii found 2026-05-04 14:23:00 UTC",
		"{{ event.data.kind | usd }} {{ event.subject }}{{event.source}}": "pii_found 42",
	} {
		tmpl, err := parseTemplate("config.title", in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if got := tmpl.render(templateEvent()); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
	for _, bad := range []string{
		"{{ event.title", "{{}}", "{{ title }}", "{{ event }}", "{{ event.titel }}", "{{ event.data }}", "{{ event.title.x }}", "{{ event.title | ago }}",
		"{{ event.title | }}", strings.Repeat("x", maxTemplate+1),
	} {
		_, err := parseTemplate("config.title", bad)
		var e *peal.Error
		if !errors.As(err, &e) || e.Code != peal.CodeInvalid || e.Field != "config.title" {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
}

func TestATemplateThatRepeatsIsBounded(t *testing.T) {
	ev := templateEvent()
	ev.Message = strings.Repeat("x", 100<<10)
	tmpl, err := parseTemplate("config.message", strings.Repeat("{{event.message}}", maxTemplate/len("{{event.message}}")))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(tmpl.render(ev)); got != 100<<10 {
		t.Errorf("%d bytes", got)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("{{ event.data.spent | usd }} {{event.title}}")
	f.Add("{{{{ event.data..a }}")
	f.Fuzz(func(t *testing.T, s string) {
		tmpl, err := parseTemplate("config.title", s)
		if err != nil {
			return
		}
		got := tmpl.render(templateEvent())
		if !strings.Contains(s, "{{") && got != s {
			t.Errorf("%q without values gives %q", s, got)
		}
	})
}
