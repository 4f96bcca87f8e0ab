package channel

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/peal"
)

// node is a part of a document in Atlassian's format:
// https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
type node struct {
	Type    string         `json:"type"`
	Version int            `json:"version,omitempty"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Text    string         `json:"text,omitempty"`
	Marks   []adfMark      `json:"marks,omitempty"`
	Content []node         `json:"content,omitempty"`
}

type adfMark struct {
	Type  string            `json:"type"`
	Attrs map[string]string `json:"attrs,omitempty"`
}

// maxJiraText keeps a description and a comment below Jira's 32,767 characters: of the
// text, and of all details together, in bytes.
const maxJiraText = 12 << 10

// adf is a message as a document. Text stands in nodes of its own, so that nothing in it
// can be markup.
func adf(m *Message) node {
	doc := node{Type: "doc", Version: 1, Content: paragraphs(peal.Clip(m.Text, maxJiraText))}
	if rows := shownDetails(m); len(rows) > 0 {
		table := node{Type: "table", Attrs: map[string]any{"isNumberColumnEnabled": false, "layout": "default"}}
		for _, r := range rows {
			cell := paragraphs(r.text)
			if r.long {
				cell = []node{{Type: "codeBlock", Content: []node{{Type: "text", Text: r.text}}}}
			}
			table.Content = append(table.Content, node{Type: "tableRow", Content: []node{
				{Type: "tableHeader", Content: paragraphs(r.label)}, {Type: "tableCell", Content: cell},
			}})
		}
		doc.Content = append(doc.Content, table)
	}
	last := []node{{Type: "text", Text: footer(m)}}
	if m.Link != "" {
		last = append(last, node{Type: "text", Text: " · "}, node{
			Type: "text", Text: "Open in Peal", Marks: []adfMark{{Type: "link", Attrs: map[string]string{"href": m.Link}}},
		})
	}
	doc.Content = append(doc.Content, node{Type: "paragraph", Content: last})
	return doc
}

// paragraphs are the lines of a text. A text node must not be empty.
func paragraphs(text string) []node {
	var out []node
	for line := range strings.SplitSeq(text, "\n") {
		p := node{Type: "paragraph"}
		if line != "" {
			p.Content = []node{{Type: "text", Text: line}}
		}
		out = append(out, p)
	}
	return out
}

// mostJiraItems is how many of several events are named: the last ones.
const mostJiraItems = 50

// notShown stands for what does not fit.
const notShown = "the rest is in Peal"

// shownDetail is a detail, or one event of several.
type shownDetail struct {
	label, text string
	long        bool
}

// shownDetails are as many as fit, the last of them saying how many did not.
func shownDetails(m *Message) []shownDetail {
	var rows []shownDetail
	room := maxJiraText
	add := func(r shownDetail) bool {
		r.text = peal.Clip(r.text, max(room, 0))
		if room -= len(r.label) + len(r.text); room < 0 {
			return false
		}
		rows = append(rows, r)
		return true
	}
	for _, d := range m.Details {
		if !add(shownDetail{d.Label, d.Text, d.Long}) {
			return append(rows, shownDetail{"Not shown", notShown, false})
		}
	}
	items, hidden := lastItems(m.Items, mostJiraItems)
	if hidden > 0 {
		rows = append(rows, shownDetail{"Earlier", more(hidden, "events"), false})
	}
	for _, it := range items {
		if !add(shownDetail{catalogue.Time(it.Time), severityWord(it.Severity) + " · " + it.Title, false}) {
			return append(rows, shownDetail{"Not shown", notShown, false})
		}
	}
	return rows
}

// maxWiki is Jira's limit of a text field, in characters, less a comment's title.
const maxWiki = 31_000

// wikiText is a message in the markup of Jira Server.
func wikiText(m *Message) string {
	end := "\n" + escapeWiki(peal.Clip(footer(m), maxJiraText/4))
	if m.Link != "" {
		end += "\n[Open in Peal|" + m.Link + "]"
	}
	room := maxWiki - len(end)
	var b strings.Builder
	b.WriteString(cutWritten(peal.Clip(m.Text, maxJiraText), room/2, writeWiki) + "\n\n")
	for _, r := range shownDetails(m) {
		row := "||" + escapeWiki(r.label) + "|" + escapeWiki(strings.ReplaceAll(r.text, "\n", " ")) + "|\n"
		if b.Len()+len(row) > room {
			b.WriteString("|| |" + notShown + "|\n")
			break
		}
		b.WriteString(row)
	}
	return b.String() + end
}

// commentBody is a message as a comment: an issue's description, with the title that a
// comment has no place of its own for.
func commentBody(title string, description json.RawMessage) (any, error) {
	var doc node
	if len(description) > 0 && description[0] == '{' {
		err := json.Unmarshal(description, &doc)
		head := node{Type: "paragraph", Content: []node{{Type: "text", Text: title, Marks: []adfMark{{Type: "strong"}}}}}
		doc.Content = append([]node{head}, doc.Content...)
		return doc, err
	}
	var wiki string
	err := json.Unmarshal(description, &wiki)
	return "*" + escapeWiki(title) + "*\n\n" + wiki, err
}

// writeWiki writes what could begin or end markup as a character reference. A backslash
// would not do: it escapes only some of these, and none behind another one.
func writeWiki(r rune) string {
	if r < utf8.RuneSelf && strings.ContainsRune(wikiMarks, r) {
		return fmt.Sprintf("&#%d;", r)
	}
	return string(r)
}

// wikiMarks begin or end markup somewhere in Jira's notation.
const wikiMarks = `\*_-+^~{}[]|!#?@&<>:;()"'` + "`=/%.$"

func escapeWiki(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(writeWiki(r))
	}
	return b.String()
}
