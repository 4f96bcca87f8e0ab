package channel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

func configured(kind string, config map[string]any) *peal.Endpoint {
	raw, err := json.Marshal(config)
	if err != nil {
		panic(err)
	}
	return &peal.Endpoint{Kind: kind, Private: peal.Private{Config: raw}}
}

var slackSample = sample{
	endpoint: func(url string) *peal.Endpoint {
		return configured("slack", map[string]any{"url": url + "/T0/B0/xyzzy"})
	},
	invalid: map[string]*peal.Endpoint{
		"url":            configured("slack", map[string]any{"url": "https://10.0.0.1/services/x"}),
		"config.url":     configured("slack", map[string]any{}),
		"config.channel": configured("slack", map[string]any{"token": "xoxb-1"}),
		"config.token":   configured("slack", map[string]any{"token": "xoxb 1\n", "channel": "C1"}),
		"config.title":   configured("slack", map[string]any{"url": "http://127.0.0.1", "title": "{{ event.titel }}"}),
		"config.message": configured("slack", map[string]any{"url": "http://127.0.0.1", "message": "{{ event.time | ago }}"}),
		"config.colour":  configured("slack", map[string]any{"url": "http://127.0.0.1", "colour": "red"}),
	},
	secrets: []string{"xyzzy"},
	rules:   slackRules,
}

// slackRules are those of https://docs.slack.dev/reference/block-kit and of formatting.
func slackRules(headers []peal.Header, body []byte) (string, error) {
	if !slices.Contains(headers, peal.Header{Name: "Content-Type", Value: "application/json; charset=utf-8"}) {
		return "", fmt.Errorf("headers %v", headers)
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	var m struct {
		Channel     string           `json:"channel"`
		Text        string           `json:"text"`
		Blocks      []map[string]any `json:"blocks"`
		Attachments []struct {
			Color  string           `json:"color"`
			Blocks []map[string]any `json:"blocks"`
		} `json:"attachments"`
		UnfurlLinks bool `json:"unfurl_links"`
		UnfurlMedia bool `json:"unfurl_media"`
	}
	if err := dec.Decode(&m); err != nil {
		return "", err
	}
	c := &slackChecker{}
	if m.Text == "" || units(m.Text) > 4000 || m.UnfurlLinks || m.UnfurlMedia || len(m.Blocks) != 1 || len(m.Attachments) != 1 {
		return "", errors.New("not a message with a text, a header and an attachment")
	}
	c.escaped(m.Text)
	if !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(m.Attachments[0].Color) {
		c.fail("colour %q", m.Attachments[0].Color)
	}
	all := append(m.Blocks, m.Attachments[0].Blocks...)
	if len(all) > 50 {
		c.fail("%d blocks", len(all))
	}
	for _, b := range all {
		c.block(b)
	}
	if c.total > 13_200 {
		c.fail("%d characters in all", c.total)
	}
	return strings.Join(c.structure, " "), c.err
}

type slackChecker struct {
	structure []string
	total     int
	err       error
}

func (c *slackChecker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *slackChecker) keys(b map[string]any, allowed ...string) {
	for k := range b {
		if k != "type" && !slices.Contains(allowed, k) {
			c.fail("a %v has %s", b["type"], k)
		}
	}
}

func (c *slackChecker) block(b map[string]any) {
	kind, _ := b["type"].(string)
	switch kind {
	case "header":
		c.keys(b, "text")
		c.text(b["text"], 150, "plain_text")
	case "section":
		c.keys(b, "text", "fields")
		fields, _ := b["fields"].([]any)
		if len(fields) > 10 || len(fields) == 0 && b["text"] == nil {
			c.fail("a section with %d fields", len(fields))
		}
		if b["text"] != nil {
			kind += "/" + c.text(b["text"], 3000, "plain_text", "mrkdwn")
		}
		for _, f := range fields {
			kind += "/" + c.text(f, 2000, "mrkdwn")
		}
	case "context":
		c.keys(b, "elements")
		elements, _ := b["elements"].([]any)
		if len(elements) == 0 || len(elements) > 10 {
			c.fail("a context with %d elements", len(elements))
		}
		for _, e := range elements {
			kind += "/" + c.text(e, 3000, "plain_text", "mrkdwn")
		}
	case "actions":
		c.keys(b, "elements")
		for _, e := range b["elements"].([]any) {
			button := e.(map[string]any)
			c.keys(button, "text", "url", "action_id")
			c.text(button["text"], 75, "plain_text")
			if url, _ := button["url"].(string); button["type"] != "button" || !strings.HasPrefix(url, "https://peal.example.com/dashboard/events") || len(url) > 3000 {
				c.fail("button %v", button)
			}
		}
	default:
		c.fail("a block of type %q", kind)
	}
	c.structure = append(c.structure, kind)
}

// text checks a text object and gives its type, with the number of its blocks of code.
func (c *slackChecker) text(v any, limit int, types ...string) string {
	o, _ := v.(map[string]any)
	kind, _ := o["type"].(string)
	text, _ := o["text"].(string)
	if !slices.Contains(types, kind) || text == "" || units(text) > limit {
		c.fail("a text of type %q and %d characters, where %v of %d are allowed", kind, units(text), types, limit)
		return kind
	}
	c.total += units(text)
	if strings.TrimSpace(strings.ReplaceAll(text, zeroWidth, "")) == "" {
		c.fail("an empty text")
	}
	if kind == "plain_text" {
		c.keys(o, "text", "emoji")
		if o["emoji"] != false {
			c.fail("emoji are on")
		}
		c.escaped(text)
		return kind
	}
	c.keys(o, "text", "verbatim")
	if o["verbatim"] != true {
		c.fail("names are made links")
	}
	return kind + c.mrkdwn(text)
}

var entity = regexp.MustCompile(`&(amp|lt|gt);`)

// escaped wants text without control characters of Slack's.
func (c *slackChecker) escaped(s string) {
	if rest := entity.ReplaceAllString(s, ""); strings.ContainsAny(rest, "&<>") {
		c.fail("%q is not escaped", s)
	}
}

var (
	slackDate  = regexp.MustCompile(`<!date\^\d+\^\{date_short_pretty\} \{time_secs\}\|[-0-9: ]+UTC>`)
	slackFence = regexp.MustCompile("(?s)```(.*)```$")
	slackEmoji = regexp.MustCompile(`:([a-z_+'-][a-z0-9_+'-]*|100|1234):`)
	slackLabel = regexp.MustCompile(`^\*([^\n]+)\*\n`)
)

// mrkdwn wants a bold label, text in which nothing is markup, and at most one block of
// code or a date, each as Peal writes it.
func (c *slackChecker) mrkdwn(s string) (structure string) {
	s = slackDate.ReplaceAllStringFunc(s, func(string) string { structure += "+date"; return "" })
	if m := slackFence.FindStringSubmatch(s); m != nil {
		structure += "+code"
		if strings.Contains(m[1], "``") {
			c.fail("a fence in the code %q", m[1])
		}
		c.escaped(m[1])
		s = strings.TrimSuffix(s, m[0])
	}
	rest := s
	if m := slackLabel.FindStringSubmatch(s); m != nil {
		structure += "+label"
		c.inert(m[1])
		rest = strings.TrimPrefix(s, m[0])
	}
	c.inert(rest)
	return structure
}

func (c *slackChecker) inert(s string) {
	c.escaped(s)
	runes := []rune(s)
	for i, r := range runes {
		at := func(i int) rune {
			if i < 0 || i >= len(runes) {
				return ' '
			}
			return runes[i]
		}
		hushed := at(i-1) == 0x200b && at(i+1) == 0x200b
		switch {
		case hushed || r != '`' && wordRune(at(i-1)) && wordRune(at(i+1)):
		case strings.ContainsRune("*_~`", r):
			c.fail("%q is markup in %q", r, s)
		case r == '&' && strings.HasPrefix(string(runes[i:]), "&gt;") && (i == 0 || at(i-1) == '\n'):
			c.fail("a quote in %q", s)
		}
	}
	if slackEmoji.MatchString(s) {
		c.fail("an emoji in %q", s)
	}
}

func TestSlackMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"prod_chat_key": "prod_chat_key", "14:23:00": "14:23:00", "a:smile:": "a:|smile:", "*b*": "|*|b|*|", "a`b": "a|`|b",
		"> x": "|&gt; x", "a > b": "a &gt; b", "<!here>": "&lt;!here&gt;",
	} {
		if got := strings.ReplaceAll(slackMarkdown(in, 100), zeroWidth, "|"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := slackEscape("ab&cd", 7); got != "ab…" && got != "ab&amp;…" {
		t.Errorf("cut to %q", got)
	}
}

// slackServer answers as Slack's chat.postMessage does.
func slackServer(t *testing.T, answer string, more func(w http.ResponseWriter)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil || r.Method != http.MethodPost || r.URL.Path != "/api/chat.postMessage":
			http.NotFound(w, r)
			return
		case r.Header.Get("Authorization") != "Bearer xoxb-plugh":
			answer = `{"ok":false,"error":"invalid_auth"}`
		}
		var said struct{ Channel string }
		if _, err := slackRules([]peal.Header{{Name: "Content-Type", Value: r.Header.Get("Content-Type")}}, body); err != nil {
			answer = `{"ok":false,"error":"invalid_blocks"}`
			t.Error(err)
		} else if err := json.Unmarshal(body, &said); err != nil || said.Channel != "C0123" {
			answer = `{"ok":false,"error":"channel_not_found"}`
		}
		if more != nil {
			more(w)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/api/"
}

func TestSlackBot(t *testing.T) {
	const ok = `{"ok":true,"channel":"C0123","ts":"1.2","message":{"text":"`
	for name, tc := range map[string]struct {
		config map[string]any
		answer string
		more   func(http.ResponseWriter)
		want   Result
		err    string
	}{
		"ok":      {answer: ok + `a"}}`, want: Result{StatusCode: 200}},
		"long ok": {answer: ok + strings.Repeat("é", 4000) + `"}}`, want: Result{StatusCode: 200}},
		"token": {
			config: map[string]any{"token": "xoxb-other", "channel": "C0123"}, answer: ok,
			want: Result{StatusCode: 200, Permanent: true}, err: "refused by Slack: the token is not valid (invalid_auth)",
		},
		"channel": {
			config: map[string]any{"token": "xoxb-plugh", "channel": "C9"}, answer: ok,
			want: Result{StatusCode: 200, Permanent: true}, err: "refused by Slack: there is no such channel, or the bot may not see it (channel_not_found)",
		},
		"for a while": {answer: `{"ok":false,"error":"internal_error"}`, want: Result{StatusCode: 200}, err: "not taken by Slack: internal_error"},
		"odd error":   {answer: `{"ok":false,"error":"<b>xoxb-plugh</b>"}`, want: Result{StatusCode: 200}, err: "not taken by Slack: no reason"},
		"not JSON":    {answer: `<html>`, want: Result{StatusCode: 200}, err: "answered 200 with something that is not Slack's"},
		"too many": {
			answer: `{"ok":false,"error":"ratelimited"}`, want: Result{StatusCode: 429, RetryAfter: 30 * time.Second}, err: "answered 429",
			more: func(w http.ResponseWriter) { w.Header().Set("Retry-After", "30"); w.WriteHeader(429) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := tc.config
			if config == nil {
				config = map[string]any{"token": "xoxb-plugh", "channel": "C0123"}
			}
			ep := configured("slack", config)
			c := &slack{egress: clientFor(t), api: slackServer(t, tc.answer, tc.more)}
			if err := Check(t.Context(), c, ep); err != nil {
				t.Fatal(err)
			}
			headers, body, _ := render(t, c, ep, sampleEvent("order.paid", []byte(unknown)))
			got := c.Send(t.Context(), ep, Request{Headers: headers, Body: body})
			if message(got.Err) != tc.err || len(got.Body) == 0 || len(got.Body) > peal.MaxResponseBody {
				t.Errorf("error %q, want %q; body of %d bytes", message(got.Err), tc.err, len(got.Body))
			}
			got.Err, got.Body = nil, nil
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSlackHook(t *testing.T) {
	for body, want := range map[string]struct {
		status int
		Result
		err string
	}{
		"ok":                  {200, Result{}, ""},
		"no_service":          {404, Result{Permanent: true}, "refused by Slack: the webhook was removed, or its URL is not complete (no_service)"},
		"channel_is_archived": {410, Result{Permanent: true, Gone: true}, "refused by Slack: the channel is archived (channel_is_archived)"},
		"rollup_error":        {500, Result{}, "answered 500"},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(want.status)
			_, _ = io.WriteString(w, body+"\n")
		}))
		got := send(t, &slack{egress: clientFor(t)}, slackSample.endpoint(srv.URL))
		srv.Close()
		if message(got.Err) != want.err || got.Permanent != want.Permanent || got.Gone != want.Gone {
			t.Errorf("%s: %+v", body, got)
		}
	}
}
