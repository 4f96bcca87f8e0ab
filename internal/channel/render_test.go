package channel

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

var update = flag.Bool("update", false, "write the goldens in testdata anew")

// renderers are the channels that tell people, with their samples.
func renderers(t testing.TB) map[string]Renderer {
	out := map[string]Renderer{}
	for _, c := range All(nil).list {
		if r, ok := c.(Renderer); ok {
			if samples[c.Kind()].rules == nil {
				t.Fatalf("the sample of %s has no rules", c.Kind())
			}
			out[c.Kind()] = r
		}
	}
	return out
}

var sampleTime = time.Date(2026, 5, 4, 14, 23, 0, 0, time.UTC)

// sampleEvent is an event as it is stored: with its words.
func sampleEvent(eventType string, data []byte) *peal.Event {
	ev := &peal.Event{
		ID: peal.EventID{1, 0x9d, 0xf3, 0x21, 15: 7}, Org: "acme", Type: eventType, Subject: "42", Time: sampleTime, AcceptedAt: sampleTime, Data: data,
	}
	ev.Title, ev.Message, ev.Severity = catalogue.Describe(ev)
	return ev
}

func sampleMessage(ep *peal.Endpoint, events ...*peal.Event) *Message {
	return NewMessage(ep, Envelope{Delivery: peal.DeliveryID{1, 0x9d, 0xf3, 0x21, 15: 9}, PublicURL: "https://peal.example.com"}, events...)
}

// render renders twice, since bytes that are not the same each time could not be shown
// again, and holds the body against the receiver's rules.
func render(t *testing.T, c Renderer, ep *peal.Endpoint, events ...*peal.Event) (headers []peal.Header, body []byte, structure string) {
	t.Helper()
	body, headers, err := c.Render(ep, sampleMessage(ep, events...))
	if err != nil {
		t.Fatalf("%s: %v", c.Kind(), err)
	}
	again, _, err := c.Render(ep, sampleMessage(ep, events...))
	if err != nil || !bytes.Equal(body, again) {
		t.Errorf("%s renders the same message differently: %v", c.Kind(), err)
	}
	structure, err = samples[c.Kind()].rules(headers, body)
	if err != nil {
		t.Errorf("%s: %v in\n%.2000s", c.Kind(), err, body)
	}
	return headers, body, structure
}

// groups are messages about several events.
func groups() map[string][]*peal.Event {
	var mixed, many []*peal.Event
	for i, ct := range catalogue.All()[:8] {
		ev := sampleEvent(ct.Name, ct.Example)
		ev.Time = ev.Time.Add(time.Duration(i) * time.Minute)
		mixed = append(mixed, ev)
	}
	for i := range 120 {
		ev := sampleEvent("order.failed", fmt.Appendf(nil, `{"n":%d}`, i))
		ev.Time = ev.Time.Add(time.Duration(i) * time.Second)
		many = append(many, ev)
	}
	return map[string][]*peal.Event{"group of several types": mixed, "group of one type": many}
}

// unknown is of a type that no document describes.
const unknown = `{"order":"ord_1042","total":129.90,"tokensUsed":12345,"paid":true,"customer":{"name":"Ada","vat_id":null,"address":{"city":"Paris"}},` +
	`"lines":[{"sku":"A-1","n":2}],"tags":["new","eu"],"note":"first line\nsecond line","placed_at":"2026-05-04T14:20:00Z"}`

func TestGoldens(t *testing.T) {
	messages := groups()
	for _, ct := range catalogue.All() {
		messages[ct.Name] = []*peal.Event{sampleEvent(ct.Name, ct.Example)}
	}
	messages["order.paid"] = []*peal.Event{sampleEvent("order.paid", []byte(unknown))}
	for kind, c := range renderers(t) {
		ep := samples[kind].endpoint("https://hooks.example.com/secret")
		for name, events := range messages {
			headers, body, _ := render(t, c, ep, events...)
			compareGolden(t, filepath.Join("testdata", kind, strings.NewReplacer(" ", "-", "/", "-").Replace(name)+".golden"), headers, body)
		}
	}
}

// compareGolden compares a body, JSON being indented for those who read it.
func compareGolden(t *testing.T, path string, headers []peal.Header, body []byte) {
	t.Helper()
	var got bytes.Buffer
	for _, h := range headers {
		fmt.Fprintf(&got, "%s: %s\n", h.Name, h.Value)
	}
	got.WriteByte('\n')
	if json.Valid(body) {
		if err := json.Indent(&got, body, "", "  "); err != nil {
			t.Fatal(err)
		}
	} else {
		got.Write(body)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s is another now; see whether it should be, and run the test with -update\n%s", path, diff)
	}
}

// hostile are texts that mean something to one receiver or another.
var hostile = []string{
	"plain", "<!channel> <!here> <@U1> <https://evil.example|click>", "*bold* _it_ ~no~ `code` ```fence``` > quote", "&lt;b&gt; &amp; & < >",
	"<script>alert(1)</script><img src=x onerror=alert(1)>", "a\r\nBcc: evil@example.com\r\n\r\nbody", "line\nline\n> quote\n- list\n1. one\n# head",
	"[click](https://evil.example) ![x](https://evil.example/x.png) **b** __u__ | a | b |", "{{DATE(2020-01-01T00:00:00Z)}} {{{{TIME(x)}} ${x} @{x}",
	":smile: @here @channel #general :100: 14:23:00", "\u202egnp.exe\u202c \u2066x\u2069 مرحبا بالعالم שלום", "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301\u0301\u0301", "\x00\x01\x1b[31m\x7f\u0085\u2028\u2029",
	"=?utf-8?q?evil?=", "\".\r\n.\r\nMAIL FROM:<x>", "{code}x{code} {noformat} [~admin] h1. big {color:red}x{color} !img.png!", "```", "`", "'\"\\", " ", "\ufeff\u200b", "<", "*", "\n",
}

// hostileEvent has the texts wherever an event has text.
func hostileEvent(title, message, key, value string) *peal.Event {
	ev := &peal.Event{
		ID: peal.EventID{1, 0x9d, 0xf3, 0x21, 15: 7}, Org: "acme", Type: "order.paid", Time: sampleTime, Title: title, Message: message, Severity: peal.Critical,
		Subject: peal.Clip(peal.ReadableLine(value), peal.MaxFieldLen-len("…")),
	}
	data := append([]byte{'{'}, strictjson.AppendString(nil, "k"+key)...)
	data = append(append(data, ':'), strictjson.AppendString(nil, value)...)
	data = append(append(data, `,"details":{`...), strictjson.AppendString(nil, key)...)
	data = append(append(data, `:[`...), strictjson.AppendString(nil, value)...)
	data = append(append(data, `]},"list":[{"v":`...), strictjson.AppendString(nil, value)...)
	ev.Data = append(data, `}]}`...)
	return ev
}

// harmless has the same lines and lengths as s and nothing that means anything.
func harmless(s string) string {
	if !peal.Visible(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == ' ' {
			return r
		}
		return 'x'
	}, peal.Readable(s))
}

func checkHostile(t *testing.T, title, message, key, value string) {
	t.Helper()
	for kind, c := range renderers(t) {
		ep := samples[kind].endpoint("https://hooks.example.com/secret")
		_, _, got := render(t, c, ep, hostileEvent(title, message, key, value))
		if len(title)+len(message)+len(key)+len(value) > 60 {
			continue // what is cut, and what is long, may differ with the spelling
		}
		_, _, want := render(t, c, ep, hostileEvent(harmless(title), harmless(message), harmless(key), harmless(value)))
		if got != want {
			t.Errorf("%s: title %q, message %q, key %q and value %q change the structure:\n%s\n%s", kind, title, message, key, value, got, want)
		}
	}
}

func TestHostileTextIsText(t *testing.T) {
	for _, s := range hostile {
		checkHostile(t, s, s, s, s)
	}
	const most = 256 << 10
	for _, s := range hostile {
		long := strings.Repeat(s+" ", most/4/(len(s)+1))
		checkHostile(t, long, long, peal.Clip(long, 1000), peal.Clip(long, most/3))
	}
}

func TestHostileGroupsAreText(t *testing.T) {
	for kind, c := range renderers(t) {
		ep := samples[kind].endpoint("https://hooks.example.com/secret")
		var events []*peal.Event
		for _, s := range hostile {
			events = append(events, hostileEvent(s, s, s, s))
		}
		render(t, c, ep, events...)
		render(t, c, ep, slices.Repeat(events, 40)...)
	}
}

// TestManyDetails has more of an event than any message holds.
func TestManyDetails(t *testing.T) {
	data := []byte{'{'}
	for i := range 300 {
		data = fmt.Appendf(data, `"k%d":"%s",`, i, strings.Repeat("<&é", 1+i%200))
	}
	data = append(data, `"last":1}`...)
	for kind, c := range renderers(t) {
		render(t, c, samples[kind].endpoint("https://hooks.example.com/secret"), sampleEvent("order.paid", data))
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, s, s, s)
	}
	f.Fuzz(func(t *testing.T, title, message, key, value string) {
		checkHostile(t, strings.ToValidUTF8(title, "x"), strings.ToValidUTF8(message, "x"), strings.ToValidUTF8(key, "x"), strings.ToValidUTF8(value, "x"))
	})
}

// checkRender renders without words, details or a link, and with an endpoint's own words.
func checkRender(t *testing.T, c Renderer, s sample) {
	t.Helper()
	ep := s.endpoint("https://hooks.example.com/secret")
	bare := &peal.Event{Org: peal.DefaultOrg, Type: "x", Time: sampleTime, Data: []byte("{}")}
	body, headers, err := c.Render(ep, NewMessage(ep, Envelope{}, bare))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.rules(headers, body); err != nil {
		t.Errorf("%v in\n%s", err, body)
	}
	if !slices.ContainsFunc(headers, func(h peal.Header) bool { return h.Name == "Content-Type" && h.Value != "" }) {
		t.Errorf("no Content-Type among %v", headers)
	}
	for _, secret := range s.secrets {
		if strings.Contains(string(body)+fmt.Sprint(headers), secret) {
			t.Errorf("a secret is rendered: %s", body)
		}
	}
	own := map[string]any{}
	if err := json.Unmarshal(ep.Private.Config, &own); err != nil {
		t.Fatal(err)
	}
	own["title"], own["message"] = "PROD {{ event.title }}", "{{ event.data.n | count }} of {{ event.subject }}"
	if ep.Private.Config, err = json.Marshal(own); err != nil {
		t.Fatal(err)
	}
	_, body, _ = render(t, c, ep, sampleEvent("budget.odd", []byte(`{"n":90000}`)))
	for _, want := range []string{"PROD Budget odd", "90,000 of 42"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("%q is not in %s", want, body)
		}
	}
}

// checkShown holds what is shown of an endpoint.
func checkShown(t *testing.T, c Channel, s sample) {
	t.Helper()
	shown, err := json.Marshal(Shown(c, s.endpoint("https://hooks.example.com/T0/secret")))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range s.secrets {
		if strings.Contains(string(shown), secret) {
			t.Errorf("%s is shown in %s", secret, shown)
		}
	}
}
