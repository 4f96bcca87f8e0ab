package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/webhook"
)

var (
	at   = time.Date(2026, 5, 4, 14, 23, 0, 0, time.UTC)
	body = []byte(`{"type":"budget.exceeded","data":{"n":1}}`)
)

// The secrets are whsec_ and base64 of 32 bytes, which every scheme takes.
const (
	oldSecret = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZC0="
	newSecret = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="
)

func mac(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

// custom is a scheme in the manner of Stripe's: the time stands in the prefix.
var custom = webhook.MustNew(webhook.Format{Header: "X-Acme", Prefix: "t={timestamp},v1=", Content: "{timestamp}.{body}", Tolerance: time.Minute})

var schemes = map[string]struct {
	scheme *webhook.Scheme
	header string
	want   func(secret string) string
}{
	"standard": {webhook.Standard, "webhook-signature", func(secret string) string {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		return "v1," + base64.StdEncoding.EncodeToString(mac(string(key), fmt.Sprintf("evt_1.%d.%s", at.Unix(), body)))
	}},
	"nemo":      {webhook.Nemo, "X-Nemo-Signature", prefixedHex},
	"curate-me": {webhook.CurateMe, "X-Webhook-Signature", prefixedHex},
	"nembl":     {webhook.Nembl, "x-webhook-signature", prefixedHex},
	"nolxy":     {webhook.Nolxy, "X-Nolxy-Signature", func(secret string) string { return hex.EncodeToString(mac(secret, string(body))) }},
	"custom": {custom, "X-Acme", func(secret string) string {
		return fmt.Sprintf("t=%d,v1=%x", at.Unix(), mac(secret, fmt.Sprintf("%d.%s", at.Unix(), body)))
	}},
}

func prefixedHex(secret string) string {
	return "sha256=" + hex.EncodeToString(mac(secret, string(body)))
}

// request is the headers of a request that a scheme signed at the time at.
func request(t *testing.T, s *webhook.Scheme, secrets ...string) http.Header {
	t.Helper()
	value, err := s.Sign(webhook.Message{ID: "evt_1", Timestamp: at, Body: body}, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set("webhook-id", "evt_1")
	h.Set("webhook-timestamp", fmt.Sprint(at.Unix()))
	h.Set(s.Format().Header, value)
	return h
}

func TestSignatures(t *testing.T) {
	for name, c := range schemes {
		t.Run(name, func(t *testing.T) {
			if got := c.scheme.Format().Header; got != c.header {
				t.Errorf("header %q, want %q", got, c.header)
			}
			h := request(t, c.scheme, oldSecret)
			if got, want := h.Get(c.header), c.want(oldSecret); got != want {
				t.Errorf("signature %q, want %q", got, want)
			}
			verify := func(body []byte, secrets ...string) error { return c.scheme.VerifyAt(at, h, body, secrets...) }
			if err := verify(body, oldSecret); err != nil {
				t.Errorf("own signature: %v", err)
			}
			if err := verify(body, newSecret, oldSecret); err != nil {
				t.Errorf("second of two secrets: %v", err)
			}
			if err := verify(body, newSecret); !errors.Is(err, webhook.ErrSignature) {
				t.Errorf("another secret: %v", err)
			}
			if err := verify(body); !errors.Is(err, webhook.ErrNoSecret) {
				t.Errorf("no secret: %v", err)
			}
			for i := range body {
				changed := append([]byte(nil), body...)
				changed[i] ^= 1
				if err := verify(changed, oldSecret); !errors.Is(err, webhook.ErrSignature) {
					t.Fatalf("byte %d changed: %v", i, err)
				}
			}
			signature := h.Get(c.header)
			for i := range signature {
				changed := []byte(signature)
				changed[i] ^= 1
				h.Set(c.header, string(changed))
				if err := verify(body, oldSecret); err == nil {
					t.Fatalf("byte %d of the signature changed: accepted", i)
				}
			}
			h.Set(c.header, strings.ToUpper(signature))
			if err := verify(body, oldSecret); err == nil {
				t.Error("upper-case signature: accepted")
			}
			h.Del(c.header)
			if err := verify(body, oldSecret); !errors.Is(err, webhook.ErrHeader) {
				t.Errorf("no header: %v", err)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	for name, c := range schemes {
		t.Run(name, func(t *testing.T) {
			h := request(t, c.scheme, newSecret, oldSecret)
			if err := c.scheme.VerifyAt(at, h, body, newSecret); err != nil {
				t.Errorf("new secret: %v", err)
			}
			err := c.scheme.VerifyAt(at, h, body, oldSecret)
			if list := c.scheme.Format().List; list != (err == nil) {
				t.Errorf("old secret: %v, where several signatures are allowed: %t", err, list)
			}
		})
	}
}

func TestTimestamps(t *testing.T) {
	for name, scheme := range map[string]*webhook.Scheme{"standard": webhook.Standard, "custom": custom} {
		t.Run(name, func(t *testing.T) {
			tolerance := scheme.Format().Tolerance
			h := request(t, scheme, oldSecret)
			for off, want := range map[time.Duration]error{
				-tolerance: nil, tolerance: nil,
				-tolerance - time.Second: webhook.ErrTimestamp, tolerance + time.Second: webhook.ErrTimestamp,
				100_000 * time.Hour: webhook.ErrTimestamp,
			} {
				if err := scheme.VerifyAt(at.Add(off), h, body, oldSecret); !errors.Is(err, want) {
					t.Errorf("%s off: %v, want %v", off, err, want)
				}
			}
		})
	}
	h := request(t, webhook.Standard, oldSecret)
	for _, bad := range []string{"", "now", "1.5", "99999999999999999999", "9223372036854775807", "-9223372036854775808"} {
		h.Set("webhook-timestamp", bad)
		if err := webhook.Standard.VerifyAt(at, h, body, oldSecret); !errors.Is(err, webhook.ErrHeader) && !errors.Is(err, webhook.ErrTimestamp) {
			t.Errorf("timestamp %q: %v", bad, err)
		}
	}
	h = request(t, webhook.Standard, oldSecret)
	h.Del("webhook-id")
	if err := webhook.Standard.VerifyAt(at, h, body, oldSecret); !errors.Is(err, webhook.ErrHeader) {
		t.Errorf("without an id: %v", err)
	}
}

func TestVerifySkipsOtherVersions(t *testing.T) {
	h := request(t, webhook.Standard, oldSecret)
	own := h.Get("webhook-signature")
	h.Set("webhook-signature", "v1a,c29tZXRoaW5n v2,x  "+own+" v1,")
	if err := webhook.Standard.VerifyAt(at, h, body, oldSecret); err != nil {
		t.Errorf("beside other versions: %v", err)
	}
	h.Set("webhook-signature", strings.Repeat("v1,x ", 100)+own)
	if err := webhook.Standard.VerifyAt(at, h, body, oldSecret); !errors.Is(err, webhook.ErrSignature) {
		t.Errorf("behind a hundred others: %v", err)
	}
}

func TestSecrets(t *testing.T) {
	encode := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for secret, ok := range map[string]bool{
		encode(24): true, encode(32): true, encode(64): true, oldSecret: true,
		encode(23): false, encode(65): false, "": false, "whsec_": false, oldSecret[6:]: false, oldSecret + "=": false,
		"whsec_a-long-random-string": false, strings.TrimRight(encode(32), "="): false,
	} {
		if err := webhook.Whsec.Check(secret); ok != (err == nil) || !ok && !errors.Is(err, webhook.ErrSecret) {
			t.Errorf("%q: %v, want ok %t", secret, err, ok)
		}
	}
	if _, err := webhook.Standard.Sign(webhook.Message{}, oldSecret, "bad"); !errors.Is(err, webhook.ErrSecret) {
		t.Errorf("one bad secret of two: %v", err)
	}
	if _, err := webhook.Nemo.Sign(webhook.Message{}); !errors.Is(err, webhook.ErrNoSecret) {
		t.Errorf("no secret: %v", err)
	}
	if _, err := webhook.Nemo.Sign(webhook.Message{}, ""); !errors.Is(err, webhook.ErrSecret) {
		t.Errorf("empty secret: %v", err)
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		format webhook.Format
		field  string
	}{
		{webhook.Format{}, "header"},
		{webhook.Format{Header: "X", Content: "{id}"}, "content"},
		{webhook.Format{Header: "X", Content: "{body}{body}"}, "content"},
		{webhook.Format{Header: "X", Content: "{body"}, "content"},
		{webhook.Format{Header: "X", Content: "{secret}{body}"}, "content"},
		{webhook.Format{Header: "X", Prefix: "{body}"}, "prefix"},
		{webhook.Format{Header: "X", Prefix: "{timestamp}"}, "prefix"},
		{webhook.Format{Header: "X", Prefix: "{id}{timestamp},"}, "prefix"},
		{webhook.Format{Header: "X", Tolerance: time.Minute}, "tolerance"},
	} {
		var bad *webhook.FormatError
		if _, err := webhook.New(c.format); !errors.As(err, &bad) || bad.Field != c.field {
			t.Errorf("%+v: %v, want an error of %s", c.format, err, c.field)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("v1,abc", "1777904580", "evt_1", []byte("{}"))
	f.Add("t=1777904580,v1=00", "", "", []byte(""))
	f.Fuzz(func(t *testing.T, signature, timestamp, id string, body []byte) {
		for name, c := range schemes {
			h := http.Header{}
			h.Set("webhook-id", id)
			h.Set("webhook-timestamp", timestamp)
			h.Set(c.header, signature)
			if err := c.scheme.VerifyAt(at, h, body, oldSecret); err == nil {
				t.Errorf("%s: accepted a made-up signature %q", name, signature)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	m := webhook.Message{ID: "evt_01h455vb4pex5vsknk084sn02q", Timestamp: at, Body: make([]byte, 1024)}
	for _, name := range []string{"standard", "nemo"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := schemes[name].scheme.Sign(m, oldSecret); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
