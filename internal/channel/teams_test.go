package channel

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

var teamsSample = sample{
	endpoint: func(url string) *peal.Endpoint {
		return configured("teams", map[string]any{"url": url + "/workflows/xyzzy"})
	},
	invalid: map[string]*peal.Endpoint{
		"url":         configured("teams", map[string]any{"url": "https://10.0.0.1/workflows/x"}),
		"config.url":  configured("teams", map[string]any{"card": "bare"}),
		"config.card": configured("teams", map[string]any{"url": "http://127.0.0.1", "card": "paper"}),
	},
	secrets: []string{"xyzzy"},
	rules:   teamsRules,
}

// teamsRules are those of Teams' Workflows and of the schema of Adaptive Cards 1.4.
func teamsRules(headers []peal.Header, body []byte) (string, error) {
	if !slices.Contains(headers, peal.Header{Name: "Content-Type", Value: "application/json; charset=utf-8"}) {
		return "", fmt.Errorf("headers %v", headers)
	}
	if len(body) > 28<<10 {
		return "", fmt.Errorf("%d bytes", len(body))
	}
	var m struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     map[string]any
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return "", err
	}
	if m.Type != "message" || len(m.Attachments) != 1 || m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" {
		return "", errors.New("not a message with one card")
	}
	return cardRules(m.Attachments[0].Content)
}

func cardRules(card map[string]any) (string, error) {
	c := &cardChecker{}
	c.keys(card, "$schema", "version", "fallbackText", "msteams", "body", "actions")
	if card["type"] != "AdaptiveCard" || card["version"] != "1.4" || card["fallbackText"] == "" {
		c.fail("not an Adaptive Card: %v", card["type"])
	}
	c.elements(card["body"])
	actions, _ := card["actions"].([]any)
	for _, a := range actions {
		action := a.(map[string]any)
		c.keys(action, "title", "url")
		if url, _ := action["url"].(string); action["type"] != "Action.OpenUrl" || !strings.HasPrefix(url, "https://peal.example.com/dashboard/events") {
			c.fail("action %v", action)
		}
	}
	return strings.Join(c.structure, " "), c.err
}

type cardChecker struct {
	structure []string
	err       error
}

func (c *cardChecker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *cardChecker) keys(e map[string]any, allowed ...string) {
	for k, v := range e {
		if k != "type" && !slices.Contains(allowed, k) {
			c.fail("a %v has %s", e["type"], k)
		}
		for name, values := range map[string][]string{
			"style":   {"default", "emphasis", "accent", "good", "attention", "warning"},
			"size":    {"small", "default", "medium", "large", "extraLarge"},
			"weight":  {"lighter", "default", "bolder"},
			"spacing": {"none", "small", "default", "medium", "large", "extraLarge", "padding"},
		} {
			if s, _ := v.(string); k == name && !slices.Contains(values, s) {
				c.fail("%s %v", k, v)
			}
		}
	}
}

// ownWords are the only ones that stand where Teams reads Markdown.
var ownWords = regexp.MustCompile(`^(\d+ more not shown|\{\{DATE\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, SHORT\)\}\} \{\{TIME\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\)\}\})$`)

func (c *cardChecker) elements(list any) {
	all, _ := list.([]any)
	if len(all) == 0 {
		c.fail("no elements")
	}
	for _, v := range all {
		e, _ := v.(map[string]any)
		kind, _ := e["type"].(string)
		c.structure = append(c.structure, kind)
		switch kind {
		case "Container":
			c.keys(e, "style", "bleed", "items")
			c.elements(e["items"])
			c.structure = append(c.structure, "end")
		case "TextBlock":
			c.keys(e, "text", "wrap", "isSubtle", "spacing")
			if text, _ := e["text"].(string); !ownWords.MatchString(text) || e["wrap"] != true {
				c.fail("a TextBlock with %q", text)
			}
		case "RichTextBlock":
			c.keys(e, "inlines", "spacing")
			c.inlines(e["inlines"])
		default:
			c.fail("an element of type %q", kind)
		}
	}
}

func (c *cardChecker) inlines(list any) {
	all, _ := list.([]any)
	if len(all) == 0 {
		c.fail("no inlines")
	}
	for _, v := range all {
		run, _ := v.(map[string]any)
		c.keys(run, "text", "size", "weight", "fontType", "isSubtle")
		if text, _ := run["text"].(string); run["type"] != "TextRun" || text == "" || strings.Contains(text, "{{") {
			c.fail("a run %v", run)
		}
	}
	c.structure = append(c.structure, fmt.Sprint(len(all)))
}

func TestTeamsBareCard(t *testing.T) {
	ep := configured("teams", map[string]any{"url": "http://127.0.0.1", "card": "bare"})
	body, _, err := (&teams{}).Render(ep, sampleMessage(ep, sampleEvent("order.paid", []byte(unknown))))
	if err != nil {
		t.Fatal(err)
	}
	var card map[string]any
	if err := json.Unmarshal(body, &card); err != nil {
		t.Fatal(err)
	}
	if _, err := cardRules(card); err != nil {
		t.Errorf("%v in %s", err, body)
	}
}
