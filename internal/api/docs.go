package api

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html docs.css
var docsFiles embed.FS

// docsPolicy lets the page load nothing but its own style sheet.
const docsPolicy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// documentRoutes serves the OpenAPI document and a page that is made from it. They
// describe all other routes, so they come last.
func (a *api) documentRoutes() {
	document, err := a.document()
	if err != nil {
		panic(err) // only code decides what the document holds
	}
	page := a.docsPage()
	style, _ := docsFiles.ReadFile("docs.css")
	serve := func(path, contentType string, content []byte) {
		a.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Content-Security-Policy", docsPolicy)
			_, _ = w.Write(content)
		})
	}
	serve("/openapi.json", "application/openapi+json", document)
	serve("/docs", "text/html; charset=utf-8", page)
	serve("/docs/style.css", "text/css; charset=utf-8", style)
}

// docsOperation is an operation as the page shows it.
type docsOperation struct {
	*huma.Operation
	Fields    []docsField
	Curl      string
	Answer    string // an example
	Status    string // of the answer
	Responses []docsResponse
}

type docsResponse struct{ Status, Description string }

// docsField is a member of a request body; those of an object in it follow it.
type docsField struct {
	Name, Type, Description string
	Required                bool
}

type docsSection struct {
	Tag        string
	Operations []docsOperation
}

func (a *api) docsPage() []byte {
	var page bytes.Buffer
	t := template.Must(template.ParseFS(docsFiles, "docs.html"))
	err := t.Execute(&page, map[string]any{"Info": a.huma.OpenAPI().Info, "Sections": a.docsSections()})
	if err != nil {
		panic(err) // only code decides what the page holds
	}
	return page.Bytes()
}

// docsSections groups operations by their first tag.
func (a *api) docsSections() []docsSection {
	byTag := map[string][]docsOperation{}
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				byTag[op.Tags[0]] = append(byTag[op.Tags[0]], a.docsOperation(op))
			}
		}
	}
	var sections []docsSection
	for _, tag := range slices.Sorted(maps.Keys(byTag)) {
		slices.SortFunc(byTag[tag], func(x, y docsOperation) int {
			return cmp.Or(strings.Compare(x.Path, y.Path), strings.Compare(x.Method, y.Method))
		})
		sections = append(sections, docsSection{tag, byTag[tag]})
	}
	return sections
}

func (a *api) docsOperation(op *huma.Operation) docsOperation {
	out := docsOperation{Operation: op, Curl: a.curl(op)}
	if op.RequestBody != nil {
		out.Fields = a.docsFields("", op.RequestBody.Content["application/json"].Schema)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		out.Responses = append(out.Responses, docsResponse{status, r.Description})
		if media := r.Content["application/json"]; status < "300" && media != nil {
			out.Status, out.Answer = status, a.exampleText(media, true)
		}
	}
	return out
}

// docsFields are the members of a schema by name, the required ones first. Of several
// alternatives it shows the first.
func (a *api) docsFields(prefix string, s *huma.Schema) []docsField {
	if s = a.resolve(s); len(s.OneOf) > 0 {
		s = a.resolve(s.OneOf[0])
	}
	names := slices.SortedFunc(maps.Keys(s.Properties), func(x, y string) int {
		before := func(name string) int { return slices.Index([]bool{true, false}, slices.Contains(s.Required, name)) }
		return cmp.Or(before(x)-before(y), strings.Compare(x, y))
	})
	var out []docsField
	for _, name := range names {
		p := s.Properties[name]
		inner := a.resolve(p)
		out = append(out, docsField{
			Name: prefix + name, Type: a.typeName(inner), Required: slices.Contains(s.Required, name),
			Description: cmp.Or(p.Description, inner.Description),
		})
		out = append(out, a.docsFields(prefix+name+".", inner)...)
	}
	return out
}

// typeName is a schema's type in a word or two.
func (a *api) typeName(s *huma.Schema) string {
	switch {
	case len(s.Enum) > 0:
		var values []string
		for _, v := range s.Enum {
			values = append(values, fmt.Sprint(v))
		}
		return strings.Join(values, " | ")
	case s.Type == huma.TypeArray:
		return "array of " + a.typeName(a.resolve(s.Items)) + "s"
	case s.Format == "date-time":
		return "RFC 3339 time"
	}
	return cmp.Or(s.Type, "any JSON")
}

// curl is a command that can be pasted into a shell.
func (a *api) curl(op *huma.Operation) string {
	path := op.Path
	for _, p := range op.Parameters {
		if p.In == "path" {
			example := "ID"
			if len(p.Schema.Examples) > 0 {
				example = fmt.Sprint(p.Schema.Examples[0])
			}
			path = strings.ReplaceAll(path, "{"+p.Name+"}", example)
		}
	}
	command := "curl"
	if op.Method != http.MethodGet {
		command += " -X " + op.Method
	}
	command += ` "` + cmp.Or(strings.TrimSuffix(a.PublicURL, "/"), "$PEAL_URL") + path + `" \` + "\n" + `  -H "Authorization: Bearer $PEAL_KEY"`
	if op.RequestBody == nil {
		return command
	}
	body := strings.ReplaceAll(a.exampleText(op.RequestBody.Content["application/json"], false), "'", `'\''`)
	return command + " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + body + "'"
}

func (a *api) exampleText(media *huma.MediaType, whole bool) string {
	v := media.Example
	if v == nil {
		v = a.example(media.Schema, whole)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic(err) // only code decides what an example holds
	}
	return strings.TrimSpace(out.String())
}

// example makes a value that fits a schema, from the examples of its parts. Unless it
// is to be whole, optional members without an example are left out.
func (a *api) example(s *huma.Schema, whole bool) any {
	switch {
	case s.Ref != "":
		return a.example(a.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref), whole)
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.OneOf) > 0:
		return a.example(s.OneOf[0], whole)
	case s.Nullable:
		return nil
	}
	switch s.Type {
	case huma.TypeObject:
		out := map[string]any{}
		for name, property := range s.Properties {
			if whole || len(property.Examples) > 0 || slices.Contains(s.Required, name) {
				out[name] = a.example(property, whole)
			}
		}
		return out
	case huma.TypeArray:
		return []any{a.example(s.Items, whole)}
	case huma.TypeString:
		if s.Format == "date-time" {
			return "2026-05-04T15:00:00Z"
		}
		return ""
	case huma.TypeInteger, huma.TypeNumber:
		return 0
	case huma.TypeBoolean:
		return false
	}
	return map[string]any{} // any JSON
}
