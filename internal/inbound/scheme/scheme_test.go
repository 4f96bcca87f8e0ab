package scheme

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFormJSON(t *testing.T) {
	for form, want := range map[string]string{
		"":                                  `{}`,
		"a=1":                               `{"a":"1"}`,
		"b=2&a=1&b=%C3%BC":                  `{"a":"1","b":["2","ü"]}`,
		"payload=%7B%22ref%22%3A1.50%7D":    `{"ref":1.50}`,
		"payload=%7B%7D&token=x":            `{"payload":"{}","token":"x"}`,
		"payload=no+JSON":                   `{"payload":"no JSON"}`,
		"payload=1&payload=2":               `{"payload":["1","2"]}`,
		"command=%2Fdeploy&text=api+%26+ui": `{"command":"/deploy","text":"api \u0026 ui"}`,
	} {
		got, err := FormJSON([]byte(form))
		if err != nil || string(got) != want {
			t.Errorf("%q: %s, %v; want %s", form, got, err, want)
		}
	}
	for _, form := range []string{"%zz", "a=1;b=2"} {
		if got, err := FormJSON([]byte(form)); err == nil {
			t.Errorf("%q: %s", form, got)
		}
	}
}

func TestHandshake(t *testing.T) {
	ask := func(origin, rate string) http.Header {
		h := http.Header{}
		h.Set("WebHook-Request-Origin", origin)
		if rate != "" {
			h.Set("WebHook-Request-Rate", rate)
		}
		return h
	}
	for _, c := range []struct {
		asked     http.Header
		perMinute int
		granted   string
	}{
		{ask("eventemitter.example.com", "120"), 0, "*"},
		{ask("eventemitter.example.com", "120"), 60, "60"},
		{ask("eventemitter.example.com", "120"), 600, "120"},
		{ask("eventemitter.example.com", ""), 600, "600"},
		{ask("eventemitter.example.com", "many"), 600, "600"},
	} {
		got, ok := Handshake(c.asked, c.perMinute)
		want := http.Header{"Allow": {"POST"}, "Webhook-Allowed-Origin": {"eventemitter.example.com"}, "Webhook-Allowed-Rate": {c.granted}}
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%v of %d: %v\n%s", c.asked, c.perMinute, ok, diff)
		}
	}
	// A browser's preflight is none.
	if got, ok := Handshake(http.Header{"Origin": {"https://a.example"}}, 0); ok {
		t.Errorf("not a handshake, but answered %v", got)
	}
}

// A JSON body that no hash in the URL stands for is one that Twilio did not sign.
func TestTwilioSignsTheBody(t *testing.T) {
	file := readVectors(t)
	s := twilio()
	for _, v := range file.Vectors {
		if v.Scheme != "twilio" {
			continue
		}
		r := v.request()
		r.Body = []byte(`{"forged":true}`)
		_, err := s.Verify(t.Context(), r, v.config())
		refused(t, v.Name, err, ErrMismatch)
		if strings.Contains(v.URL, "bodySHA256") {
			r = v.request()
			r.URL, _, _ = strings.Cut(v.URL, "?")
			_, err = s.Verify(t.Context(), r, v.config())
			refused(t, v.Name+" without its hash", err, ErrMismatch)
		}
	}
}

// The signed content of generic HMAC is filled in once: a value that looks like a
// placeholder is none.
func TestHMACFillsInOnce(t *testing.T) {
	s := genericHMAC()
	c := Config{Secrets: []string{"k"}, Settings: map[string]string{"header": "X-Sig", "id_header": "X-Id", "content": "{id}.{body}", "encoding": "hex"}}
	r := &Request{Header: http.Header{}, Body: []byte("{}"), Now: at}
	r.Header.Set("X-Id", "{body}")
	r.Header.Set("X-Sig", hexMAC("k", "{body}.{}"))
	if _, err := s.Verify(t.Context(), r, c); err != nil {
		t.Error(err)
	}
	r.Header.Set("X-Sig", hexMAC("k", "{}.{}"))
	_, err := s.Verify(t.Context(), r, c)
	refused(t, "filled in twice", err, ErrMismatch)
}

// Of several Zoom secrets, the answer is made with the one that the question was.
func TestZoomAnswersWithTheSecretOfTheQuestion(t *testing.T) {
	for _, v := range readVectors(t).Vectors {
		if v.Scheme != "zoom" || v.Want.Reply == nil {
			continue
		}
		c := v.config()
		c.Secrets = append([]string{"newer"}, c.Secrets...)
		got, err := zoom().Verify(t.Context(), v.request(), c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v.verdict(), got); diff != "" {
			t.Error(diff)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	file := readVectors(b)
	set := All(certificateOf(file.Certificate))
	for _, s := range set.Schemes() {
		v := firstVector(b, file, s.Name)
		r, c := v.request(), v.config()
		b.Run(s.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Verify(b.Context(), r, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A sender that knows the secret still has to sign a time that can be read.
func TestSignedTimesAreRead(t *testing.T) {
	const secret, body = "s3cret", `{"type":"a"}`
	for _, c := range []struct {
		scheme  string
		body    string
		headers map[string]string
		reason  error
	}{
		{"slack", body, map[string]string{"X-Slack-Request-Timestamp": "today", "X-Slack-Signature": "v0=" + hexMAC(secret, "v0:today:"+body)}, ErrMalformed},
		{"zoom", body, map[string]string{"X-Zm-Request-Timestamp": "-1", "X-Zm-Signature": "v0=" + hexMAC(secret, "v0:-1:"+body)}, ErrMalformed},
		{"stripe", body, map[string]string{"Stripe-Signature": "t=1e9,v1=" + hexMAC(secret, "1e9."+body)}, ErrMalformed},
		{"paddle", body, map[string]string{"Paddle-Signature": "ts=99999999999999999999;h1=" + hexMAC(secret, "99999999999999999999:"+body)}, ErrMalformed},
		{"linear", body, map[string]string{"Linear-Signature": hexMAC(secret, body)}, ErrMissing},
		{"linear", "[]", map[string]string{"Linear-Signature": hexMAC(secret, "[]")}, ErrMissing},
		{"hmac", body, map[string]string{"X-Sig": hexMAC(secret, "today."+body), "X-Time": "today"}, ErrMalformed},
	} {
		s, _ := All(nil).Get(c.scheme)
		r := &Request{Header: http.Header{}, Body: []byte(c.body), Now: at}
		for name, value := range c.headers {
			r.Header.Set(name, value)
		}
		cfg := Config{Secrets: []string{secret}}
		if c.scheme == "hmac" {
			cfg.Settings = map[string]string{"header": "X-Sig", "timestamp_header": "X-Time"}
		}
		_, err := s.Verify(t.Context(), r, cfg)
		refused(t, c.scheme, err, c.reason)
	}
}
