// Package structure holds the tests of what no compiler checks: layers, package
// comments, the size of files, and that the documents say what the tree is. It is
// not for behaviour, and it reads sources rather than ask the go command, whose
// answers the test cache does not see.
package structure

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/peal-dev/peal"
)

// source is a parsed Go file; Path is relative to the module's root.
type source struct {
	Path  string
	Test  bool
	Lines int
	AST   *ast.File
}

// Package is the directory that the file stands in.
func (s *source) Package() string { return filepath.ToSlash(filepath.Dir(s.Path)) }

// Imports are the module's own packages that the file imports, as directories,
// and the paths of all others.
func (s *source) Imports() (own, other []string) {
	for _, spec := range s.AST.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if dir, ok := strings.CutPrefix(path, module+"/"); ok {
			own = append(own, dir)
		} else {
			other = append(other, path)
		}
	}
	return own, other
}

var fset = token.NewFileSet()

// sources parses every Go file of the module.
func sources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "testdata" || name == "bin" || strings.HasPrefix(name, ".") && path != root {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		all = append(all, &source{
			Path:  filepath.ToSlash(rel),
			Test:  strings.HasSuffix(path, "_test.go"),
			Lines: strings.Count(string(text), "\n"),
			AST:   file,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found only %d Go files from %s", len(all), root)
	}
	return all
}

// packages groups the files that are compiled into the product by package.
func packages(t *testing.T) map[string][]*source {
	t.Helper()
	out := map[string][]*source{}
	for _, s := range sources(t) {
		if !s.Test {
			out[s.Package()] = append(out[s.Package()], s)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// document reads a file of the tree.
func document(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
