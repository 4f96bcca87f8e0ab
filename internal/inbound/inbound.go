package inbound

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/inbound/scheme"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// Starter begins executions.
type Starter interface {
	// StartHook begins an execution of the hook's workflow and returns after it is durable.
	// Of a delivery that was seen within ttl it gives the first one's id.
	StartHook(ctx context.Context, h *peal.Hook, w *peal.Workflow, input []byte, delivery string, ttl time.Duration) (id peal.ExecutionID, duplicate bool, err error)
}

// Refusals keeps what hooks got and did not run.
type Refusals interface {
	// Refused must not block; what is too much may be lost.
	Refused(org string, r peal.Received)
}

// Config is what a Service stands on.
type Config struct {
	Directory *directory.Directory
	Schemes   *scheme.Set
	Starter   Starter
	Refusals  Refusals
	// Settings is how a hook's scheme is to verify.
	Settings func(h *peal.Hook, now time.Time) scheme.Config
	// Confirm calls an address that a sender wants called, once.
	Confirm scheme.Fetch
	// Now is database time.
	Now func() time.Time
}

// Service receives requests. It is safe for concurrent use.
type Service struct {
	Config
	limits limits
}

// New makes a Service.
func New(c Config) *Service {
	return &Service{Config: c, limits: limits{hooks: map[peal.HookID]*limit{}}}
}

// deliveryTTL is how long a sender's own ids are remembered; the most patient ones try
// again for three days.
const deliveryTTL = 7 * 24 * time.Hour

// Hook is a hook that a request was sent to.
type Hook struct {
	*peal.Hook
	scheme *scheme.Scheme
}

// Find finds a hook by the last part of its address.
func (s *Service) Find(id string) (*Hook, error) {
	h, _, ok := directory.Hooks.Find(s.Directory, id)
	if !ok {
		return nil, peal.NotFound("hook")
	}
	sch, ok := s.Schemes.Get(h.Verification.Scheme)
	if !ok {
		return nil, peal.Errorf(peal.CodeUnavailable, "the hook's scheme is not known to this server")
	}
	return &Hook{h, sch}, nil
}

// Admit tells whether the hook takes one more request now.
func (s *Service) Admit(h *Hook) error {
	if h.RateLimit == 0 {
		return nil
	}
	if wait := s.limits.take(h.Hook, time.Now()); wait > 0 {
		return &peal.Error{Code: peal.CodeTooManyRequests, Message: "the hook gets more requests than its rate_limit allows", RetryAfter: wait}
	}
	return nil
}

// Handshake answers a sender of CloudEvents that asks whether it may send; false where
// the request asks for something else.
func (h *Hook) Handshake(header http.Header) (http.Header, bool) {
	return scheme.Handshake(header, int(math.Ceil(h.RateLimit*60)))
}

// Request is what was sent to a hook.
type Request struct {
	Method string
	// URL is the whole address as the sender called it, Query what stands in it.
	URL    string
	Query  map[string][]string
	Header http.Header
	Body   []byte
}

// Answer is what the sender gets.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
}

// Receive verifies a request and begins its execution. It returns after that is durable.
func (s *Service) Receive(ctx context.Context, h *Hook, r *Request) (Answer, error) {
	now := s.Now()
	a, err := s.receive(ctx, h, r, now)
	if err != nil && peal.CodeOf(err) != peal.CodeUnavailable && peal.CodeOf(err) != peal.CodeTooManyRequests {
		s.refused(h, r, now, err)
	}
	return a, err
}

func (s *Service) receive(ctx context.Context, h *Hook, r *Request, now time.Time) (Answer, error) {
	var v scheme.Verdict
	var err error
	if h.Verification.Enabled {
		v, err = h.scheme.Verify(ctx, &scheme.Request{URL: r.URL, Header: r.Header, Body: r.Body, Now: now}, s.Settings(h.Hook, now))
	}
	switch {
	case err != nil:
		return Answer{}, err
	case v.Reply != nil:
		return Answer{Status: v.Reply.Status, ContentType: v.Reply.ContentType, Body: v.Reply.Body}, nil
	case v.Confirm != "":
		if _, err := s.Confirm(ctx, v.Confirm); err != nil {
			return Answer{}, peal.Wrap(peal.CodeUnavailable, err, "the subscription could not be confirmed")
		}
		return Answer{Status: http.StatusOK}, nil
	}
	body, err := h.body(r)
	if err != nil {
		return Answer{}, err
	}
	w, err := s.workflow(h.Hook)
	if err != nil {
		return Answer{}, err
	}
	id, duplicate, err := s.Starter.StartHook(ctx, h.Hook, w, h.input(r, body, now), v.DeliveryID, deliveryTTL)
	if err != nil {
		return Answer{}, err
	}
	if duplicate && s.limits.mayKeep(h.ID, now) {
		s.Refusals.Refused(h.Org, peal.Received{
			ID: peal.NewExecutionID(now), Hook: h.ID, At: now, Verdict: "duplicate", Execution: id,
			StatusCode: http.StatusAccepted, Request: h.input(r, []byte("null"), now),
		})
	}
	return accepted(h, id), nil
}

// workflow is what the hook starts.
func (s *Service) workflow(h *peal.Hook) (*peal.Workflow, error) {
	if h.Workflow.IsZero() {
		o, ok := directory.Offerings.Get(s.Directory, h.Org, h.Offering)
		if !ok {
			return nil, peal.Errorf(peal.CodeConflict, "the hook's offering was deleted")
		}
		return o.HookWorkflow(), nil
	}
	w, ok := directory.Workflows.Get(s.Directory, h.Org, h.Workflow.String())
	if !ok {
		return nil, peal.Errorf(peal.CodeConflict, "the hook's workflow was deleted")
	}
	return w, nil
}

func accepted(h *Hook, id peal.ExecutionID) Answer {
	a := Answer{Status: http.StatusAccepted, ContentType: "application/json"}
	if h.scheme.Accepted != 0 {
		a.Status = h.scheme.Accepted
	}
	a.Body = append(a.Body, `{"status":"accepted","webhookId":"`...)
	a.Body = append(a.Body, h.ID.String()...)
	a.Body = append(a.Body, `","executionId":"`...)
	a.Body = append(a.Body, id.String()...)
	a.Body = append(a.Body, "\"}\n"...)
	return a
}

// body gives the body as compact JSON.
func (h *Hook) body(r *Request) ([]byte, error) {
	doc, err := strictjson.Compact(make([]byte, 0, len(r.Body)), r.Body)
	if err == nil {
		return doc, nil
	}
	if h.scheme.Forms && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, err := scheme.FormJSON(r.Body)
		if err != nil {
			return nil, peal.Invalid("", "the body is not a form")
		}
		return strictjson.Compact(make([]byte, 0, len(form)), form)
	}
	var at *strictjson.Error
	if errors.As(err, &at) {
		return nil, peal.Invalid("", "the body is not valid JSON: %s", at.Error())
	}
	return nil, err
}

// limits are the rates of hooks, each node's for itself.
type limits struct {
	mu    sync.Mutex
	hooks map[peal.HookID]*limit
}

// limit is what a hook may take in, and keep of what it refused.
type limit struct {
	per  float64
	take *rate.Limiter
	keep *rate.Limiter
}

const (
	// maxLimits bounds how many hooks are remembered.
	maxLimits = 10_000
	// keptRate is how many refused requests of a hook are kept a second, keptBurst at once.
	keptRate  = 2
	keptBurst = 50
)

func (l *limits) of(id peal.HookID) *limit {
	h := l.hooks[id]
	if h == nil {
		if len(l.hooks) >= maxLimits {
			clear(l.hooks)
		}
		h = &limit{keep: rate.NewLimiter(keptRate, keptBurst)}
		l.hooks[id] = h
	}
	return h
}

// take takes a place, or tells how long there is none.
func (l *limits) take(hook *peal.Hook, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.of(hook.ID)
	if h.take == nil || h.per != hook.RateLimit {
		h.per, h.take = hook.RateLimit, rate.NewLimiter(rate.Limit(hook.RateLimit), max(1, int(hook.RateLimit)))
	}
	place := h.take.ReserveN(now, 1)
	if wait = place.DelayFrom(now); wait > 0 {
		place.CancelAt(now)
	}
	return wait
}

func (l *limits) mayKeep(id peal.HookID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(id).keep.AllowN(now, 1)
}
