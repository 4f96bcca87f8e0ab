package blackbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hook makes a hook of a workflow of these steps; fields are pairs.
func (c *caller) hook(t *testing.T, steps []any, fields ...any) (id, url, secret string) {
	t.Helper()
	w := c.Call(t, 201, "POST", "/v1/workflows", object{"name": "Test", "steps": steps})
	h := c.Call(t, 201, "POST", "/v1/hooks", with(object{"name": "Test", "workflow": text(w, "id")}, fields...))
	secret, _ = h["secret"].(string)
	return text(h, "id"), text(h, "url"), secret
}

func hookSign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func step(id, uses string, with object) object {
	return object{"id": id, "uses": uses, "with": with}
}

// finished waits for an execution's end.
func (c *caller) finished(t *testing.T, id string) object {
	t.Helper()
	var x object
	eventually(t, func() error {
		x = c.Call(t, 200, "GET", "/v1/executions/"+id, nil)
		switch text(x, "status") {
		case "succeeded", "failed", "cancelled":
			return nil
		}
		return fmt.Errorf("the execution is %s", text(x, "status"))
	})
	return x
}

// publishing answers with what the document says that workflows see.
var publishing = []any{step("tell", "publish", object{"type": "deployment.seen", "data": object{
	"event": "{{ webhook.body.event }}", "environment": "{{ webhook.body.environment }}", "version": "{{ webhook.body.version }}",
	"type": "{{ webhook.headers.content-type }}", "method": "{{ webhook.method }}", "at": "{{ webhook.receivedAt }}",
}})}

// Nembl's document: its curl with another address and signature, its Node and Python with
// another secret, its variables and its answer.
func TestNemblDocumentInbound(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	id, url, secret := c.hook(t, publishing)
	body := "{\n    \"event\": \"deployment.completed\",\n    \"environment\": \"production\",\n    \"version\": \"v2.1.0\",\n    \"status\": \"success\"\n  }"
	a := curl(t, "nembl-inbound", nil,
		"https://api.nembl.com/v1/webhooks/inbound/whk_abc123xyz", url, "sha256=abc123...", hookSign(secret, []byte(body)))
	var got map[string]string
	if err := json.Unmarshal(a.Body, &got); err != nil || a.Status != 202 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if len(got) != 3 || got["status"] != "accepted" || got["webhookId"] != id || !strings.HasPrefix(got["executionId"], "exec_") {
		t.Errorf("the answer is %s", a.Body)
	}
	x := c.finished(t, got["executionId"])
	if text(x, "status") != "succeeded" {
		t.Fatalf("the execution: %v", x)
	}
	events := c.List(t, "/v1/events?type=deployment.seen")
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	data, _ := c.Call(t, 200, "GET", "/v1/events/"+text(events[0], "id"), nil)["data"].(object)
	at, err := time.Parse("2006-01-02T15:04:05Z", text(data, "at"))
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("receivedAt is %v: %v", data["at"], err)
	}
	delete(data, "at")
	if fmt.Sprint(data) != "map[environment:production event:deployment.completed method:POST type:application/json version:v2.1.0]" {
		t.Errorf("the workflow saw %v", data)
	}
	eventually(t, func() error {
		for _, name := range []string{"workflow.started", "workflow.completed"} {
			if n := len(c.List(t, "/v1/events?type="+name)); n != 1 {
				return fmt.Errorf("%d events %s", n, name)
			}
		}
		return nil
	})

	const node = `const crypto = require('crypto');
 
const secret = 'whsec_your_signing_secret';
const body = JSON.stringify(payload);
const signature = crypto
  .createHmac('sha256', secret)
  .update(body)
  .digest('hex');
`
	const python = `import hmac
import hashlib
 
secret = b'whsec_your_signing_secret'
body = json.dumps(payload).encode()
signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
`
	for _, language := range []struct{ program, flag, script string }{
		{"node", "-e", `const payload = {"event": "deployment.completed", "note": "ü"};` + "\n" + node + `process.stdout.write(signature + " " + body)`},
		{"python3", "-c", "import json, sys\npayload = {'event': 'deployment.completed', 'note': 'ü'}\n" + python + "sys.stdout.buffer.write(signature.encode() + b' ' + body)"},
	} {
		t.Run(language.program, func(t *testing.T) {
			if _, err := exec.LookPath(language.program); err != nil {
				required(t, "%s is not installed", language.program)
			}
			script := strings.Replace(language.script, "whsec_your_signing_secret", secret, 1)
			out, err := exec.CommandContext(t.Context(), language.program, language.flag, script).Output()
			if err != nil {
				t.Fatal(err)
			}
			signature, body, _ := strings.Cut(string(out), " ")
			anyone := &caller{URL: strings.TrimSuffix(url, "/v1/webhooks/inbound/"+id)}
			anyone.Call(t, 202, "POST", "/v1/webhooks/inbound/"+id, body, "x-webhook-signature", "sha256="+signature)
		})
	}
}

func TestHookRefusals(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	id, url, secret := c.hook(t, publishing)
	anyone := &caller{URL: c.URL}
	path := strings.TrimPrefix(url, c.URL)
	call := func(status int, method, path string, body string, headers ...string) {
		t.Helper()
		a := anyone.Try(t, method, path, []byte(body), headers...)
		if a.Status != status {
			t.Errorf("%s %s: %d %s, want %d", method, path, a.Status, a.Body, status)
		}
		if status >= 400 && !strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%d is a %s", a.Status, a.Header.Get("Content-Type"))
		}
	}
	signed := func(body string) []string { return []string{"x-webhook-signature", hookSign(secret, []byte(body))} }
	call(401, "POST", path, `{}`)
	call(401, "POST", path, `{}`, "x-webhook-signature", "sha256=00")
	call(400, "POST", path, `{`, signed(`{`)...)
	call(404, "POST", "/v1/webhooks/inbound/whk_abc123xyz", `{}`)
	call(405, "GET", path, "")
	call(405, "OPTIONS", path, "")
	call(200, "OPTIONS", path, "", "WebHook-Request-Origin", "events.example.com")
	call(202, "POST", path, `[1,"two"]`, signed(`[1,"two"]`)...)
	call(202, "POST", path, `"text"`, signed(`"text"`)...)
	large := `"` + strings.Repeat("x", 1<<20) + `"`
	call(413, "POST", path, large, signed(large)...)

	eventually(t, func() error {
		got := c.List(t, "/v1/hooks/"+id+"/received")
		if len(got) != 5 {
			return fmt.Errorf("%d requests are listed", len(got))
		}
		return nil
	})

	c.Call(t, 200, "PATCH", "/v1/hooks/"+id, object{"rate_limit": 1})
	limited := 0
	for range 5 {
		if a := anyone.Try(t, "POST", path, `{}`, signed(`{}`)...); a.Status == 429 {
			limited++
			if a.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		}
	}
	if limited < 3 {
		t.Errorf("%d of 5 requests were limited to one a second", limited)
	}

	// Rotation: both secrets are good, then the old one is not.
	c.Call(t, 200, "PATCH", "/v1/hooks/"+id, object{"rate_limit": nil})
	fresh := text(c.Call(t, 200, "POST", "/v1/hooks/"+id+"/rotate-secret", object{"overlap": "1h"}), "secret")
	call(202, "POST", path, `1`, signed(`1`)...)
	call(202, "POST", path, `1`, "x-webhook-signature", hookSign(fresh, []byte("1")))
	c.Call(t, 200, "POST", "/v1/hooks/"+id+"/rotate-secret", object{"overlap": "0s"})
	call(401, "POST", path, `1`, signed(`1`)...)

	// Without verification there is a warning, and no signature is needed.
	open := c.Call(t, 200, "PATCH", "/v1/hooks/"+id, object{"verification": object{"enabled": false}})
	if warnings, _ := open["warnings"].([]any); len(warnings) != 1 {
		t.Errorf("warnings %v", open["warnings"])
	}
	call(202, "POST", path, `1`)
	c.Call(t, 400, "POST", "/v1/hooks", object{"name": "no target"})
}

// A provider's own id of a delivery begins one execution, however often it comes.
func TestHookDeliveriesAreKnownAgain(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	_, url, secret := c.hook(t, publishing, "verification", object{"scheme": "github"})
	anyone := &caller{URL: c.URL}
	path := strings.TrimPrefix(url, c.URL)
	body := `{"event":"x","environment":"y","version":"z"}`
	var ids sync.Map
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			a, err := anyone.Do("POST", path, body, "X-Hub-Signature-256", hookSign(secret, []byte(body)), "X-GitHub-Delivery", "72d3162e", "X-GitHub-Event", "push")
			if err != nil || a.Status != 202 {
				t.Errorf("%v %v", a, err)
				return
			}
			var o struct{ ExecutionID string }
			if err := json.Unmarshal(a.Body, &o); err != nil {
				t.Error(err)
			}
			ids.Store(o.ExecutionID, true)
		})
	}
	calls.Wait()
	n := 0
	ids.Range(func(id, _ any) bool {
		n++
		c.finished(t, id.(string))
		return true
	})
	if n != 1 || len(c.List(t, "/v1/executions")) != 1 || len(c.List(t, "/v1/events?type=deployment.seen")) != 1 {
		t.Errorf("%d ids, executions %d", n, len(c.List(t, "/v1/executions")))
	}
}

// The server is killed while executions run. All end, no step is lost, and receivers see
// one idempotency key for each step of each.
func TestKillFinishesWorkflows(t *testing.T) {
	t.Parallel()
	executions, every := 200, time.Second
	if testing.Short() {
		executions, every = 60, 500*time.Millisecond
	}
	s := newServer(t)
	r := newReceiver(t, func(int) int {
		time.Sleep(time.Duration(rand.N(20)) * time.Millisecond)
		return 200
	})
	call := func(id string) object {
		return with(step(id, "http", object{"url": r.URL + "/" + id, "body": object{"n": "{{ webhook.body.n }}"}}), "retry", object{"attempts": 5, "backoff": "50ms"})
	}
	_, url, _ := s.Admin().hook(t, []any{
		call("first"), step("shape", "transform", object{"jq": "{n: (.n + 1000)}"}), step("pause", "wait", object{"for": "50ms"}), call("second"),
		step("tell", "publish", object{"type": "flow.done", "data": object{"n": "{{ steps.shape.output.n }}"}}),
	}, "verification", object{"enabled": false})
	path := strings.TrimPrefix(url, s.URL)

	var server atomic.Value
	server.Store(s.URL)
	ids := make([]string, executions)
	var next atomic.Int64
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= executions {
					return
				}
				for ids[n] == "" {
					a, err := (&caller{URL: server.Load().(string)}).Do("POST", path, fmt.Sprintf(`{"n":%d}`, n))
					var o struct{ ExecutionID string }
					if err == nil && a.Status == http.StatusAccepted && json.Unmarshal(a.Body, &o) == nil {
						ids[n] = o.ExecutionID
					} else {
						time.Sleep(5 * time.Millisecond)
					}
				}
				time.Sleep(time.Duration(rand.N(40)) * time.Millisecond)
			}
		})
	}
	sent := make(chan struct{})
	go func() {
		senders.Wait()
		close(sent)
	}()
	kills := 0
	for more := true; more || kills < 3; {
		select {
		case <-sent:
			more, sent = false, nil
		case <-time.After(every):
			s.Kill()
			kills++
			s.Start(t)
			server.Store(s.URL)
		}
	}
	c := s.Admin()
	for _, id := range ids {
		x := c.finished(t, id)
		if steps, _ := x["steps"].([]any); text(x, "status") != "succeeded" || len(steps) != 5 {
			t.Fatalf("execution %s: %v", id, x)
		}
	}
	keys := map[string]map[string]bool{} // of each step and number
	for _, a := range r.Got() {
		var o struct{ N int }
		decode(t, a.Body, &o)
		name := fmt.Sprint(a.Path, o.N)
		if keys[name] == nil {
			keys[name] = map[string]bool{}
		}
		keys[name][a.Header.Get("Idempotency-Key")] = true
	}
	t.Logf("%d executions over %d kills, %d calls", executions, kills, len(r.Got()))
	for n, id := range ids {
		for _, step := range []string{"first", "second"} {
			if got := keys[fmt.Sprint("/"+step, n)]; !got[id+":"+step] {
				t.Fatalf("step %s of %s came under %v", step, id, got)
			}
		}
	}
	events := map[string]int{}
	for cursor := ""; ; {
		page := c.Call(t, 200, "GET", "/v1/events?type=flow.done&limit=500&cursor="+cursor, nil)
		for _, e := range page["data"].([]any) {
			events[text(e.(object), "id")]++
		}
		if cursor, _ = page["next_cursor"].(string); cursor == "" {
			break
		}
	}
	if len(events) < executions {
		t.Errorf("%d events for %d executions", len(events), executions)
	}
}
