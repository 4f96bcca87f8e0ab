package workflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/flow"
	"github.com/peal-dev/peal/internal/store/queue"
	"github.com/peal-dev/peal/internal/temporal"
	"github.com/peal-dev/peal/internal/transform"
	"github.com/peal-dev/peal/internal/workflow"
	"github.com/peal-dev/peal/test/temporaltest"
)

// TestMain is a worker where it is started as one.
func TestMain(m *testing.M) {
	if os.Getenv("PEAL_TEST_WORKER") != "" {
		if err := transform.Work(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	m.Run()
}

// world is an engine over a real database with a receiver.
type world struct {
	*testing.T
	engine   *workflow.Engine
	kinds    *workflow.Kinds
	flow     *flow.Flow
	queue    *queue.Queue
	receiver *httptest.Server
	temporal *temporaltest.Server

	mu     sync.Mutex
	calls  []string // path and key
	answer func(w http.ResponseWriter, r *http.Request, n int)
	events []workflow.Event
	// secrets are the org's.
	secrets map[string]string
	// publishing is called before an event is published.
	publishing func()
	// lost are executions that another node has cancelled, later how far time has moved.
	lost  []peal.ExecutionID
	later time.Duration
}

func newWorld(t *testing.T) *world {
	t.Parallel()
	w := &world{T: t}
	w.receiver = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.calls = append(w.calls, r.URL.Path+" "+r.Header.Get("Idempotency-Key"))
		n, answer := len(w.calls), w.answer
		w.mu.Unlock()
		if answer != nil {
			answer(rw, r, n)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, `{"n":1.50,"path":"`+r.URL.Path+`"}`)
	}))
	t.Cleanup(w.receiver.Close)
	client, err := egress.New(egress.Options{AllowHTTP: true, AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	w.check(err)
	t.Cleanup(client.Close)
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "peal.db"), Log: log, Now: time.Now})
	w.check(err)
	t.Cleanup(func() { w.check(db.Close()) })
	w.flow, w.queue = flow.New(db), queue.New(db)
	programs := transform.NewPool(func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), "PEAL_TEST_WORKER=1")
		return cmd
	})
	t.Cleanup(programs.Close)
	w.temporal = temporaltest.Start(t, nil, "shop")
	connections, err := temporal.Open([]config.TemporalNamespace{
		{Namespace: "shop", Address: w.temporal.Addr, Orgs: []string{"acme"}, Plaintext: true},
		{Namespace: "rivals", Address: w.temporal.Addr, Orgs: []string{"rival"}, Plaintext: true},
	}, log)
	w.check(err)
	t.Cleanup(connections.Close)
	w.kinds = workflow.All(workflow.Deps{Egress: client, Publisher: w, Programs: programs, Temporal: connections})
	w.engine = workflow.New(workflow.Config{
		Store: w.flow, Ledger: w.flow, Fence: w, Events: w.queue, Kinds: w.kinds, Secrets: w.secret, MayStart: func() bool { return true }, Now: w.now, Log: log,
		Slots: 8, MemoryBudget: 1 << 20, DrainTimeout: time.Second,
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.engine.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		w.check(<-ended)
	})
	return w
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) secret(org, name string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	value, ok := w.secrets[name]
	return value, ok && org == "acme"
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.later)
}

// Owned implements workflow.Fence.
func (w *world) Owned() []peal.ExecutionID { return w.flow.Owned() }

// Lost implements workflow.Fence.
func (w *world) Lost(_ context.Context, _ string, ids []peal.ExecutionID) ([]peal.ExecutionID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), func(id peal.ExecutionID) bool { return !slices.Contains(w.lost, id) }), nil
}

// PublishStep implements workflow.Publisher.
func (w *world) PublishStep(_ context.Context, _, _ string, ev workflow.Event) (string, int, error) {
	if w.publishing != nil {
		w.publishing()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, ev)
	return "evt_1", 2, nil
}

// start begins an execution of steps in YAML; URL in them is the receiver.
func (w *world) start(steps string) peal.ExecutionID {
	w.Helper()
	text := "name: Test\nsteps:\n" + strings.ReplaceAll(steps, "URL", w.receiver.URL)
	_, err := w.kinds.Parse(text)
	w.check(err)
	now := time.Now()
	id, _, err := w.engine.Start(w.Context(), workflow.Start{
		Org:      "acme",
		Workflow: &peal.Workflow{ID: peal.NewWorkflowID(now), Org: "acme", Name: "Test", Version: 1, Definition: text},
		Input:    []byte(`{"webhook":{"body":{"id":7,"items":[1,2]},"headers":{},"method":"POST"}}`),
	})
	w.check(err)
	return id
}

// until waits for an execution to have one of the states.
func (w *world) until(id peal.ExecutionID, states ...peal.ExecutionStatus) *peal.Execution {
	w.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		x, err := w.flow.Execution(w.Context(), "acme", id)
		w.check(err)
		if slices.Contains(states, x.Status) {
			return x
		}
		if time.Now().After(deadline) {
			w.Fatalf("the execution is %s: %+v", x.Status, x.Steps)
		}
	}
}

func (w *world) run(steps string) *peal.Execution {
	w.Helper()
	return w.until(w.start(steps), peal.ExecutionSucceeded, peal.ExecutionFailed)
}

// summary spells the states of the steps.
func summary(x *peal.Execution) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", x.Status)
	for _, s := range x.Steps {
		fmt.Fprintf(&b, " %s=%s/%d", s.Step, s.Status, s.Attempts)
	}
	return b.String()
}

func (w *world) want(x *peal.Execution, want string) {
	w.Helper()
	if got := summary(x); got != want {
		w.Errorf("got  %s\nwant %s\n%s %s", got, want, x.FailedStep, x.Error)
	}
}

func (w *world) raised() []string {
	w.Helper()
	rows, err := w.queue.Raised(w.Context(), 100)
	w.check(err)
	var out []string
	for _, r := range rows {
		out = append(out, r.Type)
	}
	return out
}

func TestStepsSeeEachOther(t *testing.T) {
	w := newWorld(t)
	x := w.run(`
  - {id: call, uses: http, with: {url: "URL/a", body: {id: "{{ webhook.body.id }}"}}}
  - {id: shape, uses: transform, with: {jq: ".items | add"}}
  - {id: never, uses: publish, if: "steps.shape.output > 5", with: {type: x}}
  - {id: tell, uses: publish, if: "steps.call.output.status == 200 && steps.never.status == 'skipped'", with: {type: order.paid, data: {n: "{{ steps.call.output.body.n }}", sum: "{{ steps.shape.output }}"}}}
  - {id: note, uses: notify, with: {endpoint: ep_01h455vb4pex5vsknk084sn02q, title: "Order {{ webhook.body.id }}"}}
`)
	w.want(x, "succeeded: call=succeeded/1 shape=succeeded/1 never=skipped/0 tell=succeeded/1 note=succeeded/1")
	if string(w.events[0].Data) != `{"n":1.50,"sum":3}` || w.events[1].Title != "Order 7" || w.events[1].Type != "workflow.notification" || w.events[1].To.IsZero() {
		t.Errorf("published %+v", w.events)
	}
	if w.calls[0] != "/a "+x.ID.String()+":call" {
		t.Errorf("called %v", w.calls)
	}
	if got := w.raised(); !slices.Equal(got, []string{"workflow.started", "workflow.completed"}) {
		t.Errorf("raised %v", got)
	}
}

func TestFailuresAndRetries(t *testing.T) {
	w := newWorld(t)
	w.answer = func(rw http.ResponseWriter, r *http.Request, n int) {
		switch {
		case r.URL.Path == "/gone":
			rw.WriteHeader(410)
		case r.URL.Path == "/flaky" && n < 3:
			rw.WriteHeader(503)
		}
	}
	w.want(w.run(`
  - {id: flaky, uses: http, retry: {attempts: 5, backoff: 20ms}, with: {url: "URL/flaky"}}
  - {id: gone, uses: http, retry: {attempts: 5, backoff: 20ms}, on_error: continue, with: {url: "URL/gone"}}
  - {id: told, uses: publish, with: {type: x, data: {status: "{{ steps.gone.output.status }}", why: "{{ steps.gone.error }}"}}}
`), "succeeded: flaky=succeeded/3 gone=failed/1 told=succeeded/1")
	if string(w.events[0].Data) != `{"status":410,"why":"the receiver answered 410"}` {
		t.Errorf("told %s", w.events[0].Data)
	}
	if keys := slices.Compact(slices.Clone(w.calls[:3])); len(keys) != 1 {
		t.Errorf("the tries came under %v", keys)
	}

	x := w.run(`
  - {id: gone, uses: http, with: {url: "URL/gone"}}
  - {id: never, uses: publish, with: {type: x}}
`)
	w.want(x, "failed: gone=failed/1")
	if x.FailedStep != "gone" || x.Error != "the receiver answered 410" {
		t.Errorf("failed at %q: %s", x.FailedStep, x.Error)
	}
	x = w.run(`
  - {id: lost, uses: publish, with: {type: "{{ webhook.body.kind }}"}}
`)
	if x.Error != "type: {{ webhook.body.kind }}: there is no webhook.body.kind" {
		t.Errorf("failed: %s", x.Error)
	}
	x = w.run(`
  - {id: slow, uses: transform, with: {jq: "[range(1e12)] | length"}}
`)
	if x.Status != peal.ExecutionFailed || !strings.Contains(x.Error, "the program") {
		t.Errorf("an endless program: %s %s", x.Status, x.Error)
	}
	x = w.run(`
  - {id: internal, uses: http, with: {url: "http://169.254.169.254{{ webhook.body.none | default: '/latest' }}"}}
`)
	if x.Status != peal.ExecutionFailed || !strings.Contains(x.Error, "internal or reserved") {
		t.Errorf("an internal address: %s %s", x.Status, x.Error)
	}
}

func TestRerunGoesOnWhereItEnded(t *testing.T) {
	w := newWorld(t)
	broken := true
	w.answer = func(rw http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Path == "/b" && broken {
			rw.WriteHeader(500)
		}
	}
	id := w.start(`
  - {id: a, uses: http, with: {url: "URL/a"}}
  - {id: b, uses: http, with: {url: "URL/b"}}
  - {id: c, uses: http, with: {url: "URL/c"}}
`)
	w.want(w.until(id, peal.ExecutionFailed), "failed: a=succeeded/1 b=failed/1")
	w.mu.Lock()
	broken = false
	w.mu.Unlock()
	w.check(w.engine.Rerun(t.Context(), "acme", id))
	w.want(w.until(id, peal.ExecutionSucceeded), "succeeded: a=succeeded/1 b=succeeded/1 c=succeeded/1")
	if want := []string{"/a " + id.String() + ":a", "/b " + id.String() + ":b", "/b " + id.String() + ":b", "/c " + id.String() + ":c"}; !slices.Equal(w.calls, want) {
		t.Errorf("called %v", w.calls)
	}
	if err := w.engine.Rerun(t.Context(), "acme", id); peal.CodeOf(err) != peal.CodeConflict {
		t.Errorf("a rerun of what succeeded: %v", err)
	}
}

func TestBranchesJoin(t *testing.T) {
	w := newWorld(t)
	w.want(w.run(`
  - id: both
    uses: parallel
    with:
      branches:
        - - {id: a, uses: wait, with: {for: 30ms}}
          - {id: b, uses: http, with: {url: "URL/b"}}
        - - {id: c, uses: http, with: {url: "URL/c"}}
          - {id: d, uses: wait, with: {for: 60ms}}
          - {id: e, uses: transform, with: {jq: ".id"}}
  - {id: last, uses: publish, with: {type: x, data: {b: "{{ steps.b.output.body.path }}", e: "{{ steps.e.output }}"}}}
`), "succeeded: both=succeeded/1 a=succeeded/1 b=succeeded/1 c=succeeded/1 d=succeeded/1 e=succeeded/1 last=succeeded/1")
	if string(w.events[0].Data) != `{"b":"/b","e":7}` || len(w.calls) != 2 {
		t.Errorf("published %s, called %v", w.events[0].Data, w.calls)
	}
}

func TestWaitsForEvents(t *testing.T) {
	w := newWorld(t)
	id := w.start(`
  - {id: paid, uses: wait, with: {event: "order.*", filter: "event.data.id == 7", for: 1h}}
  - {id: tell, uses: publish, with: {type: x, data: {total: "{{ steps.paid.output.data.total }}"}}}
`)
	late := w.start(`
  - {id: never, uses: wait, with: {event: order.lost, for: 50ms}}
`)
	w.until(id, peal.ExecutionWaiting)
	for _, data := range []string{`{"id":6,"total":1}`, `{"id":7,"total":2.50}`, `{"id":7,"total":3}`} {
		now := time.Now()
		done := make(chan error, 1)
		ev := &peal.Event{ID: peal.NewEventID(now), Org: "acme", Type: "order.paid", Source: "shop", Time: now, AcceptedAt: now, Data: []byte(data)}
		w.check(w.queue.Submit(&publish.Commit{Org: "acme", Now: now, Events: []*publish.NewEvent{{Event: ev}}, Done: func(err error) { done <- err }}))
		w.check(<-done)
	}
	x := w.until(id, peal.ExecutionSucceeded)
	var output struct{ Data json.RawMessage }
	w.check(json.Unmarshal(x.Steps[0].Output, &output))
	if string(w.events[0].Data) != `{"total":2.50}` || string(output.Data) != `{"id":7,"total":2.50}` {
		t.Errorf("published %s after %s", w.events[0].Data, x.Steps[0].Output)
	}
	if x := w.until(late, peal.ExecutionFailed); !strings.HasPrefix(x.Error, "no event order.lost came until") {
		t.Errorf("failed: %s", x.Error)
	}
	if waits, err := w.flow.EventWaits(t.Context(), 10); err != nil || len(waits) != 0 {
		t.Errorf("waits are left: %+v, %v", waits, err)
	}
}
