package profile_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver is a process that judges requests, one JSON object a line.
type receiver struct {
	in  *json.Encoder
	out *json.Decoder
}

// missing skips the test, or fails it where all it needs has to be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("PEAL_TEST_REQUIRE") != "" {
		t.Fatalf("%s is missing", what)
	}
	t.Skipf("%s is missing; make test installs it", what)
}

func startReceiver(t *testing.T, command, script string) *receiver {
	t.Helper()
	path, err := exec.LookPath(command)
	if err != nil {
		missing(t, command)
	}
	cmd := exec.CommandContext(t.Context(), path, script)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // what went wrong has shown in the answers
	})
	return &receiver{json.NewEncoder(in), json.NewDecoder(bufio.NewReader(out))}
}

// accepts asks the receiver's function for a profile.
func (r *receiver) accepts(t *testing.T, name, signature, secret string, req request) (ok bool) {
	t.Helper()
	headers := map[string]string{}
	for key := range req.header {
		headers[http.CanonicalHeaderKey(key)] = req.header.Get(key)
	}
	question := struct {
		Profile   string            `json:"profile"`
		Signature string            `json:"signature"`
		Secret    string            `json:"secret"`
		Headers   map[string]string `json:"headers"`
		Body      []byte            `json:"body"`
	}{name, http.CanonicalHeaderKey(signature), secret, headers, req.body}
	if err := r.in.Encode(question); err != nil {
		t.Fatal(err)
	}
	if err := r.out.Decode(&ok); err != nil {
		t.Fatalf("the receiver's answer: %v", err)
	}
	return ok
}

// judge sends a request of a profile to the receiver as it is, with one byte of
// the body or of the signature changed, and with another secret.
func (r *receiver) judge(t *testing.T, name, secret string) {
	t.Helper()
	p := get(t, name)
	signature := p.Scheme.Format().Header
	req := send(t, p, anEvent(), time.Now(), secret)
	if !r.accepts(t, name, signature, secret, req) {
		t.Errorf("%s: refused", name)
	}
	if r.accepts(t, name, signature, secret+"x", req) {
		t.Errorf("%s: accepted with another secret", name)
	}
	for _, i := range []int{0, len(req.body) / 2, len(req.body) - 1} {
		req.body[i] ^= 1
		if r.accepts(t, name, signature, secret, req) {
			t.Errorf("%s: accepted with byte %d changed", name, i)
		}
		req.body[i] ^= 1
	}
	value := []byte(req.header.Get(signature))
	value[len(value)-2] ^= 1
	req.header.Set(signature, string(value))
	if r.accepts(t, name, signature, secret, req) {
		t.Errorf("%s: accepted with the signature changed", name)
	}
}

// The secret that the documents use as their example.
const printedSecret = "whsec_a-long-random-string"

func TestPythonReceivers(t *testing.T) {
	r := startReceiver(t, "python3", "testdata/receivers.py")
	for _, name := range []string{"nemo", "curate-me", "nembl"} {
		r.judge(t, name, printedSecret)
	}
}

func TestNodeReceivers(t *testing.T) {
	r := startReceiver(t, "node", "testdata/receivers.mjs")
	for _, name := range []string{"nemo", "curate-me", "nembl", "nolxy"} {
		r.judge(t, name, printedSecret)
	}
}

func TestNodeStandardWebhooks(t *testing.T) {
	if os.Getenv("PEAL_NPM_DIR") == "" {
		missing(t, "PEAL_NPM_DIR, where npm's standardwebhooks is,")
	}
	r := startReceiver(t, "node", "testdata/receivers.mjs")
	r.judge(t, "standard", newSecret)
}

func TestGoStandardWebhooks(t *testing.T) {
	req := send(t, get(t, "standard"), anEvent(), time.Now(), newSecret, oldSecret)
	for _, secret := range []string{newSecret, oldSecret} {
		wh, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify(req.body, req.header); err != nil {
			t.Errorf("refused: %v", err)
		}
		req.body[9] ^= 1
		if err := wh.Verify(req.body, req.header); err == nil {
			t.Error("accepted with a byte changed")
		}
		req.body[9] ^= 1
	}
}

func TestCloudEvents(t *testing.T) {
	sent := anEvent()
	req := send(t, get(t, "curate-me"), sent, now, newSecret)
	var got event.Event
	if err := json.Unmarshal(req.body, &got); err != nil {
		t.Fatal(err)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	if got.SpecVersion() != "1.0" || got.ID() != sent.ClientID || got.Type() != sent.Type || got.Source() != sent.Source ||
		!got.Time().Equal(sent.Time.Truncate(time.Second)) || string(got.Data()) != string(sent.Data) {
		t.Errorf("read as %s", got)
	}
}
