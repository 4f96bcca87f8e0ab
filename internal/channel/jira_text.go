package channel

import (
	"strings"

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
			return append(rows, shownDetail{"Not shown", "the rest is in Peal", false})
		}
	}
	for _, it := range m.Items {
		if !add(shownDetail{catalogue.Time(it.Time), it.Title, false}) {
			return append(rows, shownDetail{"Not shown", "the rest is in Peal", false})
		}
	}
	return rows
}

// wikiText is a message in the markup of Jira Server. Every character that could begin
// markup is escaped.
func wikiText(m *Message) string {
	var b strings.Builder
	b.WriteString(escapeWiki(peal.Clip(m.Text, maxJiraText)) + "\n\n")
	for _, r := range shownDetails(m) {
		text := strings.ReplaceAll(r.text, "\n", " ")
		b.WriteString("||" + escapeWiki(r.label) + "|" + escapeWiki(text) + "|\n")
	}
	b.WriteString("\n" + escapeWiki(footer(m)))
	if m.Link != "" {
		b.WriteString("\n[Open in Peal|" + m.Link + "]")
	}
	return b.String()
}

// wikiMarks begin or end markup somewhere in Jira's notation.
const wikiMarks = `\*_-+^~{}[]|!#?@&<>:;()"'` + "`=/%"

func escapeWiki(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(wikiMarks, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
