package workflow_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow"
)

func TestTemporalStarts(t *testing.T) {
	w := newWorld(t)
	x := w.run(`
  - {id: hand, uses: temporal, with: {workflow: Ship, task_queue: ships, input: {order: "{{ webhook.body.id }}"}, execution_timeout: 2h}}
  - {id: named, uses: temporal, with: {workflow: Ship, task_queue: ships, id: "order-{{ webhook.body.id }}", namespace: shop}}
  - {id: tell, uses: publish, with: {type: x, data: "{{ steps.named.output }}"}}
`)
	w.want(x, "succeeded: hand=succeeded/1 named=succeeded/1 tell=succeeded/1")
	runs := w.temporal.Runs()
	if len(runs) != 2 || runs[0].WorkflowId != x.ID.String()+":hand" || runs[0].WorkflowType.Name != "Ship" || runs[0].TaskQueue.Name != "ships" ||
		string(runs[0].Input.Payloads[0].Data) != `{"order":7}` || runs[0].WorkflowExecutionTimeout.AsDuration() != 2*time.Hour ||
		runs[1].WorkflowId != "order-7" {
		t.Fatalf("started %v", runs)
	}
	if got := string(w.events[0].Data); got != `{"namespace":"shop","run_id":"`+runs[1].RunID+`","workflow_id":"order-7"}` {
		t.Errorf("the output is %s", got)
	}
	if x := w.run(`
  - {id: again, uses: temporal, with: {workflow: Ship, task_queue: ships, id: order-7}}
`); !strings.Contains(string(x.Steps[0].Output), runs[1].RunID) || len(w.temporal.Runs()) != 2 {
		t.Errorf("an id that is in use gave %s", x.Steps[0].Output)
	}
}

func TestTemporalWaits(t *testing.T) {
	w := newWorld(t)
	id := w.start(`
  - {id: quick, uses: temporal, with: {workflow: Ship, task_queue: ships, wait: true}}
  - {id: slow, uses: temporal, timeout: 100ms, with: {workflow: Ship, task_queue: ships, wait: true}}
  - {id: tell, uses: publish, with: {type: x, data: {a: "{{ steps.quick.output.result.n }}", b: "{{ steps.slow.output.result }}"}}}
`)
	w.begun(id.String()+":quick", 1)
	w.temporal.Complete(t, id.String()+":quick", `{"n":2.50}`)
	// It waits without a run, and shows meanwhile what it waits for.
	x := w.until(id, peal.ExecutionWaiting)
	if got := string(x.Steps[1].Output); !strings.Contains(got, w.temporal.Runs()[1].RunID) {
		t.Errorf("a step that waits shows %s", got)
	}
	w.temporal.Complete(t, id.String()+":slow", `[1]`)
	w.want(w.until(id, peal.ExecutionSucceeded, peal.ExecutionFailed), "succeeded: quick=succeeded/1 slow=succeeded/1 tell=succeeded/1")
	if got := string(w.events[0].Data); got != `{"a":2.50,"b":[1]}` || len(w.temporal.Runs()) != 2 {
		t.Errorf("published %s", got)
	}
}

// begun waits until an id has so many runs.
func (w *world) begun(id string, runs int) {
	w.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n := 0
		for _, run := range w.temporal.Runs() {
			if run.WorkflowId == id {
				n++
			}
		}
		if n == runs {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("the workflow %s was started %d times", id, n)
		}
	}
}

// A workflow that fails fails its step, and one that runs again starts it anew.
func TestTemporalFailsAndRunsAgain(t *testing.T) {
	w := newWorld(t)
	id := w.start(`
  - {id: hand, uses: temporal, retry: {attempts: 5, backoff: 10ms}, with: {workflow: Ship, task_queue: ships, wait: true}}
`)
	w.begun(id.String()+":hand", 1)
	w.temporal.Fail(t, id.String()+":hand", "no truck")
	x := w.until(id, peal.ExecutionFailed)
	w.want(x, "failed: hand=failed/1")
	if x.Error != "the workflow failed: no truck" || !strings.Contains(string(x.Steps[0].Output), `"run_id"`) {
		t.Errorf("failed: %s with %s", x.Error, x.Steps[0].Output)
	}
	w.check(w.engine.Rerun(t.Context(), "acme", id))
	w.begun(id.String()+":hand", 2)
	w.temporal.Complete(t, id.String()+":hand", `null`)
	w.want(w.until(id, peal.ExecutionSucceeded), "succeeded: hand=succeeded/1")
}

// A server that is away costs tries before the workflow is started, and none after. What
// it refuses is not tried again.
func TestTemporalIsAway(t *testing.T) {
	w := newWorld(t)
	tries := make(chan struct{}, 10)
	w.temporal.Answers(func(context.Context) error {
		if tries <- struct{}{}; len(tries) < 3 {
			return serviceerror.NewUnavailable("shutting down")
		}
		return nil
	})
	w.want(w.run(`
  - {id: hand, uses: temporal, retry: {attempts: 5, backoff: 10ms}, with: {workflow: Ship, task_queue: ships}}
`), "succeeded: hand=succeeded/3")
	if n := len(w.temporal.Runs()); n != 1 {
		t.Errorf("three tries started %d workflows", n)
	}
	w.temporal.Answers(func(context.Context) error { return serviceerror.NewInvalidArgument("odd task queue") })
	x := w.run(`
  - {id: hand, uses: temporal, retry: {attempts: 5, backoff: 10ms}, with: {workflow: Ship, task_queue: ships}}
`)
	w.want(x, "failed: hand=failed/1")
	if x.Error != "Temporal refuses it: odd task queue" {
		t.Errorf("failed: %s", x.Error)
	}
}

func TestTemporalIsChecked(t *testing.T) {
	w := newWorld(t)
	const good = "name: x\nsteps:\n  - {id: a, uses: temporal, with: {workflow: W, task_queue: q}}\n"
	if name, err := w.kinds.Check(t.Context(), good, has{org: "acme"}); err != nil || name != "x" {
		t.Errorf("%q, %v", name, err)
	}
	for _, test := range []struct{ org, with, want string }{
		{"acme", "workflow: W", "line 3, column 36: temporal needs task_queue (steps[0].with.task_queue)"},
		{"acme", "workflow: W, task_queue: ''", "task_queue is empty"},
		{"acme", "workflow: W, task_queue: q, wait: soon", "wait is true or false"},
		{"acme", "workflow: W, task_queue: q, execution_timeout: 2d", "execution_timeout is a duration"},
		{"acme", "workflow: W, task_queue: q, namespace: rivals", "line 3, column 75: this org may not use the Temporal namespace rivals (steps[0].with.namespace)"},
		{"acme", "workflow: W, task_queue: q, address: 'h:1'", "unknown member address"},
		{"stranger", "workflow: W, task_queue: q", "line 3, column 6: this org may use no Temporal namespace"},
	} {
		_, err := w.kinds.Check(t.Context(), "name: x\nsteps:\n  - {id: a, uses: temporal, with: {"+test.with+"}}\n", has{org: test.org})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %s: %v", test.org, test.with, err)
		}
	}
	inside := "name: x\nsteps:\n  - id: both\n    uses: parallel\n    with:\n      branches:\n        - {id: a, uses: temporal, with: {workflow: W, task_queue: q, namespace: rivals}}\n"
	if _, err := w.kinds.Check(t.Context(), inside, has{org: "acme"}); err == nil || !strings.Contains(err.Error(), "line 7") {
		t.Errorf("inside of a branch: %v", err)
	}
	// A template is checked when it runs.
	x := w.run(`
  - {id: a, uses: temporal, with: {workflow: W, task_queue: q, namespace: "{{ webhook.body.none | default: 'rivals' }}"}}
`)
	if x.Error != "this org may not use the Temporal namespace rivals" || len(w.temporal.Runs()) != 0 {
		t.Errorf("failed: %s", x.Error)
	}

	without := workflow.All(workflow.Deps{})
	if _, err := without.Parse(good); err != nil {
		t.Errorf("a program without Temporal does not know its steps: %v", err)
	}
	if _, err := without.Check(t.Context(), good, has{org: "acme"}); err == nil || !strings.Contains(err.Error(), "line 3, column 6: this server was built without Temporal") {
		t.Errorf("a program without Temporal: %v", err)
	}
}
