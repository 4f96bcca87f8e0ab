package api

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

// local is a request of a document with nothing but the host of its URL changed.
func (s *server) local(document, host string) string {
	return strings.ReplaceAll(document, host, s.host())
}

func (s *server) host() string {
	return strings.TrimSuffix(strings.TrimPrefix(s.target, "https://"), "/hooks")
}

func TestCurateMe(t *testing.T) {
	s := newServer(t)
	const path = "/api/v1/admin/webhooks"
	created := s.call(adminKey, "POST", path, s.local(`{
"url": "https://your-app.com/webhooks/curate-me",
"events": [
"budget.exceeded",
"budget.warning",
"guardrail.triggered",
"approval.requested",
"agent.failed"
],
"secret": "whsec_your_signing_secret"
}`, "your-app.com"), "X-Org-ID", "default").want(201)
	id := created["id"].(string)
	want := map[string]any{
		"id": id, "url": "https://" + s.host() + "/webhooks/curate-me", "status": "active", "created_at": created["created_at"],
		"events": []any{"budget.exceeded", "budget.warning", "guardrail.triggered", "approval.requested", "agent.failed"},
	}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if at := created["created_at"].(string); len(at) != len("2026-05-04T15:00:00Z") || !strings.HasPrefix(id, "wh_") {
		t.Errorf("id %s, created_at %s", id, at)
	}
	if ep := s.stored(id); ep.Profile != "curate-me" || ep.Private.Secrets[0].Value != "whsec_your_signing_secret" {
		t.Errorf("the endpoint: profile %s", ep.Profile)
	}
	list := s.call(adminKey, "GET", path, "").want(200)
	if diff := cmp.Diff(map[string]any{"webhooks": []any{want}, "total": 1.0}, list); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	patched := s.call(adminKey, "PATCH", path+"/"+id, s.local(`{
"events": ["budget.exceeded", "agent.failed"],
"url": "https://your-app.com/webhooks/v2/curate-me"
}`, "your-app.com")).want(200)
	want["events"], want["url"] = []any{"budget.exceeded", "agent.failed"}, "https://"+s.host()+"/webhooks/v2/curate-me"
	if diff := cmp.Diff(want, patched); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	// It does not know every member that its clients send.
	if got := s.call(adminKey, "POST", path, `{"url":"`+s.target+`","description":"x","headers":{}}`).want(201); got["secret"] == nil {
		t.Error("the secret that was made up is not shown")
	}

	// The third is suppressed, and so no part of the history.
	for _, event := range []string{"agent.failed", "budget.exceeded", "agent.failed"} {
		s.call(adminKey, "POST", "/v1/events", `{"type":"`+event+`","data":{}}`).want(202)
	}
	history := s.call(adminKey, "GET", path+"/"+id+"/deliveries?offset=1&limit=20", "").want(200)
	rows := history["deliveries"].([]any)
	if history["total"] != 2.0 || len(rows) != 1 {
		t.Fatalf("history: %v", history)
	}
	row := rows[0].(map[string]any)
	wantRow := map[string]any{
		"id": row["id"], "event_type": "agent.failed", "status": "pending", "status_code": nil, "latency_ms": nil, "retry_count": 0.0,
		"created_at": row["created_at"],
	}
	if diff := cmp.Diff(wantRow, row); diff != "" {
		t.Errorf("a row (-want +got):\n%s", diff)
	}
	retry := "/deliveries/" + row["id"].(string) + "/retry"
	s.call(adminKey, "POST", path+"/"+id+retry, "").want(202)
	s.call(adminKey, "POST", path+"/"+s.newEndpoint(adminKey, "")+retry, "").problem(404, peal.CodeNotFound)

	if r := s.call(adminKey, "DELETE", path+"/"+id, ""); r.Status != 204 {
		t.Errorf("deleted: %d", r.Status)
	}
	s.call(adminKey, "GET", path+"/"+id, "").problem(404, peal.CodeNotFound)
}

func TestLatencyIsTheLastAttempts(t *testing.T) {
	s := newServer(t)
	id := s.newEndpoint(adminKey, "")
	s.call(adminKey, "POST", "/v1/endpoints/"+id+"/test", "").want(200)
	row := s.call(adminKey, "GET", "/api/v1/admin/webhooks/"+id+"/deliveries", "").want(200)["deliveries"].([]any)[0].(map[string]any)
	if ms, ok := row["latency_ms"].(float64); !ok || ms < 1 || ms != math.Trunc(ms) || row["status_code"] != 200.0 {
		t.Errorf("%v", row)
	}
}

func TestNemo(t *testing.T) {
	s := newServer(t)
	made := s.call(adminKey, "POST", "/nemo/channel/new", s.local(`{
"name": "Production alerts",
"channel_type": "webhook",
"config": {
"url": "https://hooks.your-app.com/nemo",
"secret": "whsec_a-long-random-string",
"headers": {
"X-Custom-Header": "optional"
}
},
"is_active": true
}`, "hooks.your-app.com")).want(200)
	id := made["id"].(string)
	want := map[string]any{
		"id": id, "name": "Production alerts", "channel_type": "webhook", "is_active": true, "created_at": made["created_at"],
		"config": map[string]any{"url": "https://" + s.host() + "/nemo", "headers": map[string]any{"X-Custom-Header": "***"}},
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	ep := s.stored(id)
	if ep.Profile != "nemo" || ep.Private.Secrets[0].Value != "whsec_a-long-random-string" || ep.Private.Headers["X-Custom-Header"] != "optional" {
		t.Errorf("the endpoint: %+v", ep)
	}
	if diff := cmp.Diff(map[string]any{"channels": []any{want}}, s.call(adminKey, "GET", "/nemo/channel/list", "").want(200)); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}

	want["is_active"], want["name"] = false, "Quiet"
	updated := s.call(adminKey, "POST", "/nemo/channel/update", `{"channel_id":"`+id+`","name":"Quiet","is_active":false,"config":{"secret":"new"},"colour":1}`).want(200)
	if diff := cmp.Diff(want, updated); diff != "" {
		t.Errorf("updated (-want +got):\n%s", diff)
	}
	if ep := s.stored(id); ep.Status != peal.Paused || ep.Private.Secrets[0].Value != "new" {
		t.Errorf("updated: %+v", ep)
	}
	for _, bind := range []struct {
		name, types string
		bound       []peal.Pattern
		takes       map[string]bool
	}{
		{"id", `"budget.threshold"`, []peal.Pattern{"budget.threshold"}, map[string]bool{"budget.threshold": true, "admin.user.added": false}},
		{"id", `"budget.threshold","admin.*"`, []peal.Pattern{"budget.threshold", "admin.*"}, map[string]bool{"admin.user.added": true, "key.created": false}},
		{"channel_id", "", []peal.Pattern{}, map[string]bool{"key.created": true}},
	} {
		bound := s.call(adminKey, "POST", "/nemo/channel/bind", `{"`+bind.name+`":"`+id+`","event_types":[`+bind.types+`]}`).want(200)
		if diff := cmp.Diff(want, bound); diff != "" {
			t.Errorf("bound (-want +got):\n%s", diff)
		}
		bindings := s.Directory.BindingsOf(peal.DefaultOrg, ep.ID)
		if len(bindings) != 1 || !slices.Equal(bindings[0].Match.Types, bind.bound) {
			t.Errorf("bound to %v, want %q", bindings, bind.bound)
		}
		for eventType, want := range bind.takes {
			got := must[[]*peal.Endpoint](t)(matched(s, eventType))
			if len(got) == 1 != want {
				t.Errorf("bound to %q, it is sent %s: %v", bind.bound, eventType, len(got) == 1)
			}
		}
	}
	s.call(adminKey, "POST", "/nemo/channel/bind", `{"id":"`+id+`","event_types":["b*"]}`).problem(400, peal.CodeInvalid)
	s.call(adminKey, "POST", "/nemo/channel/bind", `{"id":"`+id+`"}`).problem(400, peal.CodeInvalid)
	s.call(adminKey, "POST", "/nemo/channel/bind", `{"event_types":[]}`).problem(404, peal.CodeNotFound)
	if got := s.call(adminKey, "POST", "/nemo/channel/delete", `{"channel_id":"`+id+`"}`).want(200); got["deleted"] != true {
		t.Errorf("deleted: %v", got)
	}
	s.call(adminKey, "POST", "/nemo/channel/delete", `{"id":"`+id+`"}`).problem(404, peal.CodeNotFound)
}

func matched(s *server, eventType string) ([]*peal.Endpoint, error) {
	endpoints, _, err := s.Directory.Match(peal.DefaultOrg, &peal.Event{Type: eventType}, peal.EndpointID{})
	return endpoints, err
}

func TestNemoChannelTest(t *testing.T) {
	s := newServer(t)
	result := s.call(adminKey, "POST", "/nemo/channel/test", s.local(`{
"channel_type": "webhook",
"config": {
"url": "https://hooks.your-app.com/nemo",
"secret": "whsec_a-long-random-string"
}
}`, "hooks.your-app.com")).want(200)
	if result["success"] != true || result["status_code"] != 200.0 || result["message"] == "" || len(result) != 3 {
		t.Errorf("%v", result)
	}
	for _, list := range []string{"/v1/events", "/v1/deliveries", "/nemo/channel/list"} {
		for _, rows := range s.call(adminKey, "GET", list, "").want(200) {
			if rows, ok := rows.([]any); ok && len(rows) != 0 {
				t.Errorf("%s: the test was recorded: %v", list, rows)
			}
		}
	}
	for _, route := range []string{"new", "test"} {
		for field, body := range map[string]string{
			"url":          `{"channel_type":"webhook","config":{"url":"http://127.0.0.1/nemo"}}`,
			"channel_type": `{"channel_type":"pigeon","config":{"url":"https://127.0.0.1/nemo"}}`,
			"config":       `{"channel_type":"webhook"}`,
		} {
			p := s.call(adminKey, "POST", "/nemo/channel/"+route, body).problem(400, peal.CodeInvalid)
			if field != "config" && p.Field != field {
				t.Errorf("%s: field %q, want %q", route, p.Field, field)
			}
		}
		s.call(adminKey, "POST", "/nemo/channel/"+route, `{"channel_type":"webhook","config":{"url":"https://169.254.169.254/"}}`).problem(400, peal.CodeInvalid)
	}
	quiet := s.call(adminKey, "POST", "/nemo/channel/new", `{"channel_type":"webhook","config":{"url":"`+s.target+`"},"is_active":false}`).want(200)
	if ep := s.stored(quiet["id"].(string)); ep.Status != peal.Paused || len(ep.Private.Secrets) != 0 {
		t.Errorf("not active, without a secret: %+v", ep)
	}
}
