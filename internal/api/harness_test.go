package api

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/desk"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/inbound"
	"github.com/peal-dev/peal/internal/inbound/scheme"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/settings"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/flow"
	"github.com/peal-dev/peal/internal/store/ledger"
	"github.com/peal-dev/peal/internal/store/queue"
	storesettings "github.com/peal-dev/peal/internal/store/settings"
	"github.com/peal-dev/peal/internal/store/signin"
	"github.com/peal-dev/peal/internal/workflow"
)

const (
	adminKey      = "admin-key-of-16-or-more"
	maxEventBytes = 4096

	maxInboundBytes = 8192
)

// server is the API over a real store. Deliveries stay pending in it, since nothing
// claims them; tests by hand are sent, to target.
type server struct {
	*api
	t      testing.TB
	target string
	log    *bytes.Buffer
	refuse error // what publishing answers, where it is set
	ready  error
}

func newServer(t testing.TB) *server {
	t.Helper()
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { plain(w, "thanks") }))
	t.Cleanup(receiver.Close)
	roots := x509.NewCertPool()
	roots.AddCert(receiver.Certificate())

	s := &server{t: t, target: receiver.URL + "/hooks", log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	db := must[*store.DB](t)(store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "peal.db"), Log: log, Now: time.Now}))
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	q, rows, executions := queue.New(db), storesettings.New(db), flow.New(db)
	ring := must[*secret.Keyring](t)(secret.NewKeyring(bytes.Repeat([]byte{7}, 32)))
	client := must[*egress.Client](t)(egress.New(egress.Options{
		AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RootCAs: roots,
	}))
	t.Cleanup(client.Close)
	dir := directory.New(rows, ring, log)
	profiles, channels := profile.Builtin(), channel.All(client)
	fetch := func(context.Context, string) ([]byte, error) { return nil, errors.New("nothing is fetched here") }
	schemes := scheme.All(fetch)
	service := settings.New(settings.Config{
		Store: rows, Directory: dir, Ring: ring, Profiles: profiles, Channels: channels, Schemes: schemes, Now: time.Now,
		AllowsWebhooks: (&config.Config{}).AllowsWebhooks,
	})
	dispatcher := dispatch.New(dispatch.Config{
		Store: q, Hand: q, Health: q, Events: q, Directory: dir, Profiles: profiles, Channels: channels, Now: time.Now, Log: log,
		MayStart: func() bool { return false }, Session: db.Session,
	})
	publisher := publish.New(publish.Config{
		Store: submitter{q, s}, Reader: q, Directory: dir, Profiles: profiles, Lanes: closed{}, Sender: dispatcher,
		Now: time.Now, MaxEventBytes: maxEventBytes, IdempotencyTTL: time.Hour,
	})
	var engine *workflow.Engine
	front := desk.New(desk.Config{
		Store: executions, Clock: executions, Directory: dir, Wake: func() { engine.Wake() }, Now: time.Now, Log: log,
	})
	kinds := workflow.All(workflow.Deps{Egress: client, Desk: front})
	service.Workflows = kinds
	engine = workflow.New(workflow.Config{
		Store: executions, Ledger: executions, Fence: executions, Events: q, Kinds: kinds, Desk: front, MayStart: func() bool { return true }, Now: time.Now, Log: log,
		Slots: 8, MemoryBudget: 1 << 20, Secrets: func(string, string) (string, bool) { return "", false },
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	t.Cleanup(func() { // before the database is closed
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(dir.Refresh(t.Context()), service.EnsureDefaults(t.Context())); err != nil {
		t.Fatal(err)
	}
	books := ledger.New(db)
	governor := governance.New(governance.Config{
		Store: books, Reader: books, Hours: books, Books: books, History: books, Directory: dir, AllowsRequests: func(string) bool { return true },
		Now: time.Now, IDsKept: time.Hour, Log: log,
	})
	s.api = build(Config{
		Auth: auth.New(dir, secret.HashKey(adminKey)), Links: auth.NewLinks(signin.New(db), time.Now), Directory: dir, Settings: service, Profiles: profiles, Channels: channels,
		Events: q, Deliveries: q, DeadLetters: q, Groups: q, Publisher: publisher, Dispatcher: dispatcher, Governance: governor,
		Executions: executions, Runner: engine, Workflows: kinds, MaxInboundBytes: maxInboundBytes, Desk: front, Inbox: executions,
		Inbound: inbound.New(inbound.Config{
			Directory: dir, Schemes: schemes, Starter: engine, Refusals: executions, Settings: settings.HookConfig, Confirm: fetch, Now: time.Now,
		}),
		Ready:   func(context.Context) error { return s.ready },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { plain(w, "peal_up 1") }),
		Log:     log, Now: time.Now, MaxEventBytes: maxEventBytes,
	})
	return s
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// submitter is the queue, until it is told to refuse.
type submitter struct {
	*queue.Queue
	s *server
}

func (q submitter) Submit(c *publish.Commit) error {
	if q.s.refuse != nil {
		return q.s.refuse
	}
	return q.Queue.Submit(c)
}

// closed lanes have no room.
type closed struct{}

func (closed) Reserve(peal.EndpointID, int) bool     { return false }
func (closed) Unreserve(peal.EndpointID, int)        {}
func (closed) Deliver(*peal.Event, []peal.Placement) {}
func (closed) Waiting(peal.EndpointID)               {}
func (closed) Due(peal.EndpointID, time.Time)        {}

// reply is an answer, read.
type reply struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
}

// call makes a request; pairs are headers.
func (s *server) call(key, method, path, body string, pairs ...string) reply {
	s.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, content)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return reply{s.t, w.Code, w.Header(), w.Body.String()}
}

// want checks the status and gives the body as an object.
func (r reply) want(status int) map[string]any {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	out := map[string]any{}
	if r.Body != "" {
		if err := json.Unmarshal([]byte(r.Body), &out); err != nil {
			r.t.Fatalf("%v: %s", err, r.Body)
		}
	}
	return out
}

// problem checks that the answer is a Problem of a code and gives it.
func (r reply) problem(status int, code peal.Code) Problem {
	r.t.Helper()
	r.want(status)
	var p Problem
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil {
		r.t.Fatal(err)
	}
	if ct := r.Header.Get("Content-Type"); ct != "application/problem+json" {
		r.t.Errorf("content type %q", ct)
	}
	if p.Status != status || p.Code != code || p.Type != ProblemType+string(code) || p.Title != http.StatusText(status) || p.Detail == "" {
		r.t.Errorf("not a problem of the code %s: %s", code, r.Body)
	}
	return p
}

// key makes a key in an org, and the org where there is none.
func (s *server) key(org string, role peal.Role) string {
	s.t.Helper()
	if _, ok := s.Directory.Org(org); !ok {
		s.call(adminKey, "POST", "/v1/orgs", `{"id":"`+org+`","name":"Org"}`).want(201)
	}
	made := s.call(adminKey, "POST", "/v1/keys", `{"name":"k","role":"`+string(role)+`"}`, "X-Org-ID", org).want(201)
	return made["key"].(string)
}

// newEndpoint makes an endpoint, with more members, and gives its id.
func (s *server) newEndpoint(key, more string) string {
	s.t.Helper()
	return s.call(key, "POST", "/v1/endpoints", `{"url":"`+s.target+`"`+more+`}`).want(201)["id"].(string)
}

// waiting is a workflow that waits for long.
const waiting = `{"name":"Wait","steps":[{"id":"wait","uses":"wait","with":{"for":"1h"}}]}`

// newHook makes a workflow with a hook that is not verified, and gives their ids.
func (s *server) newHook(key string) (workflow, hook string) {
	s.t.Helper()
	workflow = s.call(key, "POST", "/v1/workflows", waiting).want(201)["id"].(string)
	hook = s.call(key, "POST", "/v1/hooks", `{"name":"h","workflow":"`+workflow+`","verification":{"enabled":false}}`).want(201)["id"].(string)
	return workflow, hook
}

// stored is the endpoint as the server has it.
func (s *server) stored(id string) *peal.Endpoint {
	s.t.Helper()
	ep, ok := s.Directory.Endpoint(must[peal.EndpointID](s.t)(peal.ParseEndpointID(id)))
	if !ok {
		s.t.Fatal("the endpoint is gone")
	}
	return ep
}

// published makes an event; it gives the event's id and that of its newest delivery.
func (s *server) published(key string) (event, delivery string) {
	s.t.Helper()
	event = s.call(key, "POST", "/v1/events", `{"type":"order.paid","data":{"total":1}}`).want(202)["id"].(string)
	rows := s.call(key, "GET", "/v1/events/"+event+"/deliveries", "").want(200)["data"].([]any)
	return event, rows[0].(map[string]any)["id"].(string)
}
