package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/settings"
)

// Config is what the API stands on.
type Config struct {
	Auth        *auth.Authenticator
	Directory   *directory.Directory
	Settings    *settings.Service
	Profiles    *profile.Set
	Channels    *channel.Set
	Events      Events
	Deliveries  Deliveries
	DeadLetters DeadLetters
	Groups      Groups
	Publisher   Publisher
	Dispatcher  Dispatcher
	Links       *auth.Links
	Executions  Executions
	Runner      Runner
	Workflows   Workflows
	Inbound     Inbound
	Desk        Desk
	Inbox       Inbox
	Governance  *governance.Engine
	// Ready tells why the server should get no traffic, nil if it should.
	Ready func(ctx context.Context) error
	// Metrics serves /metrics.
	Metrics http.Handler
	Log     *slog.Logger
	Now     func() time.Time
	// MaxEventBytes bounds one event.
	MaxEventBytes int
	// MaxInboundBytes bounds a request to a hook.
	MaxInboundBytes int
	// PublicURL is how clients reach the server, empty if nobody said.
	PublicURL string
}

type api struct {
	Config
	mux    *http.ServeMux
	huma   huma.API
	intake intake
}

// New makes the handler of every route.
func New(c Config) http.Handler { return build(c) }

func build(c Config) *api {
	a := &api{Config: c, mux: http.NewServeMux()}
	a.huma = a.newHuma()
	for _, routes := range []func(){
		a.eventRoutes, a.publishRoute, a.endpointRoutes, a.endpointActionRoutes, a.deliveryRoutes, a.replayRoutes, a.discardRoutes,
		a.eventTypeRoutes, a.profileRoutes, a.hookRoutes, a.schemeRoutes, a.workflowRoutes, a.secretRoutes, a.executionRoutes, a.inboundRoute, a.orgRoutes, a.keyRoutes, a.auditRoutes, a.statsRoutes, a.linkRoutes, a.channelRoutes,
		a.bindingRoutes, a.silenceRoutes, a.groupRoutes,
		a.offeringRoutes, a.requestRoutes, a.taskRoutes,
		a.usageRoutes, a.reservationRoutes, a.approvalRoutes, a.creditRoutes, a.ruleRoutes, a.standingRoutes, a.simulationRoutes, a.governanceRoutes, a.memberRoutes,
		a.curateMeRoutes, a.nemoRoutes, a.probeRoutes,
	} {
		routes()
	}
	a.documentRoutes()
	a.mux.HandleFunc("/", a.noRoute)
	return a
}

// NewServer makes the listener's server, with the limits that a public address needs.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		// Longer than the longest attempt, which a test of an endpoint waits for.
		WriteTimeout:   peal.MaxTimeout + 30*time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// ServeHTTP answers a panic as it does any other failure.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			a.fail(w, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !strings.HasPrefix(r.URL.Path, inboundPath) { // there the type says what was signed
		assumeJSON(r.Header)
	}
	a.mux.ServeHTTP(w, r)
}

// assumeJSON takes a body that names no type, or the one that curl names unless told
// otherwise, for the JSON that every route wants.
func assumeJSON(h http.Header) {
	if ct := h.Get("Content-Type"); ct == "" || ct == "application/x-www-form-urlencoded" {
		h.Set("Content-Type", "application/json")
	}
}

// noRoute answers what no route takes, as a Problem instead of the mux's text.
func (a *api) noRoute(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	probe := *r
	for _, probe.Method = range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if _, pattern := a.mux.Handler(&probe); pattern != "/" {
			allowed = append(allowed, probe.Method)
		}
	}
	if len(allowed) == 0 && r.URL.Path == "/docs/" {
		http.Redirect(w, r, "/docs", http.StatusFound)
		return
	}
	if len(allowed) == 0 {
		a.fail(w, r, peal.NotFound("page"))
		return
	}
	if slices.Contains(allowed, "GET") {
		allowed = append(allowed, "HEAD")
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.fail(w, r, peal.Errorf(codeMethod, "%s is not among the methods of this address", r.Method))
}
