package profile_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/strictjson"
	"github.com/peal-dev/peal/webhook"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	oldSecret = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZC0="
	newSecret = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="
)

var (
	happened = time.Date(2026, 5, 4, 14, 23, 0, 123_456_000, time.UTC)
	now      = happened.Add(90 * time.Minute)
)

// digits is data whose numbers no float can carry, nor the order of whose keys a map.
const digits = `{"z":123456789012345678901234567890,"a":[0.1000,1E5,-0],"é":"<&>\u007f","n":{"b":2.50,"a":null}}`

func anEvent() *peal.Event {
	id, err := peal.ParseEventID("evt_01kqs3nsq0fzaay2xdyg3n9fer")
	if err != nil {
		panic(err)
	}
	return &peal.Event{
		ID: id, Org: "default", ClientID: "inv-7", Type: "budget.exceeded", Source: "gateway.example.com",
		Subject: "42", Severity: peal.High, Title: "Budget spent", Message: "Team Zoë spent 100 %.",
		Time: happened, AcceptedAt: happened, Data: []byte(digits),
	}
}

// documented is the built-in profiles and the one that docs/profiles.md works out.
func documented(t testing.TB) *profile.Set {
	t.Helper()
	doc, err := os.ReadFile("../../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/profiles.md has no example in YAML")
	}
	set, err := profile.Load([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// request is one attempt as a receiver sees it.
type request struct {
	header http.Header
	body   []byte
}

// send renders and signs an event.
func send(t testing.TB, p *profile.Profile, ev *peal.Event, now time.Time, secrets ...string) request {
	t.Helper()
	body, err := p.Render(ev)
	if err != nil {
		t.Fatal(err)
	}
	headers, err := p.Sign(nil, profile.Signing{Event: ev, Body: body, Secrets: secrets, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for _, one := range headers {
		if h.Get(one.Name) != "" {
			t.Errorf("header %s twice", one.Name)
		}
		h.Set(one.Name, one.Value)
	}
	return request{h, body}
}

func TestConformance(t *testing.T) {
	for _, p := range documented(t).All() {
		t.Run(p.Name, func(t *testing.T) {
			ev := anEvent()
			r := send(t, p, ev, now, newSecret)
			checkBody(t, p, ev, r.body)
			checkHeaders(t, p, ev, r.header)
			checkSignature(t, p, r)
			checkSecrets(t, p, ev)
			if p.Description == "" || p.Policy.Timeout <= 0 || !p.Policy.Exhausted.Finished() {
				t.Errorf("incomplete: %+v", p)
			}
			golden(t, p.Name, r)
		})
	}
}

func checkBody(t *testing.T, p *profile.Profile, ev *peal.Event, body []byte) {
	compact, err := strictjson.Compact(nil, body)
	if err != nil || !bytes.Equal(compact, body) {
		t.Errorf("body is not compact JSON: %s, %v", body, err)
	}
	var numbers []string
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	for tok, err := dec.Token(); err == nil; tok, err = dec.Token() {
		if n, ok := tok.(json.Number); ok {
			numbers = append(numbers, n.String())
		}
	}
	want := []string{"123456789012345678901234567890", "0.1000", "1E5", "-0", "2.50"}
	if p.Name == "nemo" {
		want = []string{"123456789012345678901234567890", "0.1", "100000.0", "0", "2.5"}
	}
	for _, n := range want {
		if !slices.Contains(numbers, n) {
			t.Errorf("the number %s is not in %s", n, body)
		}
	}
	again, err := p.Render(ev)
	if err != nil || !bytes.Equal(again, body) {
		t.Errorf("rendered again: %s, %v; first %s", again, err, body)
	}
}

func checkHeaders(t *testing.T, p *profile.Profile, ev *peal.Event, h http.Header) {
	if got := h.Get("webhook-id"); got != ev.ID.String() {
		t.Errorf("webhook-id %q, want %q", got, ev.ID)
	}
	if got := h.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if len(h) != len(p.Headers) {
		t.Errorf("headers %v, the profile names %v", h, p.Headers)
	}
	for _, name := range p.Headers {
		if h.Get(name) == "" {
			t.Errorf("header %s is missing", name)
		}
	}
}

func checkSignature(t *testing.T, p *profile.Profile, r request) {
	if err := p.Scheme.VerifyAt(now, r.header, r.body, newSecret); err != nil {
		t.Errorf("own request: %v", err)
	}
	for i := range r.body {
		r.body[i] ^= 1
		if err := p.Scheme.VerifyAt(now, r.header, r.body, newSecret); err == nil {
			t.Fatalf("accepted with byte %d changed", i)
		}
		r.body[i] ^= 1
	}
	if err := p.Scheme.VerifyAt(now, r.header, r.body, oldSecret); err == nil {
		t.Error("accepted with another secret")
	}
}

func checkSecrets(t *testing.T, p *profile.Profile, ev *peal.Event) {
	a, b := p.NewSecret(), p.NewSecret()
	if a == b || p.CheckSecret(a) != nil || webhook.Whsec.Check(a) != nil {
		t.Errorf("made the secrets %q and %q", a, b)
	}
	if peal.CodeOf(p.CheckSecret("")) != peal.CodeInvalid {
		t.Error("an empty secret is fine")
	}
	headers, err := p.Sign(nil, profile.Signing{Event: ev, Body: []byte("{}"), Now: now})
	signed := slices.ContainsFunc(headers, func(h peal.Header) bool { return h.Name == p.Scheme.Format().Header })
	if p.SecretRequired != (peal.CodeOf(err) == peal.CodeUnprocessable && err != nil) || signed {
		t.Errorf("without a secret: %v, %v", headers, err)
	}
}

// golden compares a request with the recorded one.
func golden(t *testing.T, name string, r request) {
	var b bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(r.header)) {
		fmt.Fprintf(&b, "%s: %s\n", key, r.header.Get(key))
	}
	fmt.Fprintf(&b, "\n%s\n", r.body)
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("got\n%swant\n%s", b.Bytes(), want)
	}
}

func BenchmarkRenderSign(b *testing.B) {
	ev := anEvent()
	ev.Data = fmt.Appendf(nil, `{"note":%q,"amount":12.50,"count":90000,"nested":{"b":[1,2,3],"a":true}}`, strings.Repeat("lorem ipsum ", 75))
	for _, p := range documented(b).All() {
		b.Run(p.Name, func(b *testing.B) {
			headers, secrets := make([]peal.Header, 0, 8), []string{newSecret}
			b.ReportAllocs()
			for b.Loop() {
				body, err := p.Render(ev)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.Sign(headers, profile.Signing{Event: ev, Body: body, Secrets: secrets, Now: now}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
