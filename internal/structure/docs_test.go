package structure

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

// rows reads the table whose header starts with the given cell.
func rows(t *testing.T, text, header string) [][]string {
	t.Helper()
	_, table, ok := strings.Cut(text, "\n| "+header+" |")
	if !ok {
		t.Fatalf("no table with the header %q", header)
	}
	var out [][]string
	for _, line := range strings.Split(table, "\n")[2:] {
		if !strings.HasPrefix(line, "| ") {
			break
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		for i, cell := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cell), "`")
		}
		out = append(out, cells)
	}
	return out
}

func TestArchitectureTable(t *testing.T) {
	want := map[string]int{}
	for dir := range packages(t) {
		want[dir] = layers[dir]
	}
	got := map[string]int{}
	for _, row := range rows(t, document(t, "docs/architecture.md"), "package") {
		height, err := strconv.Atoi(row[1])
		if err != nil || len(row) != 3 || row[2] == "" {
			t.Errorf("row %q: want package, layer and one line", row)
		}
		got[row[0]] = height
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/architecture.md and the tree differ (-tree +document):\n%s", diff)
	}
}

func TestDeliveryStates(t *testing.T) {
	var want []string
	for _, s := range peal.Statuses {
		want = append(want, string(s))
	}
	slices.Sort(want)

	text := document(t, "docs/delivery-states.md")
	var listed []string
	for _, row := range rows(t, text, "state") {
		listed = append(listed, row[0])
	}
	slices.Sort(listed)
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("the table of docs/delivery-states.md (-code +document):\n%s", diff)
	}

	drawn := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\s*(\S+) --> ([a-z]+|\[\*\])`).FindAllStringSubmatch(text, -1) {
		for _, state := range m[1:] {
			if state != "[*]" {
				drawn[state] = true
			}
		}
	}
	if diff := cmp.Diff(want, sortedKeys(drawn)); diff != "" {
		t.Errorf("the drawing of docs/delivery-states.md (-code +document):\n%s", diff)
	}
}

func TestDependenciesAreJustified(t *testing.T) {
	var want []string
	for _, block := range regexp.MustCompile(`(?s)require \((.*?)\)`).FindAllStringSubmatch(document(t, "go.mod"), -1) {
		for _, line := range strings.Split(block[1], "\n") {
			if fields := strings.Fields(line); len(fields) == 2 {
				want = append(want, fields[0])
			}
		}
	}
	var got []string
	for _, row := range rows(t, document(t, "docs/dependencies.md"), "module") {
		if len(row) != 3 || row[1] == "" || row[2] == "" {
			t.Errorf("row %q: want module, licence and reason", row)
		}
		got = append(got, row[0])
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/dependencies.md and go.mod's direct requirements differ (-go.mod +document):\n%s", diff)
	}
}

// documents lists the Markdown files of the tree.
func documents(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			out = append(out, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDocumentsNameRealTargets(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(document(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	for _, name := range []string{"help", "run", "build", "test", "race", "lint", "generate", "verify", "bench", "fuzz"} {
		if !targets[name] {
			t.Errorf("the Makefile has no target %s", name)
		}
	}
	command := regexp.MustCompile("(?m)(?:^|`)make ([a-z]+)")
	for _, path := range documents(t) {
		for _, m := range command.FindAllStringSubmatch(document(t, path), -1) {
			if !targets[m[1]] {
				t.Errorf("%s names make %s, which the Makefile lacks", path, m[1])
			}
		}
	}
}

// Whoever reads the README finds every document.
func TestReadmeLinksToEveryDocument(t *testing.T) {
	readme := document(t, "README.md")
	for _, path := range documents(t) {
		if filepath.Dir(path) == "docs" && !strings.Contains(readme, "]("+filepath.ToSlash(path)+")") {
			t.Errorf("README.md does not link to %s", path)
		}
	}
}

func TestDocumentsLinkToWhatExists(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)`)
	for _, path := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(document(t, path), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	}
}
