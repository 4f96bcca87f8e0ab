package catalogue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

var chapters = map[string]string{
	"nemo":      "Nemo Router",
	"curate-me": "Curate-Me",
	"nembl":     "Nembl",
	"nolxy":     "Nolxy",
	"peal":      "Peal",
}

// docs/event-types.md is written from the catalogue, so that it cannot drift.
func TestDocs(t *testing.T) {
	var out strings.Builder
	out.WriteString(`# Event types

The catalogue that every Peal has from the start, also at ` + "`GET /v1/event-types`" + `. It documents and never refuses: any other
type is accepted too, and an org can register its own with a schema that is enforced. The title and the message are what an
event gets that was sent without them.

<!-- Written by go test ./internal/catalogue -update; do not edit. -->
`)
	source := ""
	for i := range All() {
		typ := &All()[i]
		if typ.Source != source {
			source = typ.Source
			fmt.Fprintf(&out, "\n## %s\n", chapters[source])
		}
		title, message, _ := typ.Describe(exampleOf(typ))
		fmt.Fprintf(&out, "\n### `%s`\n\n%s Severity: %s", typ.Name, typ.Description, typ.Severity)
		if typ.escalate != nil {
			out.WriteString(", or higher as the data say")
		}
		fmt.Fprintf(&out, ".\n\n> **%s**\\\n> %s\n\n| data | type | |\n|---|---|---|\n", title, message)
		for _, p := range typ.properties {
			optional := ""
			if p.optional {
				optional = " (optional)"
			}
			kind, format, _ := strings.Cut(p.kind, ":")
			if kind == "id" {
				kind = "string or integer"
			}
			if format != "" {
				kind = format
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s%s |\n", p.name, kind, p.description, optional)
		}
		var example bytes.Buffer
		if err := json.Indent(&example, typ.Example, "", "  "); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "\n```json\n%s\n```\n", example.String())
	}
	golden(t, "../../docs/event-types.md", []byte(out.String()))
}
