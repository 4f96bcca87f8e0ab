package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

func TestStatusOfEveryCode(t *testing.T) {
	for code, want := range map[peal.Code]int{
		peal.CodeInvalid: 400, peal.CodeUnauthorized: 401, peal.CodePlan: 402, peal.CodeForbidden: 403, peal.CodeNotFound: 404,
		codeMethod: 405, codeTimeout: 408, peal.CodeConflict: 409, peal.CodeGone: 410, peal.CodeTooLarge: 413, peal.CodeUnsupported: 415,
		peal.CodeInvalidCursor: 400, peal.CodeUnprocessable: 422, peal.CodeTooManyRequests: 429, peal.CodeInternal: 500, peal.CodeUnavailable: 503, "new": 500,
	} {
		if got := status(code); got != want {
			t.Errorf("%s is %d, want %d", code, got, want)
		}
	}
}

// Whatever answers, huma, the mux or a handler, a failure has one shape.
func TestEveryFailureIsAProblem(t *testing.T) {
	s := newServer(t)
	const json, form = "application/json", "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, method, path, body, contentType string
		status                                int
		code                                  peal.Code
		field                                 string
	}{
		{"no route", "GET", "/v2/events", "", "", 404, peal.CodeNotFound, ""},
		{"root", "GET", "/", "", "", 404, peal.CodeNotFound, ""},
		{"no such method", "PUT", "/v1/events", "", "", 405, codeMethod, ""},
		{"odd method", "BREW", "/docs", "", "", 405, codeMethod, ""},
		{"truncated", "POST", "/v1/endpoints", `{"url":`, json, 400, peal.CodeInvalid, ""},
		{"not an object", "POST", "/v1/endpoints", `[]`, json, 400, peal.CodeInvalid, ""},
		{"empty", "POST", "/v1/endpoints", "", json, 400, peal.CodeInvalid, ""},
		{"duplicate keys", "POST", "/v1/endpoints", `{"url":"https://127.0.0.1","url":"https://127.0.0.2"}`, json, 400, peal.CodeInvalid, ""},
		{"unknown member", "POST", "/v1/endpoints", `{"url":"https://127.0.0.1","colour":"red"}`, json, 400, peal.CodeInvalid, "colour"},
		{"unknown config", "POST", "/v1/endpoints", `{"config":{"url":"https://127.0.0.1","token":"x"}}`, json, 400, peal.CodeInvalid, "config.token"},
		{"wrong type", "POST", "/v1/endpoints", `{"url":7}`, json, 400, peal.CodeInvalid, "url"},
		{"bad duration", "POST", "/v1/endpoints", `{"url":"https://127.0.0.1","retry":{"schedule":["1s","soon"]}}`, json, 400, peal.CodeInvalid, "retry.schedule[1]"},
		{"plain http", "POST", "/v1/endpoints", `{"url":"http://127.0.0.1"}`, json, 400, peal.CodeInvalid, "url"},
		{"private", "POST", "/v1/endpoints", `{"url":"https://10.0.0.1"}`, json, 400, peal.CodeInvalid, "url"},
		{"bad pattern", "POST", "/v1/endpoints", `{"url":"https://127.0.0.1","events":["a*"]}`, json, 400, peal.CodeInvalid, "events"},
		{"no such channel", "POST", "/v1/endpoints", `{"type":"pigeon","url":"https://127.0.0.1"}`, json, 400, peal.CodeInvalid, "type"},
		{"a form", "POST", "/v1/endpoints", `url=x`, form, 400, peal.CodeInvalid, ""},
		{"CSV", "POST", "/v1/endpoints", `url,x`, "text/csv", 415, peal.CodeUnsupported, ""},
		{"large", "POST", "/v1/endpoints", `{"name":"` + strings.Repeat("x", bodyLimit) + `"}`, json, 413, peal.CodeTooLarge, ""},
		{"bad limit", "GET", "/v1/endpoints?limit=many", "", "", 400, peal.CodeInvalid, "limit"},
		{"no limit", "GET", "/v1/endpoints?limit=0", "", "", 400, peal.CodeInvalid, "limit"},
		{"bad cursor", "GET", "/v1/endpoints?cursor=%00", "", "", 400, peal.CodeInvalidCursor, "cursor"},
		{"bad time", "GET", "/v1/deliveries?since=yesterday", "", "", 400, peal.CodeInvalid, "since"},
		{"bad status", "GET", "/v1/deliveries?status=failed", "", "", 400, peal.CodeInvalid, "status"},
		{"bad id in a query", "GET", "/v1/deliveries?endpoint=7", "", "", 400, peal.CodeInvalid, "endpoint"},
		{"bad id in a path", "GET", "/v1/deliveries/7", "", "", 404, peal.CodeNotFound, ""},
		{"endpoint", "GET", "/v1/endpoints/ep_0", "", "", 404, peal.CodeNotFound, ""},
		{"event", "GET", "/v1/events/..%2F..%2Fetc", "", "", 404, peal.CodeNotFound, ""},
		{"unknown parameter", "GET", "/v1/deliveries?stats=dead", "", "", 400, peal.CodeInvalid, "stats"},
		{"no parameters", "GET", "/v1/endpoints/ep_0?x=1", "", "", 400, peal.CodeInvalid, "x"},
		{"no events", "POST", "/v1/endpoints", `{"url":"https://127.0.0.1","events":[]}`, json, 400, peal.CodeInvalid, "events"},
		{"no rate", "POST", "/v1/endpoints", `{"url":"https://127.0.0.1","rate_limit":0}`, json, 400, peal.CodeInvalid, "rate_limit"},
		{"negative rate", "POST", "/v1/endpoints", `{"url":"https://127.0.0.1","rate_limit":-1}`, json, 400, peal.CodeInvalid, "rate_limit"},
		{"none in flight", "POST", "/v1/endpoints", `{"url":"https://127.0.0.1","max_in_flight":0}`, json, 400, peal.CodeInvalid, "max_in_flight"},
		{"absent member", "POST", "/v1/replays", `{}`, json, 400, peal.CodeInvalid, "filter"},
		{"unknown inner member", "POST", "/v1/replays", `{"filter":{"until":"2026-05-04T14:23:00Z","x":1}}`, json, 400, peal.CodeInvalid, "filter.x"},
		{"not an event", "POST", "/v1/events", `{`, json, 400, peal.CodeInvalid, ""},
		{"event too large", "POST", "/v1/events", `{"type":"a","data":{"x":"` + strings.Repeat("x", 5000) + `"}}`, json, 413, peal.CodeTooLarge, ""},
		{"batch too large", "POST", "/v1/events", `[` + strings.Repeat(" ", 4096*batchFactor) + `]`, json, 413, peal.CodeTooLarge, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			r := s.call(adminKey, c.method, c.path, c.body, "Content-Type", c.contentType)
			if p := r.problem(c.status, c.code); p.Field != c.field {
				t.Errorf("field %q, want %q: %s", p.Field, c.field, r.Body)
			}
			if c.status == 405 && r.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestSeveralWrongFieldsAreAllNamed(t *testing.T) {
	p := func() Problem {
		s := newServer(t)
		return s.call(adminKey, "POST", "/v1/keys", `{"name":7,"role":"king"}`).problem(400, peal.CodeInvalid)
	}()
	if len(p.Errors) != 2 {
		t.Errorf("errors: %+v", p.Errors)
	}
}

// Messages say what to do instead.
func TestMessagesHelp(t *testing.T) {
	s := newServer(t)
	s.call(adminKey, "POST", "/v1/orgs", `{"id":"acme","name":"Acme"}`).want(201)
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/v1/events?kind=x", "", `unknown parameter "kind"; there are cursor, limit, since, until, type, subject`},
		{"GET", "/v1/profiles?page=2", "", "there are cursor, limit"},
		{"GET", "/v1/events?since=yesterday", "", "must be an RFC 3339 time such as"},
		{"POST", "/v1/replays", `{"filter":{"since":"yesterday"}}`, "must be an RFC 3339 time such as"},
		{"POST", "/v1/replays", `{"filter":{"kind":"x"}}`, "there are endpoint, event, since, status, type, until"},
		{"POST", "/v1/replays", `{}`, "filter is required"},
		{"POST", "/v1/endpoints", `{"url":"https://127.0.0.1","retry":{"tries":3}}`, "there are schedule, timeout"},
		{"POST", "/v1/endpoints", `{"url":"https://127.0.0.1","rate_limit":0}`, "must be more than 0; leave it out for no limit"},
		{"POST", "/v1/endpoints", `{"url":"https://127.0.0.1","retry":{"schedule":["1d"]}}`, "a day is 24h"},
		{"POST", "/v1/endpoints", `{"url":"https://127.0.0.1","profile":"svix"}`, `there is no profile "svix"; there are curate-me, nembl`},
		{"POST", "/v1/endpoints", `{"url":"https://127.0.0.1","type":"pigeon"}`, `there is no channel "pigeon"; there are webhook, slack, teams`},
		{"POST", "/v1/events", `{"specversion":"1.0","id":"1","source":"s","type":"a"}`, "application/cloudevents+json"},
		{"PUT", "/v1/event-types/a", `{"schema":{"properties":{"x":{"type":"text"}}}}`, "a type is string, number"},
	} {
		if p := s.call(adminKey, c.method, c.path, c.body).problem(400, peal.CodeInvalid); !strings.Contains(p.Detail, c.want) || p.Field == "" {
			t.Errorf("%s %s %s: %q of %q, want %q", c.method, c.path, c.body, p.Detail, p.Field, c.want)
		}
	}
	p := s.call(adminKey, "GET", "/v1/endpoints", "", "X-Org-ID", "nobody").problem(404, peal.CodeNotFound)
	if !strings.Contains(p.Detail, "POST /v1/orgs") {
		t.Errorf("an unknown org: %s", p.Detail)
	}
}

// The other surfaces take what they do not know, as their originals do.
func TestOtherSurfacesIgnoreParameters(t *testing.T) {
	newServer(t).call(adminKey, "GET", "/api/v1/admin/webhooks?page=2", "").want(200)
}

func TestFaultsAreLoggedAndNotShown(t *testing.T) {
	s := newServer(t)
	down := errors.New("disk I/O error at /var/lib/peal")
	s.refuse = down
	r := s.call(adminKey, "POST", "/v1/events", `{"type":"a","data":{}}`)
	r.problem(500, peal.CodeInternal)
	if strings.Contains(r.Body, "disk") {
		t.Errorf("the answer shows the cause: %s", r.Body)
	}
	if !strings.Contains(s.log.String(), down.Error()) {
		t.Errorf("the log lacks the cause: %s", s.log)
	}
}

func TestPanicsAreFaults(t *testing.T) {
	s := newServer(t)
	s.Deliveries = nil
	s.call(adminKey, "GET", "/v1/deliveries", "").problem(500, peal.CodeInternal)
	if !strings.Contains(s.log.String(), "panic") {
		t.Errorf("the log lacks the panic: %s", s.log)
	}
}

func TestRetryAfterIsSent(t *testing.T) {
	s := newServer(t)
	s.refuse = &peal.Error{Code: peal.CodeTooManyRequests, Message: "the queue is full", RetryAfter: 1500 * time.Millisecond}
	r := s.call(adminKey, "POST", "/v1/events", `{"type":"a","data":{}}`)
	r.problem(http.StatusTooManyRequests, peal.CodeTooManyRequests)
	if got := r.Header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q, want the seconds rounded up", got)
	}
}

// No answer repeats a secret, except the one that creates it.
func TestSecretsAreNotRepeated(t *testing.T) {
	s := newServer(t)
	const secret, header = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "custom-s3cret"
	ep := s.newEndpoint(adminKey, `,"secret":"`+secret+`","headers":{"X-Custom":"`+header+`"}`)
	s.call(adminKey, "POST", "/v1/endpoints/"+ep+"/test", "").want(200)
	_, _ = s.published(adminKey)
	tested := s.call(adminKey, "GET", "/v1/endpoints/"+ep+"/deliveries?type=peal.test", "").want(200)["data"].([]any)
	delivery := tested[0].(map[string]any)["id"].(string)

	check := func(t *testing.T, r reply) {
		t.Helper()
		for _, hidden := range []string{secret, header, adminKey} {
			if strings.Contains(r.Body, hidden) {
				t.Errorf("%d shows %s: %s", r.Status, hidden, r.Body)
			}
		}
	}
	for _, op := range s.operations() {
		if op.Method != http.MethodGet {
			continue
		}
		ids := map[string]string{"{id}": ep, "{name}": "order.paid"}
		if strings.HasPrefix(op.Path, "/v1/deliveries/") {
			ids["{id}"] = delivery
		}
		check(t, s.sample(adminKey, op, ids))
	}
	for _, body := range []string{
		`{"secret":"` + secret + `"`, `{"secret":["` + secret + `"]}`, `{"sekret":"` + secret + `"}`,
		`{"url":"ftp://x","secret":"` + secret + `"}`, `{"headers":{"Content-Type":"` + header + `"},"url":"` + s.target + `"}`,
		`{"headers":{"X":["` + header + `"]}}`, `{"config":{"secret":{"a":"` + secret + `"}}}`,
	} {
		r := s.call(adminKey, "POST", "/v1/endpoints", body)
		if r.Status != 400 {
			t.Errorf("%s: %d", body, r.Status)
		}
		check(t, r)
		check(t, s.call(adminKey, "PATCH", "/v1/endpoints/"+ep, body))
	}
	check(t, reply{t, 0, nil, s.log.String()})
	check(t, s.call(adminKey, "PATCH", "/v1/endpoints/"+ep, `{"headers":{"X-Custom":"***","X-More":"y"}}`))
	if got := s.stored(ep).Private.Headers; got["X-Custom"] != header || got["X-More"] != "y" {
		t.Errorf("a header that was sent back as shown: %v", got)
	}
}
