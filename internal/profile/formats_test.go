package profile_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/webhook"
)

func get(t testing.TB, name string) *profile.Profile {
	t.Helper()
	p, ok := profile.Builtin().Get(name)
	if !ok {
		t.Fatalf("no profile %s", name)
	}
	return p
}

func TestPolicies(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	type policy struct {
		peal.RetryPolicy
		Dedup           time.Duration
		Secret, DropNow bool
	}
	want := map[string]policy{
		"standard": {peal.RetryPolicy{
			Schedule: []time.Duration{5 * s, 5 * m, 30 * m, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h},
			Jitter:   0.1, Timeout: 15 * s, Exhausted: peal.Dead,
		}, 0, true, false},
		"nemo": {peal.RetryPolicy{Timeout: 10 * s, Exhausted: peal.Dropped}, 0, false, true},
		"curate-me": {peal.RetryPolicy{
			Schedule: []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s}, Timeout: 10 * s, Exhausted: peal.Dead,
		}, m, true, false},
		"nembl": {peal.RetryPolicy{
			Schedule: []time.Duration{30 * s, 2 * m, 10 * m, h, 6 * h}, Timeout: 30 * s, Exhausted: peal.Dead,
		}, 0, true, false},
		"nolxy": {peal.RetryPolicy{
			Schedule: []time.Duration{5 * s, 10 * s, 20 * s}, Timeout: 5 * s, Exhausted: peal.Dead,
		}, 0, true, false},
	}
	got := map[string]policy{}
	for _, p := range profile.Builtin().All() {
		got[p.Name] = policy{p.Policy, p.DedupWindow, p.SecretRequired, p.DropWhilePaused}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestBodies spells each envelope out, at a time on the full second.
func TestBodies(t *testing.T) {
	for name, want := range map[string]string{
		"standard":  `{"type":"quota.warning","timestamp":"2025-01-15T10:30:00Z","data":{"limit":100000}}`,
		"nemo":      `{"details":{"limit":100000},"message":"","service":"nemo-backend","severity":"INFO","title":"[Nemo Router] quota.warning"}`,
		"curate-me": `{"id":"evt_01kqs3nsq0fzaay2xdyg3n9fer","specversion":"1.0","type":"quota.warning","source":"peal","time":"2025-01-15T10:30:00Z","data":{"limit":100000}}`,
		"nembl":     `{"event":"quota.warning","timestamp":"2025-01-15T10:30:00Z","data":{"limit":100000}}`,
		"nolxy":     `{"event":"quota.warning","userId":null,"data":{"limit":100000},"timestamp":"2025-01-15T10:30:00.000Z"}`,
	} {
		berlin := time.FixedZone("", 3600)
		ev := &peal.Event{
			ID: anEvent().ID, Type: "quota.warning", Data: []byte(`{"limit":100000}`),
			Time: time.Date(2025, 1, 15, 11, 30, 0, 0, berlin),
		}
		if got, err := get(t, name).Render(ev); err != nil || string(got) != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", name, got, err, want)
		}
	}
}

func TestNemoTitle(t *testing.T) {
	for title, want := range map[string]string{
		"":                    "[Nemo Router] budget.exceeded",
		"Low":                 "[Nemo Router] Low",
		"[Nemo Router] Low":   "[Nemo Router] Low",
		"Low [Nemo Router] é": "[Nemo Router] Low [Nemo Router] é",
	} {
		ev := anEvent()
		ev.Title = title
		body, err := get(t, "nemo").Render(ev)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Title, Severity string }
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		if got.Title != want || got.Severity != "HIGH" {
			t.Errorf("%q: got %+v, want %q", title, got, want)
		}
	}
}

func TestNolxyUserID(t *testing.T) {
	for subject, want := range map[string]string{
		"": `null`, "42": `42`, "-7": `-7`, "2.50": `2.50`, "123456789012345678901234567890": `123456789012345678901234567890`,
		"007": `"007"`, "+1": `"+1"`, "1e400": `"1e400"`, "NaN": `"NaN"`, "user_42": `"user_42"`, "null": `"null"`, `a"b`: `"a\"b"`,
	} {
		ev := anEvent()
		ev.Subject = subject
		body, err := get(t, "nolxy").Render(ev)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), `,"userId":`+want+`,"data":`) {
			t.Errorf("subject %q: %s, want %s", subject, body, want)
		}
	}
}

func TestTimesInHeaders(t *testing.T) {
	ev := anEvent()
	r := send(t, get(t, "curate-me"), ev, now, newSecret)
	if got := r.header.Get("X-Webhook-Timestamp"); got != "1777904580" {
		t.Errorf("curate-me sends the time %s, want the event's, 1777904580", got)
	}
	if got := r.header.Get("X-Webhook-Event"); got != ev.Type {
		t.Errorf("curate-me sends the type %s, want %s", got, ev.Type)
	}
	r = send(t, get(t, "standard"), ev, now, newSecret)
	if got := r.header.Get("webhook-timestamp"); got != "1777909980" {
		t.Errorf("standard sends the time %s, want the attempt's, 1777909980", got)
	}
}

// TestRotation: during an overlap standard signs with both secrets, the others with the newest.
func TestRotation(t *testing.T) {
	for _, p := range documented(t).All() {
		r := send(t, p, anEvent(), now, newSecret, oldSecret)
		if err := p.Scheme.VerifyAt(now, r.header, r.body, newSecret); err != nil {
			t.Errorf("%s, new secret: %v", p.Name, err)
		}
		err := p.Scheme.VerifyAt(now, r.header, r.body, oldSecret)
		if (p.Name == "standard") != (err == nil) {
			t.Errorf("%s, old secret: %v", p.Name, err)
		}
	}
}

func TestSecretsOfStandard(t *testing.T) {
	for secret, ok := range map[string]bool{newSecret: true, "whsec_a-long-random-string": false, "s": false} {
		if err := get(t, "standard").CheckSecret(secret); ok != (err == nil) {
			t.Errorf("standard, %q: %v", secret, err)
		}
		for _, name := range []string{"nemo", "curate-me", "nembl", "nolxy"} {
			if err := get(t, name).CheckSecret(secret); err != nil {
				t.Errorf("%s, %q: %v", name, secret, err)
			}
		}
	}
	if !get(t, "standard").Scheme.Format().List || get(t, "standard").Scheme != webhook.Standard {
		t.Error("standard does not sign with webhook.Standard")
	}
}
