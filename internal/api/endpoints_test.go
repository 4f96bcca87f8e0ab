package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

func TestCreateEndpoint(t *testing.T) {
	s := newServer(t)
	made := s.call(adminKey, "POST", "/v1/endpoints", `{"url":"`+s.target+`"}`).want(201)
	if !strings.HasPrefix(made["secret"].(string), "whsec_") {
		t.Errorf("no secret was made: %v", made)
	}
	delete(made, "secret")
	id := made["id"].(string)
	want := map[string]any{
		"id": id, "name": "", "type": "webhook", "url": s.target, "events": []any{"*"}, "filter": "", "profile": "standard", "headers": map[string]any{}, "config": map[string]any{"url": s.target},
		"rate_limit": nil, "max_in_flight": nil, "mute_hours": nil, "group": nil, "digest": nil, "ordered": false, "retry": nil, "status": "active", "status_reason": "",
		"created_at": made["created_at"], "updated_at": made["updated_at"],
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, s.call(adminKey, "GET", "/v1/endpoints/"+strings.Replace(id, "ep_", "wh_", 1), "").want(200)); diff != "" {
		t.Errorf("read under its other spelling (-want +got):\n%s", diff)
	}
}

func TestEndpointSettings(t *testing.T) {
	s := newServer(t)
	const settings = `"name":"all","filter":"event.data.total > 100.0","profile":"nembl","rate_limit":2.5,"max_in_flight":3,"ordered":true,
		"retry":{"schedule":["1s","5m0s"],"timeout":"10s"}`
	made := s.call(adminKey, "POST", "/v1/endpoints", `{"events":["a.*","b"],"config":{"url":"`+s.target+`","secret":"given","headers":{"X-A":"1"}},`+settings+`}`).want(201)
	if made["secret"] != "given" || made["url"] != s.target {
		t.Errorf("from config: %v", made)
	}
	same := func(got map[string]any, want string) {
		t.Helper()
		var w map[string]any
		if err := json.Unmarshal([]byte("{"+want+"}"), &w); err != nil {
			t.Fatal(err)
		}
		for name, value := range w {
			if diff := cmp.Diff(value, got[name]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
	path := "/v1/endpoints/" + made["id"].(string)
	same(made, settings+`,"events":["a.*","b"],"headers":{"X-A":"***"}`)
	same(s.call(adminKey, "PATCH", path, `{}`).want(200), settings)
	same(s.call(adminKey, "PATCH", path, `{"name":"some","events":["c"],"retry":{"schedule":[]}}`).want(200),
		`"name":"some","events":["c"],"retry":{"schedule":[]},"rate_limit":2.5`)
	for field, bad := range map[string]string{"events": `{"events":[]}`, "rate_limit": `{"rate_limit":0}`, "max_in_flight": `{"max_in_flight":0}`} {
		if p := s.call(adminKey, "PATCH", path, bad).problem(400, peal.CodeInvalid); p.Field != field {
			t.Errorf("%s: %+v", bad, p)
		}
	}
	same(s.call(adminKey, "PATCH", path, `{"name":null,"events":null,"filter":null,"rate_limit":null,"max_in_flight":null,"ordered":null,"retry":null,"headers":null}`).want(200),
		`"name":"","events":["*"],"filter":"","rate_limit":null,"max_in_flight":null,"ordered":false,"retry":null,"headers":{}`)
	s.call(adminKey, "PATCH", path, `{"retry":{"shedule":[]}}`).problem(400, peal.CodeInvalid)
	s.call(adminKey, "PATCH", path, `{"type":"slack"}`).problem(400, peal.CodeInvalid)
	s.call(adminKey, "PATCH", path, `{"filter":"event.data.total >"}`).problem(400, peal.CodeInvalid)
}

func TestEndpointActions(t *testing.T) {
	s := newServer(t)
	id := s.newEndpoint(adminKey, `,"headers":{"X-Custom":"shown to nobody"}`)
	path := "/v1/endpoints/" + id
	if got := s.call(adminKey, "POST", path+"/pause", "").want(200)["status"]; got != "paused" {
		t.Errorf("paused: %v", got)
	}
	if got := s.call(adminKey, "POST", path+"/resume", "").want(200)["status"]; got != "active" {
		t.Errorf("resumed: %v", got)
	}
	old := s.stored(id).Private.Secrets[0].Value
	rotated := s.call(adminKey, "POST", path+"/rotate-secret", "").want(200)["secret"]
	secrets := s.stored(id).Private.Secrets
	if rotated == old || len(secrets) != 2 || secrets[0].Value != rotated || secrets[1].Value != old {
		t.Errorf("rotated: %d secrets", len(secrets))
	}
	s.call(adminKey, "POST", path+"/rotate-secret", `{"overlap":"0s"}`).want(200)
	if n := len(s.stored(id).Private.Secrets); n != 1 {
		t.Errorf("rotated without an overlap: %d secrets", n)
	}
	if p := s.call(adminKey, "POST", path+"/rotate-secret", `{"overlap":"a day"}`).problem(400, peal.CodeInvalid); p.Field != "overlap" {
		t.Errorf("field %q", p.Field)
	}

	typed := s.call(adminKey, "POST", path+"/test", `{"type":"budget.exceeded"}`).want(200)
	if ev := s.call(adminKey, "GET", "/v1/events/"+typed["event_id"].(string), "").want(200); ev["type"] != "budget.exceeded" || ev["severity"] != "high" || len(ev["data"].(map[string]any)) == 0 {
		t.Errorf("a test of a type: %v", ev)
	}
	if p := s.call(adminKey, "POST", path+"/test", `{"type":"no.such"}`).problem(400, peal.CodeInvalid); p.Field != "type" {
		t.Errorf("a test of no type: %+v", p)
	}
	result := s.call(adminKey, "POST", path+"/test", "").want(200)
	if result["success"] != true || result["status_code"] != 200.0 || len(result) != 5 {
		t.Errorf("tested: %v", result)
	}
	attempt := s.call(adminKey, "GET", "/v1/deliveries/"+result["delivery_id"].(string), "").want(200)["attempts"].([]any)[0].(map[string]any)
	headers := attempt["request_headers"].(map[string]any)
	if headers["X-Custom"] != "***" || headers["webhook-id"] != result["event_id"] || !strings.HasPrefix(headers["webhook-signature"].(string), "v1,") {
		t.Errorf("its request headers: %v", headers)
	}
	want := map[string]any{
		"number": 1.0, "started_at": attempt["started_at"], "duration_ms": attempt["duration_ms"], "status_code": 200.0, "error": nil,
		"request_headers": headers, "response_body": "thanks\n",
	}
	if diff := cmp.Diff(want, attempt); diff != "" {
		t.Errorf("its attempt (-want +got):\n%s", diff)
	}
	if got := s.call(adminKey, "GET", path+"/stats", "").want(200); got["step_seconds"] != 60.0 {
		t.Errorf("stats: %v", got)
	}
	if r := s.call(adminKey, "DELETE", path, ""); r.Status != 204 || r.Body != "" {
		t.Errorf("deleted: %d %q", r.Status, r.Body)
	}
	s.call(adminKey, "GET", path, "").problem(404, peal.CodeNotFound)
}

func TestPlansWithoutWebhooksRefuseThem(t *testing.T) {
	s := newServer(t)
	key := s.key("acme", peal.Admin)
	s.call(adminKey, "PATCH", "/v1/orgs/acme", `{"plan":"free"}`).want(200)
	body := `{"url":"` + s.target + `"}`
	s.call(key, "POST", "/v1/endpoints", body).problem(402, peal.CodePlan)
	s.call(key, "POST", "/api/v1/admin/webhooks", body).problem(402, peal.CodePlan)
}

func TestListsArePaged(t *testing.T) {
	s := newServer(t)
	var want []string
	for range 5 {
		want = append(want, s.newEndpoint(adminKey, ""))
	}
	for list, least := range map[string]int{"/v1/endpoints": 5, "/v1/event-types": 20, "/v1/profiles": 5, "/v1/audit": 6, "/v1/orgs": 1, "/v1/keys": 0} {
		seen, cursor := map[string]bool{}, ""
		for range 100 {
			page := s.call(adminKey, "GET", list+"?limit=2&cursor="+cursor, "").want(200)
			for _, row := range page["data"].([]any) {
				seen[mustJSON(t, row)] = true
			}
			if page["next_cursor"] == nil {
				break
			}
			cursor = page["next_cursor"].(string)
		}
		if len(seen) < least {
			t.Errorf("%s: %d rows, want at least %d", list, len(seen), least)
		}
		if all := s.call(adminKey, "GET", list+"?limit=500", "").want(200)["data"].([]any); len(all) != len(seen) {
			t.Errorf("%s: %d rows in pages, %d at once", list, len(seen), len(all))
		}
	}
	newest := s.call(adminKey, "GET", "/v1/endpoints?limit=1", "").want(200)["data"].([]any)[0].(map[string]any)["id"]
	if newest != want[4] {
		t.Errorf("first comes %v, want the newest, %v", newest, want[4])
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
