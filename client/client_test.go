package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/client"
)

// seen is a request as the server got it.
type seen struct {
	method, uri, body string
	header            http.Header
}

// transport answers requests in order, the last answer over and over. It has no
// sockets, so that it works under synctest.
type transport struct {
	answers []answer
	seen    []seen
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	t.seen = append(t.seen, seen{r.Method, r.URL.RequestURI(), strings.TrimSpace(string(body)), r.Header})
	a := t.answers[min(len(t.seen), len(t.answers))-1]
	w := httptest.NewRecorder()
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.body)
	return w.Result(), nil
}

func newClient(answers ...answer) (*client.Client, *transport) {
	t := &transport{answers: answers}
	return &client.Client{
		BaseURL: "http://peal.test/", Key: "sk_test", Org: "acme",
		HTTPClient: &http.Client{Transport: t},
	}, t
}

// TestCalls holds each method against the request that the API expects.
func TestCalls(t *testing.T) {
	ctx := t.Context()
	calls := []struct {
		name string
		call func(*client.Client) error
		want string // method, URI and body
	}{
		{"publish", func(c *client.Client) error {
			_, err := c.Publish(ctx, client.Event{Type: "a.b", Data: json.RawMessage(`{"n":123456789012345678901234567890,"s":"<&>"}`)})
			return err
		}, `POST /v1/events {"type":"a.b","data":{"n":123456789012345678901234567890,"s":"<&>"}}`},
		{"publish batch", func(c *client.Client) error {
			_, err := c.PublishBatch(ctx, []client.Event{{Type: "a", Data: map[string]int{"n": 1}}, {ID: "x", Type: "b", Data: map[string]int{}}})
			return err
		}, `POST /v1/events [{"type":"a","data":{"n":1}},{"id":"x","type":"b","data":{}}]`},
		{"event", func(c *client.Client) error { _, err := c.Event(ctx, "order/1"); return err }, `GET /v1/events/order%2F1 `},
		{"explain", func(c *client.Client) error { _, err := c.ExplainEvent(ctx, "evt_1"); return err }, `GET /v1/events/evt_1?explain=true `},
		{"create endpoint", func(c *client.Client) error {
			_, err := c.CreateEndpoint(ctx, client.Endpoint{
				URL: "https://x.test", Events: []string{"a.*"},
				Retry: &client.Retry{Schedule: []client.Duration{client.Duration(time.Second)}, Timeout: client.Duration(time.Minute)},
			})
			return err
		}, `POST /v1/endpoints {"url":"https://x.test","events":["a.*"],"retry":{"schedule":["1s"],"timeout":"1m0s"}}`},
		{"never retry", func(c *client.Client) error {
			_, err := c.CreateEndpoint(ctx, client.Endpoint{URL: "https://x.test", Retry: &client.Retry{Schedule: []client.Duration{}}})
			return err
		}, `POST /v1/endpoints {"url":"https://x.test","retry":{"schedule":[]}}`},
		{"update endpoint", func(c *client.Client) error {
			_, err := c.UpdateEndpoint(ctx, "ep_1", client.EndpointUpdate{Filter: new(""), Events: &[]string{"*"}})
			return err
		}, `PATCH /v1/endpoints/ep_1 {"events":["*"],"filter":""}`},
		{"endpoint", func(c *client.Client) error { _, err := c.Endpoint(ctx, "ep_1"); return err }, `GET /v1/endpoints/ep_1 `},
		{"delete endpoint", func(c *client.Client) error { return c.DeleteEndpoint(ctx, "ep_1") }, `DELETE /v1/endpoints/ep_1 `},
		{"pause", func(c *client.Client) error { _, err := c.PauseEndpoint(ctx, "ep_1"); return err }, `POST /v1/endpoints/ep_1/pause `},
		{"resume", func(c *client.Client) error { _, err := c.ResumeEndpoint(ctx, "ep_1"); return err }, `POST /v1/endpoints/ep_1/resume `},
		{"test", func(c *client.Client) error { _, err := c.TestEndpoint(ctx, "ep_1"); return err }, `POST /v1/endpoints/ep_1/test `},
		{"rotate secret", func(c *client.Client) error {
			_, err := c.RotateSecret(ctx, "ep_1", client.Rotation{Overlap: new(client.Duration(0))})
			return err
		}, `POST /v1/endpoints/ep_1/rotate-secret {"overlap":"0s"}`},
		{"delivery", func(c *client.Client) error { _, err := c.Delivery(ctx, "dlv_1"); return err }, `GET /v1/deliveries/dlv_1 `},
		{"payload", func(c *client.Client) error { _, err := c.DeliveryPayload(ctx, "dlv_1"); return err }, `GET /v1/deliveries/dlv_1/payload `},
		{"retry", func(c *client.Client) error { _, err := c.RetryDelivery(ctx, "dlv_1"); return err }, `POST /v1/deliveries/dlv_1/retry `},
		{"cancel", func(c *client.Client) error { _, err := c.CancelDelivery(ctx, "dlv_1"); return err }, `POST /v1/deliveries/dlv_1/cancel `},
		{"replay", func(c *client.Client) error {
			_, err := c.StartReplay(ctx, client.ReplayFilter{Status: "dead", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
			return err
		}, `POST /v1/replays {"filter":{"status":"dead","since":"2026-01-02T03:04:05Z"}}`},
		{"event type", func(c *client.Client) error { _, err := c.EventType(ctx, "a/b"); return err }, `GET /v1/event-types/a%2Fb `},
		{"put event type", func(c *client.Client) error {
			_, err := c.PutEventType(ctx, client.EventType{Name: "order.paid", Schema: json.RawMessage(`{"type":"object"}`)})
			return err
		}, `PUT /v1/event-types/order.paid {"schema":{"type":"object"}}`},
		{"delete event type", func(c *client.Client) error { return c.DeleteEventType(ctx, "order.paid") }, `DELETE /v1/event-types/order.paid `},
		{"put secret", func(c *client.Client) error { _, err := c.PutSecret(ctx, "TOKEN", "v4lue-of-it"); return err }, `PUT /v1/secrets/TOKEN {"value":"v4lue-of-it"}`},
		{"delete secret", func(c *client.Client) error { return c.DeleteSecret(ctx, "TOKEN") }, `DELETE /v1/secrets/TOKEN `},
		{"create offering", func(c *client.Client) error {
			_, err := c.CreateOffering(ctx, client.Offering{Name: "Laptop", SLA: &client.SLA{Accept: client.Duration(time.Hour)}})
			return err
		}, `POST /v1/offerings {"name":"Laptop","sla":{"accept":"1h0m0s"}}`},
		{"offering", func(c *client.Client) error { _, err := c.Offering(ctx, "svc_1"); return err }, `GET /v1/offerings/svc_1 `},
		{"request", func(c *client.Client) error { _, err := c.Request(ctx, "req_1"); return err }, `GET /v1/requests/req_1 `},
		{"accept request", func(c *client.Client) error { _, err := c.AcceptRequest(ctx, "req_1"); return err }, `POST /v1/requests/req_1/accept `},
		{"complete request", func(c *client.Client) error { _, err := c.CompleteRequest(ctx, "req_1"); return err }, `POST /v1/requests/req_1/complete `},
		{"cancel request", func(c *client.Client) error { _, err := c.CancelRequest(ctx, "req_1", "none left"); return err }, `POST /v1/requests/req_1/cancel {"reason":"none left"}`},
		{"task", func(c *client.Client) error { _, err := c.Task(ctx, "task_1"); return err }, `GET /v1/tasks/task_1 `},
		{"complete task", func(c *client.Client) error {
			_, err := c.CompleteTask(ctx, "task_1", json.RawMessage(`{"order":1}`))
			return err
		}, `POST /v1/tasks/task_1/complete {"output":{"order":1}}`},
		{"stats", func(c *client.Client) error {
			_, err := c.EndpointStats(ctx, "ep_1", time.Time{}, time.Unix(0, 0))
			return err
		}, `GET /v1/endpoints/ep_1/stats?until=1970-01-01T00%3A00%3A00Z `},
		{"create key", func(c *client.Client) error { _, err := c.CreateKey(ctx, "ci", "publisher"); return err }, `POST /v1/keys {"name":"ci","role":"publisher"}`},
		{"rotate key", func(c *client.Client) error { _, err := c.RotateKey(ctx, "key_1"); return err }, `POST /v1/keys/key_1/rotate `},
		{"delete key", func(c *client.Client) error { return c.DeleteKey(ctx, "key_1") }, `DELETE /v1/keys/key_1 `},
		{"create org", func(c *client.Client) error {
			_, err := c.CreateOrg(ctx, client.Org{ID: "acme", Name: "Acme", Plan: "pro"})
			return err
		}, `POST /v1/orgs {"id":"acme","name":"Acme","plan":"pro"}`},
		{"org", func(c *client.Client) error { _, err := c.OrgByID(ctx, "acme"); return err }, `GET /v1/orgs/acme `},
		{"update org", func(c *client.Client) error {
			_, err := c.UpdateOrg(ctx, "acme", client.OrgUpdate{Profile: new("nemo")})
			return err
		}, `PATCH /v1/orgs/acme {"profile":"nemo"}`},
		{"report usage", func(c *client.Client) error {
			_, err := c.ReportUsage(ctx, []client.UsageRecord{{ID: "a", Requests: new(int64(3)), Cost: "0.5", Status: "error"}, {Key: "k"}})
			return err
		}, `POST /v1/usage [{"id":"a","requests":3,"cost":"0.5","status":"error"},{"key":"k"}]`},
		{"usage", func(c *client.Client) error {
			_, err := c.Usage(ctx, client.UsageQuery{By: []string{"team", "model"}, Period: "day", Since: time.Unix(0, 0)})
			return err
		}, `GET /v1/usage/summary?by=team%2Cmodel&period=day&since=1970-01-01T00%3A00%3A00Z `},
		{"reserve", func(c *client.Client) error {
			_, err := c.Reserve(ctx, client.ReservationRequest{User: "42", Model: "m", EstimatedCost: "0.05", EstimatedTokens: 7})
			return err
		}, `POST /v1/reservations {"user":"42","model":"m","estimated_cost":"0.05","estimated_tokens":7}`},
		{"reservation", func(c *client.Client) error { _, err := c.Reservation(ctx, "res_1"); return err }, `GET /v1/reservations/res_1 `},
		{"await approval", func(c *client.Client) error { _, err := c.AwaitApproval(ctx, "res_1"); return err }, `GET /v1/reservations/res_1?wait=30s `},
		{"settle", func(c *client.Client) error {
			_, err := c.Settle(ctx, "res_1", client.Settlement{Cost: "0", Status: "200"})
			return err
		}, `POST /v1/reservations/res_1/settle {"cost":"0","status":"200"}`},
		{"release", func(c *client.Client) error { _, err := c.Release(ctx, "res_1"); return err }, `POST /v1/reservations/res_1/release `},
		{"approval", func(c *client.Client) error { _, err := c.Approval(ctx, "apr_1"); return err }, `GET /v1/approvals/apr_1 `},
		{"approve", func(c *client.Client) error {
			_, err := c.ApproveRequest(ctx, "apr_1", client.ApprovalDecision{By: "ada"})
			return err
		}, `POST /v1/approvals/apr_1/approve {"by":"ada"}`},
		{"deny", func(c *client.Client) error {
			_, err := c.DenyRequest(ctx, "apr_1", client.ApprovalDecision{Reason: "no"})
			return err
		}, `POST /v1/approvals/apr_1/deny {"reason":"no"}`},
		{"silence", func(c *client.Client) error {
			_, err := c.CreateSilence(ctx, client.Silence{Match: client.SilenceMatch{Types: []string{"a.*"}}, Until: time.Unix(0, 0).UTC()})
			return err
		}, `POST /v1/silences {"match":{"types":["a.*"]},"until":"1970-01-01T00:00:00Z"}`},
		{"end silence", func(c *client.Client) error { return c.EndSilence(ctx, "sil_1") }, `DELETE /v1/silences/sil_1 `},
		{"delete org", func(c *client.Client) error { return c.DeleteOrg(ctx, "acme") }, `DELETE /v1/orgs/acme `},
	}
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			c, tr := newClient(answer{status: 200, body: "{}"})
			if err := tt.call(c); err != nil {
				t.Fatal(err)
			}
			got := tr.seen[0]
			if line := got.method + " " + got.uri + " " + got.body; line != tt.want {
				t.Errorf("sent %s\nwant %s", line, tt.want)
			}
			if got.header.Get("Authorization") != "Bearer sk_test" || got.header.Get("X-Org-ID") != "acme" {
				t.Errorf("headers %v", got.header)
			}
			if has := got.header.Get("Content-Type") != ""; has != (got.body != "") {
				t.Errorf("content type %q for the body %q", got.header.Get("Content-Type"), got.body)
			}
		})
	}
}

func TestAnswersKeepTheirNumbers(t *testing.T) {
	c, _ := newClient(answer{status: 200, body: `{"id":"evt_1","type":"a","data":{"n":123456789012345678901234567890},"time":"2026-01-02T03:04:05Z"}`})
	e, err := c.Event(t.Context(), "evt_1")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := json.Marshal(e.Data); string(got) != `{"n":123456789012345678901234567890}` || e.Type != "a" || e.Time.IsZero() {
		t.Errorf("event %+v, data %s", e, got)
	}
}

func TestListsWalkAllPages(t *testing.T) {
	pages := []answer{
		{status: 200, body: `{"data":[{"id":"dlv_3"},{"id":"dlv_2"}],"next_cursor":"c 1"}`},
		{status: 200, body: `{"data":[{"id":"dlv_1","next_attempt_at":null}],"next_cursor":null}`},
	}
	c, tr := newClient(pages...)
	filter := client.DeliveryFilter{Status: "dead", Since: time.Unix(0, 0), PageSize: 2}
	var ids []string
	for d, err := range c.Deliveries(t.Context(), filter) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	if got := strings.Join(ids, " "); got != "dlv_3 dlv_2 dlv_1" {
		t.Errorf("got %s", got)
	}
	want := []string{
		"/v1/deliveries?limit=2&since=1970-01-01T00%3A00%3A00Z&status=dead",
		"/v1/deliveries?cursor=c+1&limit=2&since=1970-01-01T00%3A00%3A00Z&status=dead",
	}
	for i, s := range tr.seen {
		if s.uri != want[i] {
			t.Errorf("page %d: %s\nwant %s", i, s.uri, want[i])
		}
	}

	c, tr = newClient(pages...)
	for range c.Deliveries(t.Context(), client.DeliveryFilter{}) {
		break
	}
	if len(tr.seen) != 1 {
		t.Errorf("a loop that stops early made %d requests", len(tr.seen))
	}

	c, _ = newClient(pages[0], answer{status: 500})
	var failed int
	for _, err := range c.Deliveries(t.Context(), client.DeliveryFilter{}) {
		if err != nil {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("a failing page was told of %d times", failed)
	}
}

func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		name  string
		given answer
		want  client.Problem
		text  string
	}{
		{
			"field",
			answer{400, nil, `{"type":"urn:peal:problem:invalid","title":"Bad Request","status":400,"detail":"url is required","code":"invalid","field":"url"}`},
			client.Problem{Status: 400, Type: "urn:peal:problem:invalid", Title: "Bad Request", Detail: "url is required", Code: "invalid", Field: "url"},
			"peal: url is required [400 invalid]",
		},
		{
			"field not named in the detail",
			answer{400, nil, `{"detail":"too long","code":"invalid","field":"name"}`},
			client.Problem{Status: 400, Title: "Bad Request", Detail: "too long", Code: "invalid", Field: "name"},
			"peal: too long (name) [400 invalid]",
		},
		{
			"seconds to wait",
			answer{429, http.Header{"Retry-After": {"7"}}, `{"detail":"slow down","code":"too_many_requests"}`},
			client.Problem{Status: 429, Title: "Too Many Requests", Detail: "slow down", Code: "too_many_requests", RetryAfter: 7 * time.Second},
			"peal: slow down [429 too_many_requests]",
		},
		{
			"date to wait for",
			answer{503, http.Header{"Retry-After": {"Fri, 02 Jan 2026 03:04:15 GMT"}, "Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}}, ``},
			client.Problem{Status: 503, Title: "Service Unavailable", RetryAfter: 10 * time.Second},
			"peal: Service Unavailable [503]",
		},
		{
			"a proxy's page",
			answer{502, nil, `<html>`},
			client.Problem{Status: 502, Title: "Bad Gateway"},
			"peal: Bad Gateway [502]",
		},
		{
			"a redirect is not followed into success",
			answer{304, nil, ``},
			client.Problem{Status: 304, Title: "Not Modified"},
			"peal: Not Modified [304]",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := newClient(tt.given)
			_, err := c.Publish(t.Context(), client.Event{Type: "a"})
			p, ok := errors.AsType[*client.Problem](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if *p != tt.want {
				t.Errorf("got  %+v\nwant %+v", *p, tt.want)
			}
			if p.Error() != tt.text {
				t.Errorf("got %q, want %q", p.Error(), tt.text)
			}
		})
	}
}

func TestRetries(t *testing.T) {
	busy := func(seconds int) answer {
		return answer{status: 429, header: http.Header{"Retry-After": {strconv.Itoa(seconds)}}}
	}
	away := answer{status: 503}
	ok := answer{status: 200, body: "{}"}
	publish := func(opts ...client.PublishOption) func(context.Context, *client.Client) error {
		return func(ctx context.Context, c *client.Client) error {
			_, err := c.Publish(ctx, client.Event{Type: "a"}, opts...)
			return err
		}
	}
	for _, tt := range []struct {
		name    string
		answers []answer
		call    func(context.Context, *client.Client) error
		tries   int
		took    time.Duration
		status  int // of the error, 0 for success
	}{
		{"a key makes publishing repeatable", []answer{busy(3), ok}, publish(client.IdempotencyKey("k")), 2, 3 * time.Second, 0},
		{"without one it is tried once", []answer{busy(3), ok}, publish(), 1, 0, 429},
		{"doubling waits where the server names none", []answer{away, away, away, ok}, publish(client.IdempotencyKey("k")), 4, 1750 * time.Millisecond, 0},
		{"four tries in all", []answer{away}, publish(client.IdempotencyKey("k")), 4, 1750 * time.Millisecond, 503},
		{"a long wait is cut", []answer{busy(3600), ok}, publish(client.IdempotencyKey("k")), 2, 30 * time.Second, 0},
		{"other failures are final", []answer{{status: 500}}, publish(client.IdempotencyKey("k")), 1, 0, 500},
		{"ids make a batch repeatable", []answer{away, ok}, func(ctx context.Context, c *client.Client) error {
			_, err := c.PublishBatch(ctx, []client.Event{{ID: "1"}, {ID: "2"}})
			return err
		}, 2, 250 * time.Millisecond, 0},
		{"but all of them are needed", []answer{away, ok}, func(ctx context.Context, c *client.Client) error {
			_, err := c.PublishBatch(ctx, []client.Event{{ID: "1"}, {}})
			return err
		}, 1, 0, 503},
		{"reads", []answer{away, ok}, func(ctx context.Context, c *client.Client) error {
			_, err := c.Delivery(ctx, "dlv_1")
			return err
		}, 2, 250 * time.Millisecond, 0},
		{"creating is tried once", []answer{away, ok}, func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateEndpoint(ctx, client.Endpoint{})
			return err
		}, 1, 0, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, tr := newClient(tt.answers...)
				start := time.Now()
				err := tt.call(t.Context(), c)
				status := 0
				if p, ok := errors.AsType[*client.Problem](err); ok {
					status = p.Status
				} else if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); len(tr.seen) != tt.tries || took != tt.took || status != tt.status {
					t.Errorf("%d tries in %s, status %d; want %d in %s, status %d", len(tr.seen), took, status, tt.tries, tt.took, tt.status)
				}
				for _, s := range tr.seen[1:] {
					if s.body != tr.seen[0].body || s.header.Get("Idempotency-Key") != tr.seen[0].header.Get("Idempotency-Key") {
						t.Error("a repeated request differs from the first")
					}
				}
			})
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newClient(answer{status: 429, header: http.Header{"Retry-After": {"20"}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Delivery(ctx, "dlv_1")
		if _, ok := errors.AsType[*client.Problem](err); !ok || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// A server that answers at once, as one that is shutting down does, is not asked all the
// time.
func TestAwaitApprovalPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := answer{status: 200, body: `{"decision":"approval_required"}`}
		c, tr := newClient(waiting, waiting, answer{status: 200, body: `{"decision":"deny","blocked_by":"approval"}`})
		began := time.Now()
		r, err := c.AwaitApproval(t.Context(), "res_1")
		if err != nil || r.Decision != client.Deny || len(tr.seen) != 3 || time.Since(began) != 2*time.Second {
			t.Errorf("%+v after %d looks and %s, %v", r, len(tr.seen), time.Since(began), err)
		}
	})
}
