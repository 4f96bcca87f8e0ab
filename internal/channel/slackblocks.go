package channel

import (
	"fmt"
	"strings"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/peal"
)

// Slack's limits, in characters but for the counts; the text of all blocks together is
// bounded too, by a number that Slack does not tell (msg_blocks_too_long).
const (
	slackHeader = 150
	slackText   = 3000
	slackField  = 2000
	slackFields = 10 // a section
	slackBlocks = 50
	slackURL    = 3000
	slackWhole  = 12_000
)

type slackMessage struct {
	Channel     string            `json:"channel,omitempty"`
	Text        string            `json:"text"`
	Blocks      []any             `json:"blocks"`
	Attachments []slackAttachment `json:"attachments"`
	// Nobody asked for a preview of what an event mentions.
	UnfurlLinks bool `json:"unfurl_links"`
	UnfurlMedia bool `json:"unfurl_media"`
}

type slackAttachment struct {
	Color  string `json:"color"`
	Blocks []any  `json:"blocks"`
}

// slackTextObject is text in a block; emoji is said for plain text alone, verbatim for
// mrkdwn.
type slackTextObject struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim *bool  `json:"verbatim,omitempty"`
}

type slackBlock struct {
	Type     string            `json:"type"`
	Text     *slackTextObject  `json:"text,omitempty"`
	Fields   []slackTextObject `json:"fields,omitempty"`
	Elements []any             `json:"elements,omitempty"`
}

type slackButton struct {
	Type     string          `json:"type"`
	Text     slackTextObject `json:"text"`
	URL      string          `json:"url"`
	ActionID string          `json:"action_id"`
}

// slackColors are the stripe beside a message.
var slackColors = map[peal.Severity]string{
	peal.Info: "#1d9bd1", peal.Warning: "#ecb22e", peal.High: "#e8912d", peal.Critical: "#e01e5a",
}

func (s *slack) Render(ep *peal.Endpoint, m *Message) ([]byte, []peal.Header, error) {
	cfg, err := configOf[slackConfig](s, ep)
	if err != nil {
		return nil, nil, err
	}
	b := slackBuilder{left: slackWhole}
	b.text(m.Text)
	b.items(m.Items)
	b.details(m.Details)
	b.end(m)
	body, err := jsonBody(slackMessage{
		Channel:     cfg.Channel,
		Text:        slackEscape(severityWord(m.Severity)+": "+m.Title+"\n"+m.Text, slackText),
		Blocks:      []any{slackBlock{Type: "header", Text: slackPlain(m.Title, slackHeader)}},
		Attachments: []slackAttachment{{Color: slackColors[m.Severity], Blocks: b.blocks}},
	})
	return body, jsonHeaders(m), err
}

// slackBuilder makes the blocks beside the header.
type slackBuilder struct {
	blocks []any
	left   int // characters of the whole that are not used yet
	hidden int // what did not fit
}

// slackEnd is how many blocks always follow, with the header and what is left out.
const slackEnd = 4

// fits tells whether a block with so many characters still has room, and takes it.
func (b *slackBuilder) fits(n int) bool {
	if len(b.blocks) >= slackBlocks-slackEnd || n > b.left {
		return false
	}
	b.left -= n
	return true
}

func (b *slackBuilder) text(s string) {
	o := slackPlain(s, slackText)
	b.fits(units(o.Text))
	b.blocks = append(b.blocks, slackBlock{Type: "section", Text: o})
}

// items tells the last of several events, a section each.
func (b *slackBuilder) items(items []Item) {
	items, b.hidden = lastItems(items, mostItems)
	for i, it := range items {
		text := "*" + slackMarkdown(it.Title, slackHeader) + "*\n"
		if inner := itemText(it); inner != "" {
			text += slackMarkdown(strings.Join(strings.Fields(inner), " "), slackItem) + "\n"
		}
		text += slackMarkdown(severityWord(it.Severity), slackHeader) + " · " + slackTime(it.Time.Unix(), catalogue.Time(it.Time))
		if !b.fits(units(text)) {
			b.hidden += len(items) - i
			return
		}
		b.blocks = append(b.blocks, slackBlock{Type: "section", Text: slackMrkdwn(text)})
	}
}

// slackItem is how much of one of several events is told.
const slackItem = 400

// details tells the short ones in fields, side by side, and then the long ones in
// blocks of code.
func (b *slackBuilder) details(details []catalogue.Detail) {
	var fields []slackTextObject
	flush := func() {
		if len(fields) > 0 {
			b.blocks = append(b.blocks, slackBlock{Type: "section", Fields: fields})
			fields = nil
		}
	}
	for _, d := range details {
		if d.Long {
			continue
		}
		text := "*" + slackMarkdown(d.Label, slackHeader) + "*\n" + slackMarkdown(d.Text, slackField-slackHeader-len("**\n"))
		if len(fields) == slackFields {
			flush()
		}
		if len(b.blocks) >= slackBlocks-slackEnd || units(text) > b.left {
			b.hidden++
			continue
		}
		b.left -= units(text)
		fields = append(fields, *slackMrkdwn(text))
	}
	flush()
	for _, d := range details {
		if !d.Long {
			continue
		}
		text := "*" + slackMarkdown(d.Label, slackHeader) + "*\n" + slackCode(d.Text, slackText-slackHeader-len("**\n"))
		if !b.fits(units(text)) {
			b.hidden++
			continue
		}
		b.blocks = append(b.blocks, slackBlock{Type: "section", Text: slackMrkdwn(text)})
	}
}

// end tells what was left out, where the message comes from, and where to read on.
func (b *slackBuilder) end(m *Message) {
	if b.hidden > 0 {
		b.context(slackPlain(more(b.hidden, "not shown"), slackHeader))
	}
	var line []any
	for _, s := range origin(m) {
		line = append(line, slackPlain(s, slackHeader))
	}
	b.context(append(line, slackMrkdwn(slackTime(m.Time.Unix(), catalogue.Time(m.Time))))...)
	if m.Link != "" && len(m.Link) <= slackURL {
		b.blocks = append(b.blocks, slackBlock{Type: "actions", Elements: []any{slackButton{
			Type: "button", Text: *slackPlain("Open in Peal", slackHeader), URL: m.Link, ActionID: "open",
		}}})
	}
}

func (b *slackBuilder) context(elements ...any) {
	b.blocks = append(b.blocks, slackBlock{Type: "context", Elements: elements})
}

// slackTime shows a time in the reader's own zone.
func slackTime(unix int64, fallback string) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time_secs}|%s>", unix, fallback)
}

// slackPlain is text in which nothing is markup, and no :name: a picture.
func slackPlain(s string, limit int) *slackTextObject {
	return &slackTextObject{Type: "plain_text", Text: slackEscape(s, limit), Emoji: new(false)}
}

// slackMrkdwn is text in Slack's markup, in which no @name or #name is made a link.
func slackMrkdwn(s string) *slackTextObject {
	return &slackTextObject{Type: "mrkdwn", Text: s, Verbatim: new(true)}
}

func slackRune(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

// slackEscape writes the three characters that Slack reads as control.
func slackEscape(s string, limit int) string { return cutWritten(s, limit, slackRune) }

// zeroWidth takes the meaning from a character that Slack would read as markup, and
// cannot be seen. Slack has no escape for these.
const zeroWidth = "\u200b"

// slackMarkdown writes text into markup so that nothing in it is markup: a marker means
// something only beside a space, the text's end or punctuation, so that names_like_this
// stay as they are.
func slackMarkdown(s string, limit int) string {
	runes := []rune(s)
	i := -1
	return cutWritten(s, limit, func(r rune) string {
		i++
		switch r {
		case '*', '_', '~', '`':
			if r == '`' || !inWord(runes, i) {
				return zeroWidth + string(r) + zeroWidth
			}
		case '>':
			if i == 0 || runes[i-1] == '\n' {
				return zeroWidth + slackRune(r)
			}
		case ':':
			if namesEmoji(runes[i+1:]) {
				return string(r) + zeroWidth
			}
		}
		return slackRune(r)
	})
}

// maxEmoji is longer than the names of emoji are.
const maxEmoji = 100

// namesEmoji tells whether what follows a colon is a name and another colon: Slack
// makes a picture of it. Times such as 14:23:00 are none.
func namesEmoji(after []rune) bool {
	digits := true
	for i, r := range after[:min(len(after), maxEmoji)] {
		switch {
		case r == ':':
			name := string(after[:i])
			return i > 0 && (!digits || name == "100" || name == "1234")
		case r >= '0' && r <= '9':
		case wordRune(r) || strings.ContainsRune("_+-'", r):
			digits = false
		default:
			return false
		}
	}
	return false
}

// inWord tells whether a rune stands between two of a word.
func inWord(runes []rune, i int) bool {
	return i > 0 && i+1 < len(runes) && wordRune(runes[i-1]) && wordRune(runes[i+1])
}

func wordRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// slackCode writes a block of code, which no backtick in it ends.
func slackCode(s string, limit int) string {
	const fence = "```"
	inner := cutWritten(s, limit-2*len(fence), func(r rune) string {
		if r == '`' {
			return "`" + zeroWidth
		}
		return slackRune(r)
	})
	return fence + inner + fence
}
