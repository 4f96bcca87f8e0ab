package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func sensitive(name string) bool {
	return slices.Contains([]string{"authorization", "api_key", "X-API-Key", "secret", "tokens"}, name)
}

func TestLoggerHidesSecrets(t *testing.T) {
	const hidden = "s3cr3tValue0123456789abcdef"
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log, err := NewLogger(&out, format, "debug", sensitive)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("by name", "authorization", hidden, "api_key", []string{hidden}, slog.Group("headers", "X-API-Key", hidden))
		log.With("secret", hidden).Info("by name, with")
		log.Info("by looks, in the message: Bearer "+hidden, "header", "bearer  "+hidden+", more")
		log.Info("by looks", "error", errors.New(`bad secret "whsec_`+hidden+`" and key peal_`+hidden+hidden))
		log.Info("by looks", "database", "postgres://peal:"+hidden+"@db.example/peal", "any", map[string]string{"a": "whsec_" + hidden})
		if strings.Contains(out.String(), "s3cr3t") {
			t.Errorf("%s: a secret is in the log:\n%s", format, out.String())
		}
		for _, kept := range []string{"by name, with", "bad secret", "postgres://peal:[redacted]@db.example/peal", ", more"} {
			if !strings.Contains(out.String(), kept) {
				t.Errorf("%s: %q is not in the log:\n%s", format, kept, out.String())
			}
		}
		if format == "json" {
			for line := range strings.Lines(out.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %s", line)
				}
			}
		}
	}
}

func TestLoggerKeepsTheRest(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "json", "info", sensitive)
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("not at this level")
	log.Info("plain", "endpoint", "ep_01h455vb4pex5vsknk084sn02q", "key_id", "key_01h455vb4pex5vsknk084sn02q", "tokens", 7,
		"url", "https://hooks.example.com:8443/a@b", "webhook-signature", "v1,abc")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	for name, want := range map[string]any{
		"msg": "plain", "level": "INFO", "endpoint": "ep_01h455vb4pex5vsknk084sn02q", "key_id": "key_01h455vb4pex5vsknk084sn02q",
		"tokens": 7.0, "url": "https://hooks.example.com:8443/a@b", "webhook-signature": "v1,abc",
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
}

func TestNewLoggerRefuses(t *testing.T) {
	for _, c := range [][2]string{{"xml", "info"}, {"json", "loud"}} {
		if _, err := NewLogger(&bytes.Buffer{}, c[0], c[1], sensitive); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
}
