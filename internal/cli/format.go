package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// format is how a command prints its result.
type format struct {
	Output string `short:"o" enum:"table,json" default:"table" help:"table or json."`
}

func (f format) json() bool { return f.Output == "json" }

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// column is one column of a table of T.
type column[T any] struct {
	title string
	cell  func(T) string
}

// list prints rows as JSON or as a table.
func list[T any](w io.Writer, f format, rows []T, columns ...column[T]) error {
	if f.json() {
		return writeJSON(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.title
	}
	fmt.Fprintln(t, strings.Join(titles, "\t"))
	for _, row := range rows {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = orDash(c.cell(row))
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// field is one line of an object that is printed for people.
type field struct{ name, value string }

// show prints one object as JSON, or the fields that are set.
func show(w io.Writer, f format, v any, fields ...field) error {
	if f.json() {
		return writeJSON(w, v)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range fields {
		if line.value != "" {
			fmt.Fprintf(t, "%s\t%s\n", line.name, oneLine(line.value))
		}
	}
	return t.Flush()
}

// oneLine keeps what a receiver or a publisher wrote from drawing on the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return oneLine(s)
}

func shortTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
