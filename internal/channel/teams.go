package channel

import (
	"context"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
)

// teams posts Adaptive Cards to the URL of a workflow in Microsoft Teams.
type teams struct {
	egress *egress.Client
}

type teamsConfig struct {
	URL  string `json:"url"`
	Card string `json:"card"`
}

// The forms of a card: as a message's attachment, which Teams' own templates expect, or
// by itself, for flows that put it into a message.
const (
	cardMessage = "message"
	cardBare    = "bare"
)

func (*teams) Kind() string { return "teams" }

func (*teams) Fields() []Field {
	return append([]Field{
		{Name: "url", Type: String, Required: true, Secret: true, Help: "The URL of a workflow that starts when a webhook request is received."},
		{Name: "card", Type: String, Enum: []string{cardMessage, cardBare}, Default: cardMessage, Help: "Whether the card is sent as a message's attachment or by itself."},
	}, wordFields...)
}

func (t *teams) Check(ctx context.Context, ep *peal.Endpoint) error {
	cfg, err := configOf[teamsConfig](t, ep)
	if err != nil {
		return err
	}
	return t.egress.CheckURL(ctx, cfg.URL)
}

func (t *teams) Send(ctx context.Context, ep *peal.Endpoint, req Request) Result {
	cfg, err := configOf[teamsConfig](t, ep)
	if err != nil {
		return Result{Err: err, Permanent: true}
	}
	return result(t.egress.Do(ctx, egress.Request{
		URL: cfg.URL, Header: req.Headers, Body: req.Body, MaxResponse: peal.MaxResponseBody,
	}))
}

// What Teams takes: 28 KB for a message, of which the surroundings need some.
const (
	teamsWhole  = 28 << 10
	teamsTitle  = 256
	teamsLabel  = 80
	teamsMost   = 6000 // of one text, to begin with
	teamsFacts  = 40   // and of facts
	teamsReduce = 2    // by what both are divided until the whole fits
)

type teamsMessage struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string    `json:"contentType"`
	Content     teamsCard `json:"content"`
}

type teamsCard struct {
	Schema       string         `json:"$schema"`
	Type         string         `json:"type"`
	Version      string         `json:"version"`
	FallbackText string         `json:"fallbackText"`
	MSTeams      map[string]any `json:"msteams"`
	Body         []any          `json:"body"`
	Actions      []teamsOpen    `json:"actions,omitempty"`
}

type teamsOpen struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

type teamsContainer struct {
	Type  string `json:"type"`
	Style string `json:"style,omitempty"`
	Bleed bool   `json:"bleed,omitempty"`
	Items []any  `json:"items"`
}

// teamsRich is text in which nothing is markup, other than in a TextBlock.
type teamsRich struct {
	Type    string     `json:"type"`
	Spacing string     `json:"spacing,omitempty"`
	Inlines []teamsRun `json:"inlines"`
}

type teamsRun struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Size     string `json:"size,omitempty"`
	Weight   string `json:"weight,omitempty"`
	FontType string `json:"fontType,omitempty"`
	IsSubtle bool   `json:"isSubtle,omitempty"`
}

// teamsTextBlock holds Peal's own words alone.
type teamsTextBlock struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Wrap     bool   `json:"wrap"`
	IsSubtle bool   `json:"isSubtle,omitempty"`
	Spacing  string `json:"spacing,omitempty"`
}

// teamsStyles colour a card's head.
var teamsStyles = map[peal.Severity]string{
	peal.Info: "accent", peal.Warning: "warning", peal.High: "attention", peal.Critical: "attention",
}

func (t *teams) Render(ep *peal.Endpoint, m *Message) ([]byte, []peal.Header, error) {
	cfg, err := configOf[teamsConfig](t, ep)
	if err != nil {
		return nil, nil, err
	}
	for limit, count := teamsMost, teamsFacts; ; limit, count = limit/teamsReduce, count/teamsReduce {
		var doc any = m.teamsCard(limit, count)
		if cfg.Card != cardBare {
			doc = teamsMessage{Type: "message", Attachments: []teamsAttachment{{
				ContentType: "application/vnd.microsoft.card.adaptive", Content: m.teamsCard(limit, count),
			}}}
		}
		body, err := jsonBody(doc)
		if err != nil || len(body) <= teamsWhole || count == 0 {
			return body, jsonHeaders(m), err
		}
	}
}

// teamsCard makes the card with texts of at most limit characters and at most count
// facts and events.
func (m *Message) teamsCard(limit, count int) teamsCard {
	title := teamsText(m.Title, min(teamsTitle, limit))
	c := teamsCard{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		FallbackText: severityWord(m.Severity) + ": " + title,
		MSTeams:      map[string]any{"width": "Full"},
		Body: []any{
			teamsContainer{Type: "Container", Style: teamsStyles[m.Severity], Bleed: true, Items: []any{
				richText("", teamsRun{Text: title, Size: "large", Weight: "bolder"}),
			}},
			richText("", teamsRun{Text: teamsText(m.Text, limit)}),
		},
	}
	hidden := m.teamsItems(&c, limit, count) + m.teamsDetails(&c, limit, count)
	if hidden > 0 {
		c.Body = append(c.Body, teamsTextBlock{Type: "TextBlock", Text: more(hidden, "not shown"), IsSubtle: true, Wrap: true})
	}
	from := teamsText(strings.Join(origin(m), " · "), teamsMost)
	c.Body = append(c.Body,
		richText("medium", teamsRun{Text: from, Size: "small", IsSubtle: true}),
		teamsTextBlock{Type: "TextBlock", Text: teamsTime(m.Time), IsSubtle: true, Wrap: true, Spacing: "none"},
	)
	if m.Link != "" {
		c.Actions = []teamsOpen{{Type: "Action.OpenUrl", Title: "Open in Peal", URL: m.Link}}
	}
	return c
}

func (m *Message) teamsItems(c *teamsCard, limit, count int) (hidden int) {
	items, hidden := lastItems(m.Items, min(count, mostItems))
	for _, it := range items {
		runs := []teamsRun{{Text: teamsText(it.Title, min(teamsTitle, limit)), Weight: "bolder"}}
		if inner := itemText(it); inner != "" {
			runs = append(runs, teamsRun{Text: " " + teamsText(strings.Join(strings.Fields(inner), " "), min(teamsTitle, limit))})
		}
		runs = append(runs, teamsRun{Text: " " + severityWord(it.Severity) + " · " + catalogue.Time(it.Time), IsSubtle: true})
		c.Body = append(c.Body, richText("small", runs...))
	}
	return hidden
}

// teamsDetails tells the short ones first, a line each, and then the long ones.
func (m *Message) teamsDetails(c *teamsCard, limit, count int) (hidden int) {
	told := 0
	for _, long := range []bool{false, true} {
		for _, d := range m.Details {
			if d.Long != long {
				continue
			}
			if told++; told > count {
				hidden++
				continue
			}
			label := teamsRun{Text: teamsText(d.Label, min(teamsLabel, limit)) + ": ", Weight: "bolder"}
			if !long {
				c.Body = append(c.Body, richText("small", label, teamsRun{Text: teamsText(d.Text, limit)}))
				continue
			}
			c.Body = append(c.Body, richText("small", label), teamsContainer{Type: "Container", Style: "emphasis", Items: []any{
				richText("", teamsRun{Text: teamsText(d.Text, limit), FontType: "monospace"}),
			}})
		}
	}
	return hidden
}

func richText(spacing string, runs ...teamsRun) teamsRich {
	for i := range runs {
		runs[i].Type = "TextRun"
	}
	return teamsRich{Type: "RichTextBlock", Spacing: spacing, Inlines: runs}
}

// teamsTime shows a time in the reader's own zone.
func teamsTime(t time.Time) string {
	at := t.UTC().Format(time.RFC3339)
	return "{{DATE(" + at + ", SHORT)}} {{TIME(" + at + ")}}"
}

// teamsText cuts a text and takes the meaning from {{, by which a card asks for a date.
func teamsText(s string, limit int) string {
	var before rune
	return cutWritten(s, limit, func(r rune) string {
		twice := r == '{' && before == '{'
		if before = r; twice {
			return zeroWidth + "{"
		}
		return string(r)
	})
}
