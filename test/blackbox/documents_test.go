package blackbox

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The code that the documents of the five formats print, and the libraries of those
// that have one, accept what Peal delivers and refuse it with one byte changed.
func TestReceiversOwnCode(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	arrivals, secrets := map[string]arrival{}, map[string]string{}
	for _, profile := range profiles {
		r := newReceiver(t, nil)
		secrets[profile] = secretFor(profile, "receiver")
		c.Endpoint(t, r.URL, "profile", profile, "secret", secrets[profile], "events", []string{profile + ".event"})
		c.Publish(t, profile+".event", json.RawMessage(`{"ü":"€ 😀 \u2028 </script>","n":[1e22,-0.0,2.50,5e-324,123456789012345678901234567890]}`),
			"title", "Über", "message", "a\tb\u007f", "subject", "42", "source", "/tests")
		arrivals[profile] = r.Wait(t, 1)[0]
	}
	for _, test := range []struct{ profile, header, script string }{
		{"standard", "webhook-signature", "standard.cjs"},
		{"nemo", "X-Nemo-Signature", "nemo.mjs"},
		{"nemo", "X-Nemo-Signature", "nemo.py"},
		{"curate-me", "X-Webhook-Signature", "curate-me.cjs"},
		{"curate-me", "X-Webhook-Signature", "curate-me.py"},
		{"nembl", "x-webhook-signature", "nembl.cjs"},
		{"nembl", "x-webhook-signature", "nembl.py"},
		{"nolxy", "X-Nolxy-Signature", "nolxy.mjs"},
	} {
		t.Run(test.script, func(t *testing.T) {
			a := arrivals[test.profile]
			args := []string{a.Header.Get(test.header), secrets[test.profile], a.Header.Get("webhook-id"), a.Header.Get("webhook-timestamp")}
			if !accepts(t, test.script, a.Body, args) {
				t.Errorf("refused: %s %v", a.Body, a.Header)
			}
			changed := bytes.Clone(a.Body)
			changed[len(changed)/2] ^= 1
			if accepts(t, test.script, changed, args) {
				t.Error("accepted with one byte changed")
			}
		})
	}

	t.Run("standardwebhooks for Go", func(t *testing.T) {
		wh, err := standardwebhooks.NewWebhook(secrets["standard"])
		if err != nil {
			t.Fatal(err)
		}
		a := arrivals["standard"]
		if err := wh.Verify(a.Body, a.Header); err != nil {
			t.Error(err)
		}
		if wh.Verify(append([]byte(" "), a.Body...), a.Header) == nil {
			t.Error("accepted with a byte added")
		}
	})
	t.Run("the CloudEvents SDK", func(t *testing.T) {
		ev := cloudevents.NewEvent()
		if err := json.Unmarshal(arrivals["curate-me"].Body, &ev); err != nil {
			t.Fatal(err)
		}
		if err := ev.Validate(); err != nil {
			t.Error(err)
		}
		if ev.Type() != "curate-me.event" || ev.Source() != "/tests" {
			t.Errorf("read as %v", ev)
		}
	})
}

// accepts runs a receiver's code over a body.
func accepts(t *testing.T, script string, body []byte, args []string) bool {
	t.Helper()
	program := "node"
	if strings.HasSuffix(script, ".py") {
		program = "python3"
	}
	if _, err := exec.LookPath(program); err != nil {
		required(t, "%s is not installed", program)
	}
	modules := filepath.Join(os.Getenv("PEAL_NPM_DIR"), "node_modules")
	if _, err := os.Stat(modules); err != nil && strings.HasPrefix(script, "standard.") {
		required(t, "PEAL_NPM_DIR names no directory with the npm package standardwebhooks: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{filepath.Join("testdata/verify", script)}, args...)...)
	cmd.Stdin, cmd.Env = bytes.NewReader(body), append(environment(), "NODE_PATH="+modules)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, &stderr)
	}
	switch verdict := strings.TrimSpace(string(out)); verdict {
	case "true", "false":
		return verdict == "true"
	default:
		t.Fatalf("%s said %q", script, verdict)
		return false
	}
}
