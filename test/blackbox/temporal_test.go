package blackbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/peal-dev/peal/test/temporaltest"
)

// temporalConfig lets the org default use a server.
func temporalConfig(t *testing.T, address string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "peal.yaml")
	text := fmt.Sprintf("temporal:\n  - {namespace: payments, address: %q, orgs: [default], plaintext: true}\n", address)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func handOver(fields ...any) object {
	return step("charge", "temporal", with(object{"workflow": "Charge", "task_queue": "charges", "input": "{{ webhook.body }}"}, fields...))
}

// The program as it is built by default knows the kind and says what it lacks.
func TestTemporalIsLeftOut(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	a := c.Try(t, "POST", "/v1/workflows", object{"name": "x", "steps": []any{handOver()}})
	if a.Status != 400 || !strings.Contains(string(a.Body), "was built without Temporal") || !strings.Contains(string(a.Body), "make build TAGS=temporal") ||
		!strings.Contains(string(a.Body), "line 1, column ") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	a = c.Try(t, "POST", "/v1/workflows", object{"name": "x", "steps": []any{step("charge", "temporal", object{"workflow": "Charge"})}})
	if a.Status != 400 || !strings.Contains(string(a.Body), "temporal needs task_queue") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := c.Try(t, "GET", "/v1/workflows/schema", nil); !strings.Contains(string(a.Body), `"temporal"`) {
		t.Errorf("the schema does not know it: %s", a.Body)
	}
	cmd := exec.CommandContext(t.Context(), binary, "serve", "--listen", "127.0.0.1:0", "--database", "sqlite:"+filepath.Join(t.TempDir(), "peal.db"),
		"--config", temporalConfig(t, "127.0.0.1:1"))
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "temporal: this program was built without Temporal; make build TAGS=temporal") {
		t.Errorf("a server that cannot do what its configuration says: %v\n%s", err, out)
	}
	cmd = exec.CommandContext(t.Context(), "go", "version", "-m", binary)
	if out, err := cmd.Output(); err != nil || strings.Contains(string(out), "go.temporal.io") {
		t.Errorf("the program carries the SDK: %v\n%s", err, out)
	}
}

// The server is killed after Temporal has started a workflow and before it said so, and
// again while it waits: one workflow is started, and its result arrives.
func TestKillKeepsWorkflowsOfTemporal(t *testing.T) {
	t.Parallel()
	front := temporaltest.Start(t, nil, "payments")
	dir := t.TempDir()
	s := &server{Dir: dir, program: filepath.Join(dir, "peal-temporal"), flags: []string{"--config", temporalConfig(t, front.Addr)}}
	if err := build(s.program, "temporal"); err != nil {
		t.Fatal(err)
	}
	s.run(t)
	_, url, _ := s.Admin().hook(t, []any{
		handOver("wait", true), step("tell", "publish", object{"type": "order.charged", "data": "{{ steps.charge.output.result }}"}),
	}, "verification", object{"enabled": false})
	path := strings.TrimPrefix(url, s.URL)

	// begin has an execution begin, and kills the server before it knows what it started.
	begin := func() (id string) {
		var once sync.Once
		started := make(chan struct{})
		front.Answers(func(ctx context.Context) error {
			once.Do(func() { close(started) })
			<-ctx.Done()
			return ctx.Err()
		})
		id = text(s.Admin().Call(t, 202, "POST", path, object{"order": 7}), "executionId")
		<-started
		s.Kill()
		front.Answers(nil)
		return id
	}
	id := begin()
	s.Start(t)
	eventually(t, func() error {
		if x := s.Admin().Call(t, 200, "GET", "/v1/executions/"+id, nil); text(x, "status") != "waiting" {
			return fmt.Errorf("the execution is %s", text(x, "status"))
		}
		return nil
	})
	s.Kill()
	s.Start(t)
	front.Complete(t, id+":charge", `{"paid":1.50}`)
	if x := s.Admin().finished(t, id); text(x, "status") != "succeeded" {
		t.Fatalf("the execution: %v", x)
	}
	runs := front.Runs()
	if len(runs) != 1 || string(runs[0].Input.Payloads[0].Data) != `{"order":7}` {
		t.Errorf("started %v", runs)
	}
	events := s.Admin().List(t, "/v1/events?type=order.charged")
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}

	// What failed meanwhile is not started a second time either.
	id = begin()
	front.Fail(t, id+":charge", "card declined")
	s.Start(t)
	if x := s.Admin().finished(t, id); text(x, "error") != "the workflow failed: card declined" || len(front.Runs()) != 2 {
		t.Errorf("%d workflows, the execution: %v", len(front.Runs()), x)
	}

	// Another org may not.
	c := newOrg(t, s)
	a := c.Try(t, "POST", "/v1/workflows", object{"name": "x", "steps": []any{handOver("namespace", "payments")}})
	if a.Status != 400 || !strings.Contains(string(a.Body), "may not use the Temporal namespace payments") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
