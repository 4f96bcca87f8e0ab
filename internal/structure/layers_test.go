package structure

import (
	"slices"
	"strings"
	"testing"
)

// layers gives each package its height; a package imports only lower ones. A new
// package is added here and in docs/architecture.md.
var layers = map[string]int{
	"internal/peal":       0,
	"internal/strictjson": 0,
	"test/idptest":        0,
	"test/pgtest":         0,
	"test/plantest":       0,
	"test/temporaltest":   0,
	"webhook":             0,

	"client":             1,
	"internal/catalogue": 1,
	"internal/config":    1,
	"internal/egress":    1,
	"internal/filter":    1,

	"internal/inbound/scheme": 1,

	"internal/receiver":  1,
	"internal/schedule":  1,
	"internal/secret":    1,
	"internal/sso":       1,
	"internal/telemetry": 1,
	"internal/transform": 1,

	"internal/auth":      2,
	"internal/channel":   2,
	"internal/directory": 2,
	"internal/profile":   2,

	"internal/workflow/definition": 2,

	"internal/desk":       3,
	"internal/dispatch":   3,
	"internal/inbound":    3,
	"internal/janitor":    3,
	"internal/publish":    3,
	"internal/settings":   3,
	"internal/workflow":   3,
	"internal/governance": 3,

	"internal/api":            4,
	"internal/dashboard":      4,
	"internal/store":          4,
	"internal/store/flow":     4,
	"internal/store/ledger":   4,
	"internal/store/queue":    4,
	"internal/store/settings": 4,
	"internal/store/signin":   4,
	"internal/temporal":       4,

	"internal/app":             5,
	"internal/bench":           5,
	"internal/store/storetest": 5,

	"internal/cli": 6,

	"cmd/peal": 7,
}

// equipment is for tests: what Peal talks to.
var equipment = []string{"test/idptest", "test/pgtest", "test/temporaltest"}

// standalone packages are for other people's programs: they bring nothing along.
var standalone = []string{"webhook", "client"}

func TestLayers(t *testing.T) {
	for dir, files := range packages(t) {
		height, known := layers[dir]
		if !known {
			t.Errorf("package %s has no layer", dir)
			continue
		}
		for _, file := range files {
			own, _ := file.Imports()
			for _, imported := range own {
				lower, known := layers[imported]
				switch {
				case !known:
					t.Errorf("%s imports %s, which has no layer", file.Path, imported)
				case lower < height:
				case lower == height && partOf(dir, imported):
				default:
					t.Errorf("%s (layer %d) imports %s (layer %d): imports go to lower layers", file.Path, height, imported, lower)
				}
			}
		}
	}
}

// partOf tells whether dir stands inside parent: a concept of the store may use
// the store that it is a part of.
func partOf(dir, parent string) bool { return strings.HasPrefix(dir, parent+"/") }

func TestPublicPackagesUseTheStandardLibraryAlone(t *testing.T) {
	pkgs := packages(t)
	for _, dir := range standalone {
		for _, file := range pkgs[dir] {
			own, other := file.Imports()
			for _, path := range own {
				if !slices.Contains(standalone, path) {
					t.Errorf("%s imports %s", file.Path, path)
				}
			}
			for _, path := range other {
				if strings.Contains(strings.Split(path, "/")[0], ".") {
					t.Errorf("%s imports %s", file.Path, path)
				}
			}
		}
	}
}

func TestBlackBoxTestsSeeOnlyWhatUsersSee(t *testing.T) {
	for _, file := range sources(t) {
		if file.Package() != "test/blackbox" {
			continue
		}
		own, _ := file.Imports()
		for _, path := range own {
			if !slices.Contains(equipment, path) && !slices.Contains(standalone, path) {
				t.Errorf("%s imports %s", file.Path, path)
			}
		}
	}
}
