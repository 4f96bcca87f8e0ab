package profile_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
)

// own loads one profile named own with these lines, indented below its name.
func own(lines ...string) (*profile.Profile, error) {
	set, err := profile.Load([]byte("profiles:\n  - name: own\n    " + strings.Join(lines, "\n    ")))
	if err != nil {
		return nil, err
	}
	p, _ := set.Get("own")
	return p, nil
}

func mustOwn(t testing.TB, lines ...string) *profile.Profile {
	t.Helper()
	p, err := own(lines...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ yaml, field, message string }{
		{"profiles: {{", "", "line 1"},
		{"profile: []", "profile", "unknown field"},
		{"profiles: 3", "profiles", "line 1"},
		{"profiles:\n- naem: a", "profiles[0].naem", "unknown field"},
		{"profiles:\n- description: a", "profiles[0].name", "1 to 64"},
		{"profiles:\n- name: A b", "profiles[0].name", "1 to 64"},
		{"profiles:\n- name: nemo", "profiles[0].name", "already"},
		{"profiles:\n- name: a\n- name: a", "profiles[1].name", "already"},
		{"profiles:\n- {name: a, jitter: much}", "profiles[0].jitter", "another kind"},
		{"profiles:\n- {name: a, jitter: 1.5}", "profiles[0].jitter", "0 to 1"},
		{"profiles:\n- {name: a, timeout: 1h}", "profiles[0].timeout", "between"},
		{"profiles:\n- {name: a, timeout: soon}", "profiles[0].timeout", "duration"},
		{"profiles:\n- {name: a, dedup_window: 25h}", "profiles[0].dedup_window", "between"},
		{"profiles:\n- {name: a, schedule: [1s, 2]}", "profiles[0].schedule[1]", "duration"},
		{"profiles:\n- {name: a, schedule: [1s, 0s]}", "profiles[0].schedule[1]", "between"},
		{"profiles:\n- {name: a, schedule: [" + strings.Repeat("1s,", 51) + "]}", "profiles[0].schedule", "at most"},
		{"profiles:\n- {name: a, envelope: '{'}", "profiles[0].envelope", "jq"},
		{"profiles:\n- {name: a, envelope: 'input'}", "profiles[0].envelope", "jq"},
		{"profiles:\n- {name: a, headers: {Host: x}}", "profiles[0].headers.Host", "set by the server"},
		{"profiles:\n- {name: a, headers: {webhook-id: x}}", "profiles[0].headers.webhook-id", "set by the server"},
		{"profiles:\n- {name: a, headers: {accept-encoding: gzip}}", "profiles[0].headers.accept-encoding", "set by the server"},
		{"profiles:\n- {name: a, headers: {Content-Encoding: gzip}}", "profiles[0].headers.Content-Encoding", "set by the server"},
		{"profiles:\n- {name: a, headers: {Proxy-Authorization: x}}", "profiles[0].headers.Proxy-Authorization", "set by the server"},
		{"profiles:\n- {name: a, headers: {HTTP2-Settings: x}}", "profiles[0].headers.HTTP2-Settings", "set by the server"},
		{"profiles:\n- {name: a, signature: {header: Proxy-Connection}}", "profiles[0].signature.header", "set by the server"},
		{"profiles:\n- {name: a, headers: {X-Y: " + strings.Repeat("y", 8193) + "}}", "profiles[0].headers.X-Y", "8192 bytes"},
		{"profiles:\n- {name: a, headers: {X-Y: '" + strings.Repeat("{subject}", 9) + "'}}", "profiles[0].headers.X-Y", "longer than 8192"},
		{"profiles:\n- {name: a, signature: {header: X, prefix: " + strings.Repeat("y", 257) + "}}", "profiles[0].signature.prefix", "at most 256"},
		{"profiles:\n- {name: a, headers: {'X Y': x}}", "profiles[0].headers.X Y", "a name may hold"},
		{"profiles:\n- {name: a, headers: {X-Y: \"a\\r\\nb\"}}", "profiles[0].headers.X-Y", "on one line"},
		{"profiles:\n- {name: a, headers: {X-Y: '{body}'}}", "profiles[0].headers.X-Y", "{body} is not"},
		{"profiles:\n- {name: a, headers: {X-Y: a, x-y: b}}", "profiles[0].headers.x-y", "twice"},
		{"profiles:\n- {name: a, secret_required: true}", "profiles[0].secret_required", "signature"},
		{"profiles:\n- {name: a, signature: {prefix: x}}", "profiles[0].signature.header", "name"},
		{"profiles:\n- {name: a, signature: {header: X, encoding: hax}}", "profiles[0].signature.encoding", "hex or base64"},
		{"profiles:\n- {name: a, signature: {header: X, secret: hax}}", "profiles[0].signature.secret", "text or whsec"},
		{"profiles:\n- {name: a, signature: {header: X, content: '{id}'}}", "profiles[0].signature.content", "{body}"},
		{"profiles:\n- {name: a, signature: {header: X, prefix: '{type}'}}", "profiles[0].signature.prefix", "{type}"},
		{"profiles:\n- {name: a, signature: {header: X, content: '{timestamp}.{body}'}}", "profiles[0].signature.content", "add a header"},
		{"profiles:\n- {name: a, signature: {header: X-Y}, headers: {x-y: a}}", "profiles[0].signature.header", "x-y"},
	} {
		_, err := profile.Load([]byte(c.yaml))
		var bad *peal.Error
		if !errors.As(err, &bad) || bad.Code != peal.CodeInvalid || bad.Field != c.field || !strings.Contains(bad.Message, c.message) ||
			!strings.HasPrefix(bad.Message, c.field) {
			t.Errorf("%.60q: got %v, want %q of %s", c.yaml, err, c.message, c.field)
		}
	}
}

func TestDefaults(t *testing.T) {
	for _, doc := range []string{"", "profiles: []", "# nothing"} {
		set, err := profile.Load([]byte(doc))
		if err != nil || len(set.All()) != len(profile.Builtin().All()) {
			t.Errorf("%q: %v", doc, err)
		}
	}
	standard := get(t, "standard")
	p := mustOwn(t)
	if diff := cmp.Diff(standard.Policy, p.Policy); diff != "" {
		t.Error(diff)
	}
	r := send(t, p, anEvent(), now)
	if want := send(t, standard, anEvent(), now, newSecret); string(r.body) != string(want.body) {
		t.Errorf("body %s, want that of standard", r.body)
	}
	if p.SecretRequired || p.Scheme != nil || p.CheckSecret("any") != nil {
		t.Errorf("a profile without a signature wants a secret")
	}
	if p := mustOwn(t, "signature: {header: X-Sig}"); !p.SecretRequired {
		t.Error("a profile with a signature wants no secret")
	}
	p = mustOwn(t, "signature: {header: X-Sig}", "secret_required: false")
	if r := send(t, p, anEvent(), now); p.SecretRequired || r.header.Get("X-Sig") != "" {
		t.Errorf("signed without a secret: %v", r.header)
	}
	want := peal.RetryPolicy{Timeout: 15 * time.Second, Exhausted: peal.Dropped}
	if diff := cmp.Diff(want, mustOwn(t, "schedule: []").Policy); diff != "" {
		t.Error(diff)
	}
	want = peal.RetryPolicy{Schedule: []time.Duration{time.Second}, Jitter: 0.5, Timeout: time.Minute, Exhausted: peal.Dead}
	if diff := cmp.Diff(want, mustOwn(t, "schedule: [1s]", "jitter: 0.5", "timeout: 1m").Policy); diff != "" {
		t.Error(diff)
	}
}

func TestEnvelopes(t *testing.T) {
	for expr, want := range map[string]string{
		`.`: `{"data":{"a":[0.1000,1E5,-0],"n":{"a":null,"b":2.50},"z":123456789012345678901234567890,"é":"<&>` + "\x7f" + `"},` +
			`"id":"inv-7","message":"Team Zoë spent 100 %.","org":"default","severity":"high","source":"gateway.example.com","subject":"42",` +
			`"time":"2026-05-04T14:23:00.123456Z","timestamp":1777904580,"title":"Budget spent","type":"budget.exceeded","webhook_id":"evt_01kqs3nsq0fzaay2xdyg3n9fer"}`,
		`[.data.a[], .data.n.b]`:                     `[0.1000,1E5,-0,2.50]`,
		`[.data.z + 1, .data.n.b * 2]`:               `[123456789012345678901234567891,5]`,
		`if .data.n.b > 2 then .data.n.b else 0 end`: `2.50`,
		`[.5, 1e1000, nan, infinite]`:                `[0.5,1.7976931348623157e+308,null,1.7976931348623157e+308]`,
		`[now, (now | todate)]`:                      `[1777904580.123456,"2026-05-04T14:23:00Z"]`,
		`[env, $ENV]`:                                `[{},{}]`,
		`def f(x): x * 2; f(.timestamp) # twice`:     `3555809160`,
		`"\(.type): \(.data.n.b)"`:                   `"budget.exceeded: 2.50"`,
	} {
		p := mustOwn(t, "envelope: '"+strings.ReplaceAll(expr, "'", "''")+"'")
		if got, err := p.Render(anEvent()); err != nil || string(got) != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", expr, got, err, want)
		}
	}
	ev := anEvent()
	ev.Subject, ev.Source, ev.Severity, ev.Title, ev.Message = "", "", "", "", ""
	p := mustOwn(t, "envelope: '[.subject, .source, .severity, .title, .message]'")
	if got, err := p.Render(ev); err != nil || string(got) != `[null,null,null,null,null]` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestEnvelopeFails(t *testing.T) {
	for expr, cause := range map[string]string{
		`empty`:                                 "nothing",
		`1, 2`:                                  "more than one",
		`.data.n.b.c`:                           "expected an object",
		`error("x")`:                            "x",
		`def f: f; f`:                           "deadline",
		`reduce range(40) as $i (1; [.,.])`:     "larger than 1 MiB",
		`"x" * 2000000`:                         "larger than 1 MiB",
		`reduce range(1000) as $i (1; [.])`:     "nested too deep",
		`reduce range(100000) as $i (1; {a:.})`: "nested too deep",
	} {
		t.Run(expr, func(t *testing.T) {
			t.Parallel()
			got, err := mustOwn(t, "envelope: '"+expr+"'").Render(anEvent())
			var bad *peal.Error
			if !errors.As(err, &bad) || bad.Code != peal.CodeUnprocessable || bad.Err == nil || !strings.Contains(bad.Err.Error(), cause) {
				t.Errorf("got %.60s, %v; want an error with %q", got, err, cause)
			}
		})
	}
}

// TestPlaceholders fills every one in, and signs as Stripe does, the time in the prefix.
func TestPlaceholders(t *testing.T) {
	p := mustOwn(t,
		"headers:",
		"  X-All: '{id} {timestamp} {event_id} {event_timestamp} {event_time} {type} {source} {subject} {severity}.'",
		"signature: {header: X-Sig, prefix: 't={timestamp},v1=', content: '{timestamp}.{body}', encoding: base64, secret: whsec}",
	)
	r := send(t, p, anEvent(), now, newSecret)
	want := "evt_01kqs3nsq0fzaay2xdyg3n9fer 1777909980 inv-7 1777904580 2026-05-04T14:23:00Z budget.exceeded gateway.example.com 42 high."
	if got := r.header.Get("X-All"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := r.header.Get("X-Sig"); !regexp.MustCompile(`^t=1777909980,v1=[A-Za-z0-9+/]{43}=$`).MatchString(got) {
		t.Errorf("signature %s", got)
	}
	if err := p.Scheme.VerifyAt(now, r.header, r.body, newSecret); err != nil {
		t.Error(err)
	}
}

// TestDocumentedTable holds docs/profiles.md to what the profiles do.
func TestDocumentedTable(t *testing.T) {
	doc, err := os.ReadFile("../../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(strings.Trim(line, "|\n "), "|")
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		if _, seen := rows[cells[0]]; !seen {
			rows[cells[0]] = cells[1:]
		}
	}
	short := strings.NewReplacer("m0s", "m", "h0m0s", "h")
	for i, p := range profile.Builtin().All() {
		var waits []string
		for _, d := range p.Policy.Schedule {
			waits = append(waits, short.Replace(d.String()))
		}
		for row, want := range map[string]string{
			"signature header": p.Scheme.Format().Header,
			"then":             string(p.Policy.Exhausted),
			"timeout":          p.Policy.Timeout.String(),
			"retries after":    strings.Join(waits, " "),
		} {
			got := strings.TrimSuffix(rows[row][i], ", ±10 %")
			if got == "never" {
				got = ""
			}
			if got != want {
				t.Errorf("%s, %s: documented %q, is %q", p.Name, row, got, want)
			}
		}
	}
}
