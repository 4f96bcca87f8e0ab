package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/peal-dev/peal/client"
)

// corpus are strings that would become more than text where a page is careless.
var corpus = []string{
	`<script>window.pwned=1</script>`, `"><img src=x onerror=window.pwned=1>`, `'-window.pwned=1-'`, `javascript:window.pwned=1`,
	`{{constructor.constructor('window.pwned=1')()}}`, `</textarea><svg onload=window.pwned=1>`, `</title><script>window.pwned=1</script>`,
	`<a href="javascript:window.pwned=1">x</a>`, "\u202egnp.exe", `]]><!--<script>window.pwned=1//-->`, `<div hx-get="/dashboard/overview" hx-trigger="load">x</div>`,
}

// wording is what the things on pages are called.
type wording struct {
	shop, key, silence, budget, team, model, workflow, hook, request, title, message, note, answer string
}

// hostile is the corpus wherever somebody may write something.
func hostile() wording {
	all := strings.Join(corpus, " ")
	short := all[:200]
	return wording{"Shop <b>" + short, short, short, short, short, short, short, short, short, all, all, all, all}
}

// pleasant is what the documents' pictures show.
var pleasant = wording{
	"Shop", "checkout", "Planned maintenance", "Research", "research", "claude-opus-4", "Deployment announcements", "Deployments", "New laptop", "Order paid", "Order 1042 was paid.",
	"gift", "upstream connect error",
}

// filled is a server with something on every page.
func filled(t *testing.T, database string, w wording) (s *server, pages []string) {
	s = newServer(t, database)
	bad := newReceiver(t)
	bad.status.Store(http.StatusInternalServerError)
	bad.words = w.answer
	never := client.Retry{Schedule: []client.Duration{}}
	ep, err := s.CreateEndpoint(t.Context(), client.Endpoint{Name: w.shop, URL: bad.URL, Retry: &never})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateEndpoint(t.Context(), client.Endpoint{Name: "Warehouse", URL: newReceiver(t).URL, Filter: "event.data.total > 100.0"}); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{"total": 120.5, "note": w.note, w.key: []string{w.note}})
	if err != nil {
		t.Fatal(err)
	}
	var event string
	for range 3 {
		a, err := s.Publish(t.Context(), client.Event{Type: "order.paid", Subject: w.team, Title: w.title, Message: w.message, Data: json.RawMessage(data)})
		if err != nil {
			t.Fatal(err)
		}
		event = a.ID
	}
	if _, err := s.CreateKey(t.Context(), w.key, "publisher"); err != nil {
		t.Fatal(err)
	}
	var delivery string
	for d, err := range s.Deliveries(t.Context(), client.DeliveryFilter{Endpoint: ep.ID}) {
		if err != nil {
			t.Fatal(err)
		}
		delivery = d.ID
	}
	s.post(t, "/v1/bindings", `{"endpoint":"`+ep.ID+`","match":{"types":["order.*"]}}`)
	s.post(t, "/v1/silences", `{"until":"2099-01-01T00:00:00Z","comment":`+quote(w.silence)+`,"match":{"types":["quiet"]}}`)
	s.post(t, "/v1/members", `{"email":"grace@example.com","role":"admin"}`)
	s.post(t, "/v1/rules", `{"kind":"budget","scope":"org","period":"daily","limit":"50.00","name":`+quote(w.budget)+`}`)
	s.post(t, "/v1/rules", `{"kind":"approval","threshold":"10"}`)
	s.post(t, "/v1/credits", `{"amount":"100.00","note":`+quote(w.note[:min(200, len(w.note))])+`}`)
	s.post(t, "/v1/reservations", `{"model":`+quote(w.model)+`,"estimated_cost":"12.50"}`)
	s.post(t, "/v1/rules", `{"kind":"budget","scope":"team","period":"monthly","limit":"200","name":`+quote(w.budget)+`}`)
	s.use(t, w)
	workflow := s.post(t, "/v1/workflows", `{"name":`+quote(w.workflow)+`,"steps":[{"id":"a","uses":"publish","with":{"type":"made","data":{"x":"{{ webhook.body.x }}"}}}]}`)
	hook := s.post(t, "/v1/hooks", `{"name":`+quote(w.hook)+`,"workflow":"`+workflow+`","verification":{"enabled":false}}`)
	s.do(t, http.MethodPost, "/v1/webhooks/inbound/"+hook, `{"x":`+quote(w.note)+`}`, nil)
	s.do(t, http.MethodPut, "/v1/secrets/TOKEN", `{"value":`+quote(w.workflow)+`}`, map[string]string{"Authorization": "Bearer " + adminKey})
	var execution string
	for e, err := range s.Executions(t.Context(), client.ExecutionFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		execution = e.ID
	}
	s.post(t, "/v1/requests", `{"title":`+quote(w.request)+`}`)
	s.post(t, "/v1/tasks", `{"title":`+quote(w.request)+`,"assignee":{"kind":"user","id":"ada"}}`)
	return s, []string{
		"/bindings", "/silences", "/groups", "/hooks", "/hooks/" + hook, "/workflows", "/workflows/new", "/workflows/" + workflow, "/executions", "/executions/" + execution,
		"/requests", "/tasks", "/governance", "/usage", "/rules", "/members", "/settings", "/integrations", "/profiles",
		"/overview", "/events", "/events/" + event, "/deliveries", "/deliveries/" + delivery, "/dead-letters",
		"/endpoints", "/endpoints/new", "/endpoints/" + ep.ID, "/endpoints/" + ep.ID + "/edit", "/keys", "/secrets", "/audit",
	}
}

// use reports a week of usage with an hour that stands out, of which an event tells.
func (s *server) use(t *testing.T, w wording) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Hour)
	spike := now.Add(-5 * time.Hour)
	var records []map[string]any
	for ago := range 10 * 24 {
		at := now.Add(-time.Duration(ago) * time.Hour)
		cost := fmt.Sprintf("0.%d", 20+at.Hour()*3+ago%7)
		if at.Equal(spike) {
			cost = "7.5"
		}
		records = append(records, map[string]any{"time": at, "team": w.team, "cost": cost, "requests": 40})
	}
	report, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	s.post(t, "/v1/usage", string(report))
	data, err := json.Marshal(map[string]any{"anomaly_type": "hourly_spike", "message": w.found(), "details": map[string]any{"hour": spike}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(t.Context(), client.Event{Type: "cost_anomaly.hourly_spike", Severity: "high", Data: json.RawMessage(data)}); err != nil {
		t.Fatal(err)
	}
}

// found is an anomaly's message.
func (w wording) found() string {
	if w == pleasant {
		return "Current hour cost ($7.50) exceeds 3x the 7-day hourly average ($0.56)"
	}
	return w.note
}

// Every page is accessible by axe's rules, and shows hostile text as text.
func TestPages(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join(os.Getenv("PEAL_NPM_DIR"), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		required(t, "axe-core is not installed: %v", err)
	}
	onBoth(t, func(t *testing.T, database string) {
		s, pages := filled(t, database, hostile())
		b := newBrowser(t, s)
		b.open("/dashboard/sign-in")
		b.inspect(string(axe), "/sign-in")
		b.signIn(adminKey)
		for _, p := range pages {
			b.openUntil("/dashboard"+p, "Sign out")
			b.inspect(string(axe), p)
		}
		portal := s.portal(t)
		for _, p := range []string{"/endpoints", "/endpoints/new", "/deliveries", "/dead-letters"} {
			b.open(portal + p)
			b.sees("Acme")
			b.inspect(string(axe), "/portal"+p)
		}
	})
}

// portal is the path of a portal's pages.
func (s *server) portal(t *testing.T) string {
	t.Helper()
	link, err := s.CreatePortalLink(t.Context(), client.PortalLink{
		Name: "Acme", Color: "#0a7d5a", Features: []string{"endpoints", "deliveries", "secrets", "retry"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(link.URL, s.URL)
}

// inspect holds the page that is open against what is asked of all.
func (b *browser) inspect(axe, path string) {
	b.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		eval[bool](b, `(localStorage.setItem("theme", "`+theme+`"), document.documentElement.dataset.theme = "`+theme+`", true)`)
		for _, width := range []int64{1280, 320} {
			b.do(chromedp.EmulateViewport(width, 800))
			if over := eval[float64](b, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
				b.t.Errorf("%s at %d px is %v px too wide", path, width, over)
			}
		}
		b.do(chromedp.EmulateViewport(1280, 800))
		// The policy of the page holds for its scripts, not for what is evaluated from outside.
		eval[bool](b, "("+axeOnce(axe)+", true)")
		for _, v := range eval[[]violation](b, "axe.run().then(r => r.violations)", chromedp.EvalAwaitPromise) {
			for _, n := range v.Nodes {
				b.t.Errorf("%s, %s: %s: %s", path, theme, v.Help, n.HTML)
			}
		}
	}
	if eval[bool](b, "'pwned' in window") {
		b.t.Errorf("%s ran a script of the event's", path)
	}
}

func axeOnce(axe string) string { return "window.axe || (0, eval)(" + quote(axe) + ")" }

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// violation is what axe reports.
type violation struct {
	Help  string
	Nodes []struct{ HTML string }
}
