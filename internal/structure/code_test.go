package structure

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

const maxLines = 400

func TestPackageComments(t *testing.T) {
	sentence := regexp.MustCompile(`[.!?](\s|$)`)
	negation := regexp.MustCompile(`\b(not|never|nothing|no|elsewhere)\b`)
	for dir, files := range packages(t) {
		var comments []string
		for _, file := range files {
			if file.AST.Doc != nil {
				comments = append(comments, file.AST.Doc.Text())
			}
		}
		if len(comments) != 1 {
			t.Errorf("package %s has %d package comments, want one, in doc.go", dir, len(comments))
			continue
		}
		if n := len(sentence.FindAllString(comments[0], -1)); n < 2 || !negation.MatchString(comments[0]) {
			t.Errorf("package %s: the comment says what the package is, and what it is not for", dir)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for dir, files := range packages(t) {
		for _, file := range files {
			if file.Lines > maxLines && !ast.IsGenerated(file.AST) {
				t.Errorf("%s has %d lines, at most %d: split package %s by concept", file.Path, file.Lines, maxLines, dir)
			}
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, files := range packages(t) {
		for _, file := range files {
			for _, decl := range file.AST.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: nothing happens by importing a package", fset.Position(fn.Pos()))
				}
			}
		}
	}
}

func TestNothingIsLeftOpen(t *testing.T) {
	open := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	for _, file := range sources(t) {
		for _, group := range file.AST.Comments {
			for _, c := range group.List {
				if open.MatchString(c.Text) {
					t.Errorf("%s: open work belongs in the issue tracker: %s", fset.Position(c.Pos()), c.Text)
				}
			}
		}
	}
}

func TestPackageNamesSayWhatTheyProvide(t *testing.T) {
	for dir := range packages(t) {
		switch name := dir[strings.LastIndexByte(dir, '/')+1:]; name {
		case "util", "utils", "common", "helpers", "models", "types", "misc", "base", "shared":
			t.Errorf("package %s: name it for what it provides", dir)
		}
	}
}
