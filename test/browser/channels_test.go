package browser

import (
	"bytes"
	"encoding/json"
	"html/template"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const pictured = "budget.exceeded"

// golden is the body that a channel sends of the pictured event.
func golden(t *testing.T, kind string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../internal/channel/testdata", kind, pictured+".golden"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(text, []byte("\n\n"))
	return body
}

// block is a part of a Slack message or of an Adaptive Card, as far as Peal uses them.
type block struct {
	Type     string   `json:"type"`
	Text     any      `json:"text"` // a string, or an object with one
	Title    string   `json:"title"`
	Style    string   `json:"style"`
	Weight   string   `json:"weight"`
	Size     string   `json:"size"`
	IsSubtle bool     `json:"isSubtle"`
	Fields   []block  `json:"fields"`
	Elements []block  `json:"elements"`
	Items    []block  `json:"items"`
	Inlines  []block  `json:"inlines"`
	Body     []block  `json:"body"`
	Actions  []block  `json:"actions"`
	Color    string   `json:"color"`
	Blocks   []block  `json:"blocks"`
	Content  *block   `json:"content"`
	Attached []*block `json:"attachments"`
}

var (
	slackDate = regexp.MustCompile(`<!date\^[0-9]+\^[^|]*\|([^>]*)>`)
	cardDate  = regexp.MustCompile(`\{\{DATE\(([^,)]*)[^)]*\)\}\} \{\{TIME\([^)]*\)\}\}`)
	slackBold = regexp.MustCompile(`\*([^*\n]+)\*`)
)

// words writes a block's text as its receiver shows it: dates, bold, and what is escaped.
func (b block) words() template.HTML {
	text, _ := b.Text.(string)
	var kind string
	if o, ok := b.Text.(map[string]any); ok {
		text, _ = o["text"].(string)
		kind, _ = o["type"].(string)
	}
	if kind == "mrkdwn" || b.Type == "mrkdwn" {
		text = slackDate.ReplaceAllString(text, "$1")
		text = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
		return template.HTML(slackBold.ReplaceAllString(template.HTMLEscapeString(text), "<b>$1</b>"))
	}
	text = cardDate.ReplaceAllStringFunc(text, func(s string) string {
		at, err := time.Parse(time.RFC3339, cardDate.FindStringSubmatch(s)[1])
		if err != nil {
			return s
		}
		return at.Format("1/2/2006 3:04 PM")
	})
	return template.HTML(template.HTMLEscapeString(text))
}

var chats = template.Must(template.New("").Funcs(template.FuncMap{"words": block.words}).Parse(`
{{define "head"}}<!doctype html><html lang="en"><meta charset="utf-8"><title>message</title><style>
body{margin:0;padding:20px;background:#fff;color:#1d1c1d;font:15px/1.45 Lato,"Segoe UI",system-ui,sans-serif;white-space:pre-wrap}
h2{margin:0 0 8px;font-size:18px} .who{font-weight:bold;margin-bottom:4px} .bar{border-left:4px solid;border-radius:4px;padding-left:12px}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:10px 20px;margin:10px 0} .context{color:#616061;font-size:12px;margin:10px 0}
.context span+span:before{content:"  "} .button{display:inline-block;border:1px solid #bbb;border-radius:4px;padding:6px 12px;font-weight:bold}
.card{max-width:640px;border:1px solid #d1d1d1;border-radius:8px;padding:16px;background:#fff} .card .box{margin:-16px -16px 12px;padding:12px 16px;border-radius:8px 8px 0 0}
.attention{background:#fdf3f4;color:#c4314b} .warning{background:#fbf6d9;color:#835c00} .good{background:#e7f2da} .accent,.emphasis{background:#f0f3fa}
.card p{margin:4px 0} .bolder{font-weight:bold} .large{font-size:19px} .small{font-size:13px} .subtle{color:#616161}
</style><body>{{end}}
{{define "slack"}}{{if eq .Type "header"}}<h2>{{words .}}</h2>{{else if eq .Type "section"}}{{if .Text}}<div>{{words .}}</div>{{end}}
{{- with .Fields}}<div class="fields">{{range .}}<div>{{words .}}</div>{{end}}</div>{{end}}
{{- else if eq .Type "context"}}<div class="context">{{range .Elements}}<span>{{words .}}</span>{{end}}</div>
{{- else if eq .Type "actions"}}{{range .Elements}}<span class="button">{{words .}}</span>{{end}}{{else}}unknown block {{.Type}}{{end}}{{end}}
{{define "slack page"}}{{template "head"}}<div class="who">Peal</div>{{range .Blocks}}{{template "slack" .}}{{end}}
{{- range .Attached}}<div class="bar" style="border-color:{{.Color}}">{{range .Blocks}}{{template "slack" .}}{{end}}</div>{{end}}{{end}}
{{define "card"}}{{if eq .Type "Container"}}<div class="box {{.Style}}">{{range .Items}}{{template "card" .}}{{end}}</div>
{{- else if eq .Type "RichTextBlock"}}<p>{{range .Inlines}}<span class="{{.Weight}} {{.Size}}{{if .IsSubtle}} subtle{{end}}">{{words .}}</span>{{end}}</p>
{{- else if eq .Type "TextBlock"}}<p class="{{.Size}}{{if .IsSubtle}} subtle{{end}}">{{words .}}</p>{{else}}unknown element {{.Type}}{{end}}{{end}}
{{define "teams page"}}{{template "head"}}{{range .Attached}}<div class="card">{{range .Content.Body}}{{template "card" .}}{{end}}
{{- range .Content.Actions}}<p><span class="button">{{.Title}}</span></p>{{end}}</div>{{end}}{{end}}`))

// chatPage shows the message of a chat in HTML.
func chatPage(t *testing.T, kind string) string {
	t.Helper()
	var message block
	if err := json.Unmarshal(golden(t, kind), &message); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := chats.ExecuteTemplate(&out, kind+" page", message); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// mailPage is the HTML of a mail.
func mailPage(t *testing.T) string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(golden(t, "email")))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			page, err := io.ReadAll(quotedprintable.NewReader(part))
			if err != nil {
				t.Fatal(err)
			}
			return string(page)
		}
	}
}

// Messages look as they should, here and in docs/channels, where -update puts pictures.
func TestMessagesToPeopleInPictures(t *testing.T) {
	pages := map[string]string{"/slack": chatPage(t, "slack"), "/teams": chatPage(t, "teams"), "/email": mailPage(t)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, pages[r.URL.Path])
	}))
	t.Cleanup(srv.Close)
	b := newBrowser(t, &server{URL: srv.URL})
	for path := range pages {
		b.do(chromedp.EmulateViewport(700, 100))
		b.open(path)
		for _, text := range []string{"Daily budget exceeded", "$48.12 of $50 spent today", "Estimated cost", "HIGH", "Open in Peal", "2026"} {
			b.sees(text)
		}
		if strings.Contains(b.text(), "unknown ") {
			t.Errorf("%s has what nobody knows: %s", path, b.text())
		}
		for _, width := range []int64{320, 700} {
			b.do(chromedp.EmulateViewport(width, 100))
			if over := eval[float64](b, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
				t.Errorf("%s at %d px is %v px too wide", path, width, over)
			}
		}
		if *update {
			b.do(chromedp.EmulateViewport(700, int64(eval[float64](b, "document.documentElement.scrollHeight"))))
			b.messagePicture(path)
		}
	}
}

// messagePicture takes a picture of all of the page.
func (b *browser) messagePicture(path string) {
	b.t.Helper()
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, img); err != nil {
		b.t.Fatal(err)
	}
	if out.Len() > 100<<10 {
		b.t.Errorf("the picture of %s has %d bytes", path, out.Len())
	}
	if err := os.WriteFile(filepath.Join("../../docs/channels", path+".png"), out.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
}
