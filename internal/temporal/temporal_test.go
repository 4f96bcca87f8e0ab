package temporal_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/temporal"
	"github.com/peal-dev/peal/internal/workflow"
	"github.com/peal-dev/peal/test/temporaltest"
)

const namespace = "payments"

func open(t *testing.T, log *slog.Logger, namespaces ...config.TemporalNamespace) *temporal.Connections {
	t.Helper()
	c, err := temporal.Open(namespaces, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve starts a server and connects to it.
func serve(t *testing.T) (*temporaltest.Server, *temporal.Connections) {
	t.Helper()
	s := temporaltest.Start(t, nil, namespace)
	return s, open(t, slog.New(slog.DiscardHandler), config.TemporalNamespace{
		Namespace: namespace, Address: s.Addr, Orgs: []string{"acme"}, Plaintext: true,
	}, config.TemporalNamespace{
		Namespace: "nowhere", Address: s.Addr, Orgs: []string{"acme"}, Plaintext: true,
	})
}

func request(id, request string) workflow.TemporalStart {
	return workflow.TemporalStart{
		TemporalRun: workflow.TemporalRun{Namespace: namespace, WorkflowID: id},
		Request:     request, Workflow: "Charge", TaskQueue: "charges", Input: json.RawMessage(`{"amount":1.50}`),
	}
}

// begin starts a workflow.
func begin(t *testing.T, c *temporal.Connections, s workflow.TemporalStart) workflow.TemporalRun {
	t.Helper()
	run := s.TemporalRun
	var err error
	if run.RunID, err = c.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return run
}

// ended waits until a run is over.
func ended(t *testing.T, c *temporal.Connections, run workflow.TemporalRun) *workflow.TemporalEnd {
	t.Helper()
	end, err := c.Wait(t.Context(), run, 30*time.Second)
	if err != nil || end == nil {
		t.Fatalf("the run is not over: %v", err)
	}
	return end
}

func TestStart(t *testing.T) {
	s, c := serve(t)
	n := request("exec_1:charge", "r1")
	n.Timeout = time.Hour
	run := begin(t, c, n)
	got := s.Runs()[0]
	if got.RunID != run.RunID || got.RequestId != "r1" || got.WorkflowId != "exec_1:charge" || got.WorkflowType.Name != "Charge" ||
		got.TaskQueue.Name != "charges" || got.WorkflowExecutionTimeout.AsDuration() != time.Hour {
		t.Errorf("started %v", got)
	}
	if p := got.Input.Payloads; len(p) != 1 || string(p[0].Data) != `{"amount":1.50}` || string(p[0].Metadata["encoding"]) != "json/plain" {
		t.Errorf("the input is %v", p)
	}
	n = request("exec_1:other", "r2")
	n.Input = nil
	begin(t, c, n)
	if got := s.Runs()[1]; got.Input != nil || got.WorkflowExecutionTimeout != nil {
		t.Errorf("started %v", got)
	}
}

// An id names one run: the same request gets it whatever became of it, another request
// gets it unless it failed.
func TestIDs(t *testing.T) {
	s, c := serve(t)
	rules(t, c, "", func(id, workflow string) {
		if workflow == "Refuse" {
			s.Fail(t, id, "card declined")
		} else {
			s.Complete(t, id, `{"paid":1.5}`)
		}
	})
}

// rules are what Peal counts on. Finish ends a run of the workflow Succeed or Refuse.
func rules(t *testing.T, c *temporal.Connections, prefix string, finish func(id, workflow string)) {
	start := func(id, name, workflow string) started {
		n := request(prefix+id, prefix+name)
		n.Workflow = workflow
		return started{n, begin(t, c, n).RunID}
	}
	paid := start("paid", "r1", "Succeed")
	if again := start("paid", "r1", "Succeed"); again.RunID != paid.RunID {
		t.Errorf("a repeat started %s after %s", again.RunID, paid.RunID)
	}
	finish(paid.WorkflowID, "Succeed")
	if end := ended(t, c, paid.run()); end.Failure != "" || string(end.Result) != `{"paid":1.5}` || end.RunID != paid.RunID {
		t.Errorf("succeeded with %+v", end)
	}
	for _, name := range []string{"r1", "r2"} {
		if again := start("paid", name, "Succeed"); again.RunID != paid.RunID {
			t.Errorf("%s started %s after %s had succeeded", name, again.RunID, paid.RunID)
		}
	}

	refused := start("refused", "r3", "Refuse")
	finish(refused.WorkflowID, "Refuse")
	if end := ended(t, c, refused.run()); end.Failure != "the workflow failed: card declined" || end.Result != nil {
		t.Errorf("failed with %+v", end)
	}
	if again := start("refused", "r3", "Refuse"); again.RunID != refused.RunID {
		t.Errorf("a repeat started %s after %s had failed", again.RunID, refused.RunID)
	}
	anew := start("refused", "r4", "Succeed")
	if anew.RunID == refused.RunID {
		t.Error("a workflow that failed was not started anew")
	}
	finish(anew.WorkflowID, "Succeed")
	ended(t, c, anew.run())

	open := start("open", "r5", "Endless")
	if again := start("open", "r6", "Endless"); again.RunID != open.RunID {
		t.Errorf("another request started %s beside %s", again.RunID, open.RunID)
	}
	if end, err := c.Wait(t.Context(), open.run(), 200*time.Millisecond); end != nil || err != nil {
		t.Errorf("a run that goes on: %+v, %v", end, err)
	}
	lost := open.run()
	lost.WorkflowID += "x"
	if _, err := c.Wait(t.Context(), lost, 10*time.Second); peal.CodeOf(err) != peal.CodeNotFound {
		t.Errorf("a run that is not there: %v", err)
	}
	n := request(prefix+strings.Repeat("x", 2000), "r7")
	if _, err := c.Start(t.Context(), n); peal.CodeOf(err) != peal.CodeInvalid || !strings.Contains(err.Error(), "WorkflowId length exceeds limit") {
		t.Errorf("an id that is too long: %v", err)
	}
	n = request(prefix+"elsewhere", "r8")
	n.Namespace = "nowhere"
	if _, err := c.Start(t.Context(), n); peal.CodeOf(err) != peal.CodeNotFound {
		t.Errorf("a namespace that the server does not have: %v", err)
	}
}

// started is what was started.
type started struct {
	workflow.TemporalStart
	RunID string
}

func (w started) run() workflow.TemporalRun {
	return workflow.TemporalRun{Namespace: w.Namespace, WorkflowID: w.WorkflowID, RunID: w.RunID}
}

func TestEnds(t *testing.T) {
	s, c := serve(t)
	for _, test := range []struct {
		name            string
		end             func(id string)
		failure, result string
	}{
		{name: "json", end: func(id string) { s.Complete(t, id, `[1.50]`) }, result: `[1.50]`},
		{name: "nothing", end: func(id string) { s.CompleteEncoded(t, id, "binary/null", nil) }, result: `null`},
		{name: "protobuf", end: func(id string) { s.CompleteEncoded(t, id, "json/protobuf", []byte(`{"a":1}`)) }, result: `{"a":1}`},
		{name: "encrypted", end: func(id string) { s.CompleteEncoded(t, id, "binary/encrypted", []byte{0, 1}) }, result: `{"data":"AAE=","encoding":"binary/encrypted"}`},
		{name: "no JSON", end: func(id string) { s.Complete(t, id, `{`) }, result: `{"data":"ew==","encoding":"json/plain"}`},
		{name: "failed", end: func(id string) { s.Fail(t, id, "no") }, failure: "the workflow failed: no"},
		{name: "terminated", end: func(id string) {
			s.End(t, id, &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED})
		}, failure: "the workflow was terminated"},
		{name: "cancelled", end: func(id string) {
			s.End(t, id, &historypb.HistoryEvent{
				EventType:  enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
				Attributes: &historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes{WorkflowExecutionCanceledEventAttributes: &historypb.WorkflowExecutionCanceledEventAttributes{}},
			})
		}, failure: "the workflow was cancelled"},
		{name: "timed out", end: func(id string) {
			s.End(t, id, &historypb.HistoryEvent{
				EventType:  enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
				Attributes: &historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes{WorkflowExecutionTimedOutEventAttributes: &historypb.WorkflowExecutionTimedOutEventAttributes{}},
			})
		}, failure: "the workflow timed out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := begin(t, c, request(test.name, test.name))
			test.end(test.name)
			end := ended(t, c, run)
			if end.Failure != test.failure || string(end.Result) != test.result || end.RunID != run.RunID {
				t.Errorf("ended %+v with %s", end, end.Result)
			}
		})
	}
	t.Run("continued", func(t *testing.T) {
		run := begin(t, c, request("continued", "r"))
		s.Continue(t, "continued")
		s.Complete(t, "continued", `1`)
		end := ended(t, c, run)
		if string(end.Result) != "1" || end.RunID == run.RunID {
			t.Errorf("ended %+v with %s after %s", end, end.Result, run.RunID)
		}
	})
}

func TestNamespaces(t *testing.T) {
	c := open(t, slog.New(slog.DiscardHandler),
		config.TemporalNamespace{Namespace: "a", Address: "127.0.0.1:1", Orgs: []string{"acme"}, Plaintext: true},
		config.TemporalNamespace{Namespace: "b", Address: "127.0.0.1:1", Orgs: []string{"globex", "acme"}, Plaintext: true},
	)
	for _, test := range [][3]string{
		{"acme", "", "a"}, {"acme", "b", "b"}, {"globex", "", "b"}, {"globex", "a", ""}, {"rival", "", ""}, {"rival", "b", ""}, {"acme", "c", ""},
	} {
		got, err := c.Namespace(test[0], test[1])
		if got != test[2] || (test[2] == "") != (peal.CodeOf(err) == peal.CodeForbidden) {
			t.Errorf("%v: got %q, %v", test, got, err)
		}
	}
}

// Whoever writes workflows does not learn where the server is; whoever runs Peal does.
func TestFailures(t *testing.T) {
	log := &lines{}
	s := temporaltest.Start(t, nil, namespace)
	c := open(t, slog.New(slog.NewTextHandler(log, nil)),
		config.TemporalNamespace{Namespace: namespace, Address: s.Addr, Orgs: []string{"acme"}, Plaintext: true},
		config.TemporalNamespace{Namespace: "away", Address: "127.0.0.1:1", Orgs: []string{"acme"}, Plaintext: true},
	)
	cut, cancel := context.WithCancel(t.Context())
	s.Answers(func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() })
	if _, err := c.Start(cut, request("cut", "r")); peal.CodeOf(err) != peal.CodeUnavailable || log.String() != "" {
		t.Errorf("a call that was cut off: %v; the log has\n%s", err, log)
	}
	for _, test := range []struct {
		err  error
		code peal.Code
	}{
		{serviceerror.NewUnavailable("shutting down"), peal.CodeUnavailable},
		{serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "too fast"), peal.CodeUnavailable},
		{serviceerror.NewDeadlineExceeded("late"), peal.CodeUnavailable},
		{serviceerror.NewInternal("bug"), peal.CodeUnavailable},
		{serviceerror.NewInvalidArgument("odd"), peal.CodeInvalid},
		{serviceerror.NewPermissionDenied("no", "key expired"), peal.CodeForbidden},
		{errors.New("anything"), peal.CodeUnavailable},
	} {
		s.Answers(func(context.Context) error { return test.err })
		_, err := c.Start(t.Context(), request("id", "r"))
		if peal.CodeOf(err) != test.code {
			t.Errorf("%v became %v", test.err, err)
		}
	}
	away := request("id", "r")
	away.Namespace = "away"
	_, err := c.Start(t.Context(), away)
	var known *peal.Error
	if !errors.As(err, &known) || known.Code != peal.CodeUnavailable || strings.Contains(known.Message, "127.0.0.1") {
		t.Errorf("a server that is away: %v", err)
	}
	if text := log.String(); strings.Count(text, "namespace=away") != 1 || !strings.Contains(text, "127.0.0.1:1") || strings.Count(text, "namespace="+namespace) != 1 {
		t.Errorf("the log has\n%s", text)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	s.Answers(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	if _, err := c.Start(ctx, request("slow", "r")); peal.CodeOf(err) != peal.CodeUnavailable {
		t.Errorf("a server that does not answer: %v", err)
	}
	if _, err := c.Start(t.Context(), workflow.TemporalStart{}); peal.CodeOf(err) != peal.CodeForbidden {
		t.Errorf("no namespace: %v", err)
	}
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The key goes over TLS alone, and is read anew so that it can change.
func TestTLSAndKey(t *testing.T) {
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS() // for its certificate
	defer web.Close()
	s := temporaltest.Start(t, []grpc.ServerOption{grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: web.TLS.Certificates}))}, namespace)
	dir := t.TempDir()
	key, ca := filepath.Join(dir, "key"), filepath.Join(dir, "ca.pem")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(key, "first\n")
	write(ca, certificate(web.Certificate().Raw))
	n := config.TemporalNamespace{
		Namespace: namespace, Address: s.Addr, Orgs: []string{"acme"}, CAFile: ca, ServerName: "example.com", APIKeyFile: key,
	}
	c := open(t, slog.New(slog.DiscardHandler), n)
	begin(t, c, request("a", "r"))
	write(key, "second\n")
	begin(t, c, request("b", "r"))
	if got := s.Authorizations(); !slices.Equal(got, []string{"Bearer first", "Bearer second"}) {
		t.Errorf("called with %v", got)
	}
	n.CAFile = ""
	if _, err := open(t, slog.New(slog.DiscardHandler), n).Start(t.Context(), request("c", "r")); peal.CodeOf(err) != peal.CodeUnavailable {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	if len(s.Runs()) != 2 {
		t.Errorf("%d were started", len(s.Runs()))
	}
	write(key, "\n")
	for _, n := range []config.TemporalNamespace{{APIKeyFile: key}, {APIKeyFile: key + "x"}, {CAFile: key}, {CAFile: key + "x"}, {CertFile: ca, KeyFile: key}} {
		if _, err := temporal.Open([]config.TemporalNamespace{n}, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%+v was taken", n)
		}
	}
}
