package bench

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	dashboardRoute = regexp.MustCompile(`\.handle\("GET (/[^"]*)", ("[^"]*"|auth\.\w+)`)
	placeholder    = regexp.MustCompile(`\{[^}]*\}`)
)

// What the dashboard serves is measured, and so is what a portal shows of it.
func TestEveryPageIsMeasured(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "dashboard", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var pages, portal []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range dashboardRoute.FindAllStringSubmatch(string(text), -1) {
			route := placeholder.ReplaceAllString(m[1], "*")
			if pages = append(pages, route); m[2] != `""` {
				portal = append(portal, route)
			}
		}
	}
	if len(pages) < 25 || len(portal) < 5 {
		t.Fatalf("only %d pages were found, and %d of portals", len(pages), len(portal))
	}
	for _, part := range []struct {
		name  string
		pages []string
		views []view
	}{{"the dashboard", pages, dashboardViews}, {"the portal", portal, portalViews}} {
		var measured []string
		for _, v := range part.views {
			path, _, _ := strings.Cut(v.path, "?")
			measured = append(measured, placeholder.ReplaceAllString(path, "*"))
		}
		for _, p := range part.pages {
			if !slices.Contains(measured, p) {
				t.Errorf("%s of %s is not measured", p, part.name)
			}
		}
		for _, p := range measured {
			if !slices.Contains(part.pages, p) {
				t.Errorf("%s is no page of %s", p, part.name)
			}
		}
	}
}

func TestAddressesAreFilledIn(t *testing.T) {
	samples := map[string][]string{"a": {"one", "two words"}, "b": {"x"}}
	for fetch, want := range []string{"/one/x?c=1", "/two+words/x?c=1", "/one/x?c=1"} {
		if got, err := fillIn("/{a}/{b}?c=1", samples, fetch); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	if got, err := fillIn("/{c}", samples, 0); err == nil {
		t.Errorf("%q without a sample", got)
	}
}

func TestSlowPagesAreTold(t *testing.T) {
	r := PagesReport{LimitMS: 100, Pages: []PageTimes{
		{Path: "/quick", P50: 1, P95: 99.9, Max: 500}, {Path: "/slow", P50: 1, P95: 100}, {Path: "/failed", Failed: 1},
	}}
	if slow := r.Slow(); !slices.Equal(slow, []string{"/slow", "/failed"}) {
		t.Errorf("%v", slow)
	}
	var out strings.Builder
	if err := r.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`99\.9 .* /quick\n`, ` slow +/slow\n`, ` failed +/failed\n`} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}
