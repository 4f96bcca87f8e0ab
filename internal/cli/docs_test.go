package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/cli.md")

const docsFile = "../../docs/cli.md"

// TestDocumentation holds docs/cli.md against what the program parses.
func TestDocumentation(t *testing.T) {
	parser, err := newParser(&grammar{}, Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	got := reference(parser)
	if *update {
		if err := os.WriteFile(docsFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/cli.md is out of date (-file +program); run go test ./internal/cli -update\n%s", diff)
	}
}

// reference writes the program's commands and flags as Markdown.
func reference(k *kong.Kong) string {
	var b strings.Builder
	b.WriteString("# Command line\n\nWritten by `go test ./internal/cli -update`; do not edit.\n\n" + fenced(k.Model.Help) + `
A flag wins over the environment. The exit code is 0 for success, 1 for failure, and 2 for a command line
that makes no sense.

`)
	for _, node := range k.Model.Children {
		if !node.Hidden {
			command(&b, node, 2)
		}
	}
	return b.String()
}

func command(b *strings.Builder, node *kong.Node, level int) {
	fmt.Fprintf(b, "%s %s\n\n%s\n\n", strings.Repeat("#", level), node.FullPath(), node.Help)
	if len(node.Children) > 0 {
		for _, child := range node.Children {
			command(b, child, level+1)
		}
		return
	}
	fmt.Fprintf(b, "```\n%s\n```\n\n", node.FullPath()+strings.TrimPrefix(node.Summary(), node.Path()))
	if node.Detail != "" {
		b.WriteString(fenced(node.Detail) + "\n")
	}
	if len(node.Positional) > 0 {
		b.WriteString("| argument | |\n|---|---|\n")
		for _, p := range node.Positional {
			fmt.Fprintf(b, "| `%s` | %s |\n", p.Name, cell(p.Help))
		}
		b.WriteString("\n")
	}
	b.WriteString("| flag | environment | default | |\n|---|---|---|---|\n")
	for _, f := range node.Flags {
		if f.Hidden {
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", flagName(f), code(strings.Join(f.Envs, ", ")), code(f.Default), cell(f.Help))
	}
	b.WriteString("\n")
}

func flagName(f *kong.Flag) string {
	name := "--" + f.Name
	if f.Negated {
		name = "--[no-]" + f.Name
	}
	if f.Short != 0 {
		name = fmt.Sprintf("-%c, %s", f.Short, name)
	}
	return name
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// fenced turns indented lines into fenced blocks.
func fenced(text string) string {
	var b strings.Builder
	inside := false
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		rest, indented := strings.CutPrefix(line, "    ")
		if indented != inside {
			b.WriteString("```\n")
			inside = indented
		}
		b.WriteString(rest + "\n")
	}
	if inside {
		b.WriteString("```\n")
	}
	return b.String()
}
