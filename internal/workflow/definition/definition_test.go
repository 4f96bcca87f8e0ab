package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
)

var kinds = []*Spec{
	{Name: "http", Secrets: true, Fields: []Field{
		{Name: "url", Type: Text, Required: true},
		{Name: "method", Type: Text, Enum: []string{"GET", "POST"}},
		{Name: "body", Type: Any},
		{Name: "headers", Type: Object},
	}},
	{Name: "wait", Fields: []Field{{Name: "for", Type: Duration}, {Name: "until", Type: Time}}, Check: func(s *Step) error {
		if len(s.With) != 1 {
			return peal.Invalid("for", "for or until")
		}
		return nil
	}},
	{Name: "parallel", Branches: true, Fields: []Field{{Name: "branches", Type: Branches, Required: true}}},
}

const whole = `
name: Whole
description: All members
steps:
  - id: a
    uses: http
    if: webhook.body.event == "x"
    retry: {attempts: 3, backoff: 2s}
    timeout: 10s
    on_error: continue
    with:
      url: "https://example.com/{{ webhook.body.id }}"
      method: POST
      body: {n: 1.50, all: "{{ webhook.body }}"}
  - id: p
    uses: parallel
    with:
      branches:
        - - {id: b, uses: wait, with: {for: 1m}}
          - {id: c, uses: http, with: {url: "{{ steps.a.output.url }}"}}
        - {id: d, uses: wait, with: {until: "2026-05-04T14:23:00Z"}}
  - id: e
    uses: http
    with: {url: "https://example.com/{{ steps.c.status }}"}
`

func TestParse(t *testing.T) {
	d, err := Parse(whole, kinds)
	if err != nil {
		t.Fatal(err)
	}
	a, p := d.Steps[0], d.Steps[1]
	if d.Name != "Whole" || len(d.Steps) != 3 || a.Retry != (Retry{3, 2 * time.Second}) || a.Timeout != 10*time.Second || !a.Continue || a.If == nil {
		t.Errorf("read %+v", a)
	}
	if len(p.Branches) != 2 || len(p.Branches[0]) != 2 || p.Branches[1][0].ID != "d" {
		t.Errorf("read %+v", p)
	}
	// JSON says the same.
	again, err := Parse(string(d.Source.JSON()), kinds)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(d.Source.JSON()), string(again.Source.JSON())); diff != "" {
		t.Error(diff)
	}
	got, err := a.With["body"].Render(Scope{"webhook": map[string]any{"body": map[string]any{"id": json.Number("7")}}})
	if err != nil || fmt.Sprint(got) != "map[all:map[id:7] n:1.50]" {
		t.Errorf("rendered %v, %v", got, err)
	}
}

// Faults are told with line and column, in both languages.
func TestFaults(t *testing.T) {
	one := func(step string) string { return "steps:\n  - " + step }
	for text, want := range map[string]string{
		``:                           "line 1, column 1: the definition is empty",
		`{}`:                         "line 1, column 1: steps are missing",
		"{\n  \"steps\": [}":         "line 2, column 13: not JSON",
		"steps: [\n":                 "not YAML",
		"step: []":                   "line 1, column 1: unknown member step; there are name, description, steps",
		"steps: []":                  "line 1, column 8: a list of steps",
		one("{uses: http}"):          "line 2, column 6: the step has no id",
		one("{id: a}"):               "line 2, column 6: uses is missing",
		one("{id: a b, uses: http}"): "line 2, column 10: an id is 1 to 64",
		one("{id: a, uses: ftp}"):    `line 2, column 19: there is no kind "ftp"; there are http, wait, parallel`,
		one("{id: a, uses: http}"):   "http needs url",
		one("{id: a, uses: http, with: {url: 5}}"):                                                  "line 2, column 37: url is a text",
		one("{id: a, uses: http, with: {url: x, verb: y}}"):                                         "unknown member verb; http takes url, method, body, headers",
		one("{id: a, uses: http, with: {url: x, method: PUSH}}"):                                    "method is one of GET, POST",
		one("{id: a, uses: http, with: {url: \"{{ webhok.body }}\"}}"):                              "there is no webhok; there are execution, request, steps, webhook, workflow",
		one("{id: a, uses: http, with: {url: \"{{ webhook.bod }}\"}}"):                              "there is no webhook.bod; webhook has body",
		one("{id: a, uses: http, with: {url: \"{{ steps.b.output }}\"}}"):                           "no step b is over before this one",
		one("{id: a, uses: http, with: {url: \"{{ steps.a.output }}\"}}"):                           "no step a is over before this one",
		one("{id: a, uses: http, with: {url: \"{{ webhook.body\"}}"):                                "{{ without }}",
		one("{id: a, uses: http, with: {url: \"{{ webhook.body | up }}\"}}"):                        `there is no filter "up"`,
		one("{id: a, uses: http, with: {url: \"{{ webhook.body | round: x }}\"}}"):                  "an argument is a number",
		one("{id: a, uses: wait, with: {for: \"{{ secrets.S }}\"}}"):                                "line 2, column 37: {{ secrets.S }}: a wait step keeps what it takes, so that it cannot take secrets",
		one("{id: a, uses: http, with: {url: x, body: [{k: \"{{ secrets }}\"}]}}"):                  "line 2, column 51: {{ secrets }}: a secret is named secrets.NAME",
		one("{id: a, uses: http, with: {url: \"{{ secrets.S.x }}\"}}"):                              "a secret is named secrets.NAME",
		one("{id: a, uses: http, with: {url: \"{{ secrets.S | upper }}\"}}"):                        "a secret is named secrets.NAME, with nothing behind it",
		one("{id: a, uses: http, with: {url: x}, if: \"secrets.S == 'x'\"}"):                        "a condition sees execution, request, steps, webhook, workflow",
		one("{id: a, uses: wait, with: {for: soon}}"):                                               "for is a duration",
		one("{id: a, uses: wait}"):                                                                  "line 2, column 6: for or until",
		one("{id: a, uses: http, with: {url: x}, if: \"webhook.body ==\"}"):                         "unexpected end of the condition",
		one("{id: a, uses: http, with: {url: x}, if: \"event.type == 'x'\"}"):                       "a condition sees execution, request, steps, webhook, workflow",
		one("{id: a, uses: http, with: {url: x}, retry: {attempts: 99}}"):                           "attempts is how often",
		one("{id: a, uses: http, with: {url: x}, timeout: 1h}"):                                     "a duration such as 30s",
		one("{id: a, uses: http, with: {url: x}, on_error: ignore}"):                                "on_error is fail or continue",
		one("{id: a, uses: http, with: {url: &x y}}"):                                               "anchor is not for definitions",
		one("{id: a, uses: http, with: {url: x}}\n  - {id: a, uses: http, with: {url: x}}"):         "line 3, column 10: there is a step a already",
		"steps:" + strings.Repeat("\n  - {id: aN, uses: http, with: {url: x}}", 1) + manySteps(101): "at most 100 steps",
		`{"steps":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`:                       "nested deeper than 32",
		strings.Repeat("x", MaxSize+1):                                                              "at most 131072 bytes",
	} {
		_, err := Parse(text, kinds)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.120s\n got %v\nwant %s", text, err, want)
		}
	}
}

func manySteps(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\n  - {id: s%d, uses: http, with: {url: x}}", i)
	}
	return b.String()
}

func TestTemplates(t *testing.T) {
	body, err := Decode([]byte(`{"event":"push","n":12.50,"big":12345678901234567890123,"list":["a","b",3],"none":null,"yes":true,"o":{"content-type":"x","a b":1},"at":"2026-04-01T10:30:00Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	scope := Scope{"webhook": map[string]any{"body": body, "headers": map[string]any{"content-type": "application/json"}}}
	for text, want := range map[string]string{
		`plain`:                    `"plain"`,
		`{{ webhook.body.event }}`: `"push"`,
		`{{webhook.body.n}}`:       `12.50`,
		`{{ webhook.body.big }}`:   `12345678901234567890123`,
		`n={{ webhook.body.n }}!`:  `"n=12.50!"`,
		`{{ webhook.body.list }}`:  `["a","b",3]`,
		`{{ webhook.body.list[1] }}{{ webhook.body.list.2 }}`: `"b3"`,
		`{{ webhook.body.o["a b"] }}`:                         `1`,
		`{{ webhook.headers.content-type }}`:                  `"application/json"`,
		`{{ webhook.body.none }}`:                             `null`,
		`<{{ webhook.body.none }}>`:                           `"<>"`,
		`{{ webhook.body.gone | default: "x" }}`:              `"x"`,
		`{{ webhook.body.none | default(5) }}`:                `5`,
		`{{ webhook.body.event | upper | lower }}`:            `"push"`,
		`{{ webhook.body.list | join: "-" }}`:                 `"a-b-3"`,
		`{{ webhook.body.list | json }}`:                      `"[\"a\",\"b\",3]"`,
		`{{ webhook.body.n | round: 1 }}`:                     `12.5`,
		`{{ webhook.body.n | round }}`:                        `13`,
		`{{ webhook.body.n | string }}`:                       `"12.50"`,
		`{{ webhook.body.at | date: "2006" }}`:                `"2026"`,
		`{{ webhook.body.list | size }}`:                      `3`,
		`{{ webhook.body.event | truncate: 3 }}`:              `"pu…"`,
		`{{ webhook.body.event | replace: "p", "cr" }}`:       `"crush"`,
		`{{ webhook.body.list | last }}`:                      `3`,
		`{{ "}}" }}`:                                          `error: a path such as`,
		`{{ webhook.body.gone }}`:                             `error: there is no webhook.body.gone`,
		`{{ webhook.body.event.x }}`:                          `error: there is no webhook.body.event.x`,
		`{{ webhook.body.n | upper }}`:                        `error: upper: it is not a text`,
		`{{ webhook.body.event | round }}`:                    `error: round: it is not a number`,
	} {
		got := render(text, scope)
		if reason, fails := strings.CutPrefix(want, "error: "); got != want && (!fails || !strings.HasPrefix(got, "error: ") || !strings.Contains(got, reason)) {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
}

func render(text string, scope Scope) string {
	tmpl, err := parseTemplate(text)
	if err != nil {
		return "error: " + err.Error()
	}
	v, err := tmpl.render(scope, new(room(maxMade)))
	if err != nil {
		return "error: " + err.Error()
	}
	doc, err := AppendJSON(nil, v)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(doc)
}

func TestSecretsAreNoted(t *testing.T) {
	d, err := Parse("steps:\n  - {id: p, uses: parallel, with: {branches: [{id: a, uses: http, with: {url: \"x/{{ secrets.A }}/{{ secrets.B }}\", headers: {h: \"{{secrets.C}}\"}}}]}}", kinds)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range All(d.Steps) {
		for _, use := range s.Secrets {
			names = append(names, s.ID+"."+use.Name)
		}
	}
	if !slices.Equal(names, []string{"a.A", "a.B", "a.C"}) {
		t.Errorf("noted %v", names)
	}
}

// A text that is one expression gives back what was put in; a text without expressions
// is itself.
func TestTemplatesKeepValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.Map(rapid.String(), func(s string) any { return strings.ToValidUTF8(s, "?") }),
			rapid.Map(rapid.Int64(), func(n int64) any { return json.Number(fmt.Sprint(n)) }),
			rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Map(rapid.SliceOf(rapid.Int()), func(s []int) any {
				list := []any{}
				for _, n := range s {
					list = append(list, json.Number(fmt.Sprint(n)))
				}
				return list
			}),
		).Draw(t, "value")
		name := rapid.StringMatching(`[a-zA-Z0-9_-]{1,20}`).Draw(t, "name")
		scope := Scope{"webhook": map[string]any{"body": map[string]any{name: value}}}
		want, err := AppendJSON(nil, value)
		if err != nil {
			t.Fatal(err)
		}
		if got := render("{{ webhook.body."+name+" }}", scope); got != string(want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		text := strings.ReplaceAll(strings.ToValidUTF8(rapid.String().Draw(t, "text"), "?"), "{{", "{")
		quoted, err := AppendJSON(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := render(text, scope); text != "" && got != string(quoted) {
			t.Errorf("%q: got %s", text, got)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"{{ webhook.body.a | default: \"x\" }}", "a{{b[0]['c']}}", "{{ a | round: 1e99 }}", "{{", "}}", "{{ a.b.c | join(\", \") | size }}"} {
		f.Add(seed, `{"a":[1,"x",{"b":1e400}]}`)
	}
	f.Fuzz(func(t *testing.T, text, doc string) {
		body, err := Decode([]byte(doc))
		if err != nil {
			return
		}
		tmpl, err := parseTemplate(text)
		if err != nil {
			return
		}
		v, err := tmpl.render(Scope{"webhook": map[string]any{"body": body}, "a": body}, new(room(maxMade)))
		if s, ok := v.(string); err == nil && ok && len(s) > MaxRendered+len(text)+len(doc) {
			t.Errorf("%d bytes of %q", len(s), text)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(`{"name":"x","steps":[{"id":"a","uses":"http","with":{"url":"x"}}]}`)
	f.Add("steps:\n\t- id: a")
	f.Add("? a\n: b")
	f.Add("steps: [{id: a, uses: http, with: {url: \"x/{{ secrets.A }}\"}}]")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text, kinds)
		if err != nil {
			if peal.CodeOf(err) == peal.CodeInternal {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if !json.Valid(d.Source.JSON()) {
			t.Errorf("%q is not JSON: %s", text, d.Source.JSON())
		}
		if _, err := Parse(string(d.Source.JSON()), kinds); err != nil {
			t.Errorf("%q reads, its JSON does not: %v\n%s", text, err, d.Source.JSON())
		}
	})
}

func TestMergeAndSchema(t *testing.T) {
	merged, err := Merge("name: a\nsteps:\n  - {id: a, uses: http, with: {url: x}}\n", `{"name":"b"}`)
	if err != nil || merged != `{"name":"b","steps":[{"id":"a","uses":"http","with":{"url":"x"}}]}` {
		t.Errorf("merged %s, %v", merged, err)
	}
	doc, err := json.Marshal(Schema(kinds))
	if err != nil || !strings.Contains(string(doc), `"const":"parallel"`) {
		t.Errorf("schema %s, %v", doc, err)
	}
}

// A definition of a few lines cannot make more of a webhook than fits into memory.
func TestRenderTakesBoundedMemory(t *testing.T) {
	scope := Scope{"webhook": map[string]any{"body": map[string]any{
		"text": strings.Repeat("1,", 50_000), "list": "[" + strings.Repeat("1,", 50_000) + "1]", "object": map[string]any{"text": strings.Repeat("x", 200_000)},
	}}}
	for _, text := range []string{
		"{{ webhook.body.text | split: ',' }}", "{{ webhook.body.text | split: '' }}", "{{ webhook.body.list | parse }}", "{{ webhook.body.text | upper }}", "{{ webhook.body.object | json }}",
		"of {{ webhook.body.text }}", "{{ webhook.body.text | split: ',' | join: '; ' }}",
	} {
		for _, n := range []int{1, 1000} {
			items, err := json.Marshal(slices.Repeat([]string{text}, n))
			if err != nil {
				t.Fatal(err)
			}
			d, err := Parse(`{"name":"n","steps":[{"id":"a","uses":"http","with":{"url":"https://example.com","body":`+string(items)+`}}]}`, kinds)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Steps[0].With["body"].Render(scope); (err == nil) != (n == 1) || n > 1 && !errors.Is(err, errTooMuch) {
				t.Errorf("%d times %s: %v", n, text, err)
			}
		}
	}
}
