package telemetry

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the metrics into docs/operations.md")

// TestDocumentation holds the table of docs/operations.md against the registry.
func TestDocumentation(t *testing.T) {
	m := NewMetrics("1.2.3", []string{"standard"})
	zero := func() float64 { return 0 }
	m.Watch(State{zero, zero, zero, zero, zero, zero, zero})
	m.Instrument(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "peal_") {
			fmt.Fprintf(&table, "| `%s` | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), f.GetHelp())
		}
	}

	const file, header = "../../docs/operations.md", "| metric | type | |\n|---|---|---|\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), header)
	if !ok {
		t.Fatalf("no table with the header %q", header)
	}
	_, after, _ := strings.Cut("\n"+rest, "\n\n")
	if after != "" {
		after = "\n" + after
	}
	want := before + header + table.String() + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("docs/operations.md (-registry +page); run go test ./internal/telemetry -update\n%s", diff)
	}
}
