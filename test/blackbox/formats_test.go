package blackbox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/webhook"
)

// profiles are the built-in wire formats, and verifiers what their receivers use.
var (
	profiles  = []string{"standard", "nemo", "curate-me", "nembl", "nolxy"}
	verifiers = map[string]*webhook.Scheme{
		"standard": webhook.Standard, "nemo": webhook.Nemo, "curate-me": webhook.CurateMe,
		"nembl": webhook.Nembl, "nolxy": webhook.Nolxy,
	}
)

// verify checks a delivery at the time of its arrival.
func verify(profile, secret string, a arrival, body []byte) error {
	return verifiers[profile].VerifyAt(a.At, a.Header, body, secret)
}

// verified checks that a delivery is signed with a secret and that one changed byte
// of it, in any place, is noticed.
func verified(t *testing.T, profile, secret string, a arrival) {
	t.Helper()
	if err := verify(profile, secret, a, a.Body); err != nil {
		t.Errorf("%s: %v\n%v\n%s", profile, err, a.Header, a.Body)
	}
	for i := range a.Body {
		changed := append([]byte(nil), a.Body...)
		changed[i] ^= 1
		if verify(profile, secret, a, changed) == nil {
			t.Fatalf("%s: a change of byte %d is not noticed", profile, i)
		}
	}
	if otherSecret := secretFor(profile, "zebra"); verify(profile, otherSecret, a, a.Body) == nil {
		t.Errorf("%s: another secret verifies", profile)
	}
}

func TestFiveFormats(t *testing.T) {
	t.Parallel()
	// What the event holds, and what each profile makes of it: nemo spells it as Python
	// does, the others leave numbers and escapes as they were sent.
	const data = `{ "b":123456789012345678901234567890, "a":2.50, "é":"\u00e9 😀", "n":-0, "e":1e5 }`
	const keep = `{"b":123456789012345678901234567890,"a":2.50,"é":"\u00e9 😀","n":-0,"e":1e5}`
	bodies := map[string]string{
		"standard": `{"type":"budget.exceeded","timestamp":"2026-05-04T14:23:00.123456Z","data":` + keep + `}`,
		"nemo": `{"details":{"a":2.5,"b":123456789012345678901234567890,"e":100000.0,"n":0,"\u00e9":"\u00e9 \ud83d\ude00"},` +
			`"message":"Spent \u00e9 too much","service":"nemo-backend","severity":"CRITICAL","title":"[Nemo Router] Over budget"}`,
		"curate-me": `{"id":"order-1","specversion":"1.0","type":"budget.exceeded","source":"gateway.example",` +
			`"time":"2026-05-04T14:23:00Z","data":` + keep + `}`,
		"nembl": `{"event":"budget.exceeded","timestamp":"2026-05-04T14:23:00Z","data":` + keep + `}`,
		"nolxy": `{"event":"budget.exceeded","userId":42,"data":` + keep + `,"timestamp":"2026-05-04T14:23:00.123Z"}`,
	}
	c := sharedOrg(t)
	receivers, secrets := map[string]*receiver{}, map[string]string{}
	for _, profile := range profiles {
		receivers[profile] = newReceiver(t, nil)
		var fields []any
		if profile == "nemo" {
			fields = append(fields, "secret", "nemo's optional secret")
		}
		ep := c.Endpoint(t, receivers[profile].URL, append(fields, "profile", profile)...)
		if secrets[profile] = text(ep, "secret"); secrets[profile] == "" {
			secrets[profile] = "nemo's optional secret"
		}
	}
	accepted := c.Publish(t, "budget.exceeded", json.RawMessage(data),
		"id", "order-1", "source", "gateway.example", "subject", "42", "severity", "critical",
		"time", "2026-05-04T14:23:00.123456Z", "title", "Over budget", "message", "Spent é too much")
	if text(accepted, "id") != "order-1" || number(t, accepted, "deliveries") != len(profiles) || accepted["duplicate"] != false {
		t.Errorf("accepted: %v", accepted)
	}
	ids := map[string]bool{}
	for _, profile := range profiles {
		got := receivers[profile].Wait(t, 1)[0]
		if string(got.Body) != bodies[profile] {
			t.Errorf("%s:\ngot  %s\nwant %s", profile, got.Body, bodies[profile])
		}
		verified(t, profile, secrets[profile], got)
		id := got.Header.Get("webhook-id")
		ids[id] = true
		if !strings.HasPrefix(id, "evt_") || got.Header.Get("Content-Type") != "application/json" ||
			!regexp.MustCompile(`^Peal/\S+$`).MatchString(got.Header.Get("User-Agent")) {
			t.Errorf("%s: headers %v", profile, got.Header)
		}
	}
	if len(ids) != 1 {
		t.Errorf("webhook-id differs between endpoints: %v", ids)
	}
	curate := receivers["curate-me"].Got()[0].Header
	at := time.Date(2026, 5, 4, 14, 23, 0, 0, time.UTC)
	if curate.Get("X-Webhook-Event") != "budget.exceeded" || curate.Get("X-Webhook-Timestamp") != fmt.Sprint(at.Unix()) {
		t.Errorf("curate-me: headers %v", curate)
	}
}

// A webhook without a secret is sent unsigned in nemo alone; the others make one.
func TestSecretsAreMadeWhereTheFormatWantsThem(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	for _, profile := range profiles {
		r := newReceiver(t, nil)
		ep := c.Endpoint(t, r.URL, "profile", profile, "events", []string{profile + ".event"})
		c.Publish(t, profile+".event", object{})
		got := r.Wait(t, 1)[0]
		secret := text(ep, "secret")
		if profile == "nemo" {
			if secret != "" || got.Header.Get("X-Nemo-Signature") != "" {
				t.Errorf("nemo without a secret: secret %q, headers %v", secret, got.Header)
			}
			continue
		}
		if secret == "" {
			t.Errorf("%s: no secret was made", profile)
		}
		verified(t, profile, secret, got)
	}
}

func TestRotationKeepsTheOldSecretForAWhile(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	for _, profile := range profiles {
		r := newReceiver(t, nil)
		ep := c.Endpoint(t, r.URL, "profile", profile, "events", []string{profile + ".*"}, "secret", secretFor(profile, "old"))
		path := "/v1/endpoints/" + text(ep, "id") + "/rotate-secret"
		rotated := c.Call(t, 200, "POST", path, object{"overlap": "1h"})
		secret := text(rotated, "secret")
		if secret == "" {
			t.Fatalf("%s: rotating answered %v", profile, rotated)
		}
		c.Publish(t, profile+".first", object{})
		got := r.Wait(t, 1)[0]
		verified(t, profile, secret, got)
		if profile == "standard" {
			verified(t, profile, secretFor(profile, "old"), got)
		}

		rotated = c.Call(t, 200, "POST", path, object{"overlap": "0s"})
		c.Publish(t, profile+".second", object{})
		got = r.Wait(t, 2)[1]
		verified(t, profile, text(rotated, "secret"), got)
		if verify(profile, secret, got, got.Body) == nil {
			t.Errorf("%s: signed with the old secret after a rotation without overlap", profile)
		}
	}
}

// secretFor makes a secret that a profile takes.
func secretFor(profile, word string) string {
	if profile == "standard" {
		return "whsec_" + strings.Repeat(word[:1], 32)
	}
	return "a secret called " + word
}
