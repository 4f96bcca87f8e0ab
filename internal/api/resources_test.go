package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

func TestOrgs(t *testing.T) {
	s := newServer(t)
	made := s.call(adminKey, "POST", "/v1/orgs", `{"id":"acme","name":"Acme","profile":"nolxy","plan":"pro"}`).want(201)
	want := map[string]any{
		"id": "acme", "name": "Acme", "profile": "nolxy", "plan": "pro", "created_at": made["created_at"], "updated_at": made["updated_at"],
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	s.call(adminKey, "POST", "/v1/orgs", `{"id":"acme","name":"Acme"}`).problem(409, peal.CodeConflict)
	s.call(adminKey, "POST", "/v1/orgs", `{"id":"ACME","name":"Acme"}`).problem(400, peal.CodeInvalid)
	patched := s.call(adminKey, "PATCH", "/v1/orgs/acme", `{"profile":null}`).want(200)
	if patched["profile"] != "" || patched["plan"] != "pro" {
		t.Errorf("changed: %v", patched)
	}
	if r := s.call(adminKey, "DELETE", "/v1/orgs/acme", ""); r.Status != 204 {
		t.Errorf("deleted: %d %s", r.Status, r.Body)
	}
	s.call(adminKey, "GET", "/v1/orgs/acme", "").problem(404, peal.CodeNotFound)
}

func TestKeys(t *testing.T) {
	s := newServer(t)
	made := s.call(adminKey, "POST", "/v1/keys", `{"name":"ci","role":"viewer"}`).want(201)
	id, key := made["id"].(string), made["key"].(string)
	s.call(key, "GET", "/v1/events", "").want(200)
	delete(made, "key")
	if diff := cmp.Diff(made, s.call(key, "GET", "/v1/keys/"+id, "").want(200)); diff != "" {
		t.Errorf("read (-made +read):\n%s", diff)
	}
	fresh := s.call(adminKey, "POST", "/v1/keys/"+id+"/rotate", "").want(200)["key"].(string)
	s.call(key, "GET", "/v1/events", "").problem(401, peal.CodeUnauthorized)
	s.call(fresh, "GET", "/v1/events", "").want(200)
	if r := s.call(adminKey, "DELETE", "/v1/keys/"+id, ""); r.Status != 204 {
		t.Errorf("deleted: %d", r.Status)
	}
	s.call(fresh, "GET", "/v1/events", "").problem(401, peal.CodeUnauthorized)
	s.call(adminKey, "POST", "/v1/keys", `{"name":"ci","role":"king"}`).problem(400, peal.CodeInvalid)
	s.call(adminKey, "POST", "/v1/keys/key_0/rotate", "").problem(404, peal.CodeNotFound)

	trail := s.call(adminKey, "GET", "/v1/audit?limit=1", "").want(200)["data"].([]any)[0].(map[string]any)
	if trail["actor"] != "admin" || trail["action"] != "key.deleted" || trail["object"] != id {
		t.Errorf("the audit trail: %v", trail)
	}
}

func TestEventTypes(t *testing.T) {
	s := newServer(t)
	own := s.call(adminKey, "POST", "/v1/event-types", `{"name":"order/paid","description":"Paid.","schema":{"type":"object","required":["total"]}}`).want(201)
	if own["enforced"] != true || own["source"] != "org" || own["example"] != nil {
		t.Errorf("registered: %v", own)
	}
	s.call(adminKey, "POST", "/v1/event-types", `{"name":"order/paid"}`).problem(409, peal.CodeConflict)
	if diff := cmp.Diff(own, s.call(adminKey, "GET", "/v1/event-types/order%2Fpaid", "").want(200)); diff != "" {
		t.Errorf("read (-made +read):\n%s", diff)
	}
	s.call(adminKey, "POST", "/v1/events", `{"type":"order/paid","data":{}}`).problem(400, peal.CodeInvalid)
	s.call(adminKey, "POST", "/v1/events", `{"type":"order/paid","data":{"total":1}}`).want(202)

	catalogued := s.call(adminKey, "GET", "/v1/event-types/budget.exceeded", "").want(200)
	if catalogued["source"] != "curate-me" || catalogued["enforced"] != false || catalogued["schema"] == nil || catalogued["example"] == nil {
		t.Errorf("the catalogue's: %v", catalogued)
	}
	s.call(adminKey, "PUT", "/v1/event-types/budget.exceeded", `{"schema":{"type":"object"}}`).want(200)
	if got := s.call(adminKey, "GET", "/v1/event-types/budget.exceeded", "").want(200); got["source"] != "org" {
		t.Errorf("the org's own does not win: %v", got)
	}
	if r := s.call(adminKey, "DELETE", "/v1/event-types/budget.exceeded", ""); r.Status != 204 {
		t.Errorf("deleted: %d", r.Status)
	}
	if got := s.call(adminKey, "GET", "/v1/event-types/budget.exceeded", "").want(200); got["source"] != "curate-me" {
		t.Errorf("the catalogue's is gone: %v", got)
	}
	s.call(adminKey, "GET", "/v1/event-types/nope", "").problem(404, peal.CodeNotFound)
	s.call(adminKey, "PUT", "/v1/event-types/bad%20name", `{}`).problem(400, peal.CodeInvalid)
	s.call(adminKey, "PUT", "/v1/event-types/x", `{"schema":{"type":"no such type"}}`).problem(400, peal.CodeInvalid)
}

func TestProfiles(t *testing.T) {
	s := newServer(t)
	found := map[string]map[string]any{}
	for _, row := range s.call(adminKey, "GET", "/v1/profiles", "").want(200)["data"].([]any) {
		p := row.(map[string]any)
		found[p["name"].(string)] = p
	}
	for name, want := range map[string]struct {
		timeout, exhausted, header string
		waits                      int
	}{
		"standard": {"15s", "dead", "webhook-signature", 9}, "nemo": {"10s", "dropped", "X-Nemo-Signature", 0},
		"curate-me": {"10s", "dead", "X-Webhook-Event", 5}, "nembl": {"30s", "dead", "x-webhook-signature", 5}, "nolxy": {"5s", "dead", "X-Nolxy-Signature", 3},
	} {
		p := found[name]
		if p == nil || p["timeout"] != want.timeout || p["exhausted"] != want.exhausted || len(p["schedule"].([]any)) != want.waits ||
			!strings.Contains(strings.ToLower(mustJSON(t, p["headers"])), strings.ToLower(want.header)) {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func TestExplain(t *testing.T) {
	s := newServer(t)
	s.newEndpoint(adminKey, `,"name":"all"`)
	s.newEndpoint(adminKey, `,"name":"others","events":["budget.*"]`)
	s.newEndpoint(adminKey, `,"name":"dear","filter":"event.data.total > 100.0"`)
	s.newEndpoint(adminKey, `,"name":"lacking","filter":"event.data.amount > 1"`)
	s.newEndpoint(adminKey, `,"name":"no answer","filter":"event.data.total"`)
	was := s.newEndpoint(adminKey, `,"name":"was dear","filter":"event.data.total > 100.0"`)
	event, delivery := s.published(adminKey)
	if plain := s.call(adminKey, "GET", "/v1/events/"+event, "").want(200); plain["explain"] != nil || plain["data"].(map[string]any)["total"] != 1.0 {
		t.Errorf("unexplained: %v", plain)
	}
	s.call(adminKey, "PATCH", "/v1/endpoints/"+was, `{"filter":null}`).want(200)
	for accepted := time.Now().UnixMilli(); time.Now().UnixMilli() == accepted; { // an event's time is known to the millisecond
	}
	s.newEndpoint(adminKey, `,"name":"new"`)
	got := map[string]any{}
	for _, row := range s.call(adminKey, "GET", "/v1/events/"+event+"?explain=true", "").want(200)["explain"].([]any) {
		v := row.(map[string]any)
		got[v["name"].(string)] = []any{v["outcome"], v["delivery_id"], v["detail"]}
	}
	want := map[string]any{
		"all": []any{"pending", delivery, nil}, "others": []any{"type", nil, nil}, "dear": []any{"filter", nil, nil},
		"lacking":   []any{"filter", nil, "no such key: amount"},
		"no answer": []any{"filter", nil, "the filter answered int, not true or false"},
		"was dear":  []any{"changed", nil, nil}, "new": []any{"later", nil, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("explained (-want +got):\n%s", diff)
	}
}

func TestDeliveries(t *testing.T) {
	s := newServer(t)
	ep := s.newEndpoint(adminKey, "")
	event, id := s.published(adminKey)
	path := "/v1/deliveries/" + id
	row := s.call(adminKey, "GET", "/v1/deliveries", "").want(200)["data"].([]any)[0].(map[string]any)
	want := map[string]any{
		"id": id, "event_id": event, "event_type": "order.paid", "endpoint_id": ep, "status": "pending", "reason": "",
		"attempt_count": 0.0, "retry_count": 0.0, "next_attempt_at": row["next_attempt_at"], "last_status_code": nil, "last_error": nil,
		"created_at": row["created_at"], "finished_at": nil,
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if row["next_attempt_at"] == nil {
		t.Error("nothing is due")
	}
	for query, n := range map[string]int{
		"status=pending": 1, "status=dead": 0, "type=order.paid": 1, "type=x": 0, "event=" + event: 1,
		"endpoint=" + ep: 1, "endpoint=" + strings.Replace(ep, "ep_", "wh_", 1): 1, "endpoint=" + peal.NewEndpointID(time.Now()).String(): 0,
		"since=2020-01-01T00:00:00Z": 1,
	} {
		if got := s.call(adminKey, "GET", "/v1/deliveries?"+query, "").want(200)["data"].([]any); len(got) != n {
			t.Errorf("%s: %d rows, want %d", query, len(got), n)
		}
	}
	payload := s.call(adminKey, "GET", path+"/payload", "")
	if payload.Status != 200 || payload.Header.Get("Content-Type") != "application/json" || !strings.HasSuffix(payload.Body, `,"data":{"total":1}}`) {
		t.Errorf("payload: %d %v %s", payload.Status, payload.Header, payload.Body)
	}
	s.call(adminKey, "GET", path+"/payload?attempt=2", "").problem(404, peal.CodeNotFound)

	if got := s.call(adminKey, "POST", path+"/cancel", "").want(200); got["status"] != "cancelled" || got["id"] != id {
		t.Errorf("cancelled: %v", got)
	}
	s.call(adminKey, "POST", path+"/cancel", "").problem(409, peal.CodeConflict)
	s.call(adminKey, "GET", "/v1/deliveries?endpoint="+peal.EndpointID{}.String(), "").problem(400, peal.CodeInvalid)
	replay := s.call(adminKey, "POST", "/v1/replays", `{"filter":{"endpoint":"`+ep+`","status":"cancelled","type":"order.paid","since":"2020-01-01T00:00:00Z"}}`).want(202)
	if replay["deliveries"] != 1.0 || replay["finished"] != true || replay["id"] == "" {
		t.Errorf("replayed: %v", replay)
	}
	if got := s.call(adminKey, "POST", path+"/retry", "").want(202); got["status"] != "pending" {
		t.Errorf("retried: %v", got)
	}
	s.call(adminKey, "POST", "/v1/replays", `{"filter":{"event":"nope"}}`).problem(404, peal.CodeNotFound)
	s.call(adminKey, "POST", "/v1/replays", `{}`).problem(400, peal.CodeInvalid)
}

// What people do to deliveries stands in the audit trail.
func TestDeedsByHandAreAudited(t *testing.T) {
	s := newServer(t)
	owner := s.key("acme", peal.Admin)
	ep := s.newEndpoint(owner, `,"profile":"curate-me"`)
	event, delivery := s.published(owner)
	actor := s.call(owner, "GET", "/v1/keys", "").want(200)["data"].([]any)[0].(map[string]any)["id"]
	for _, deed := range []struct {
		path, body     string
		status         int
		action, object string
		detail         any
	}{
		{"/v1/deliveries/" + delivery + "/retry", "", 202, "delivery.retry", delivery, nil},
		{"/api/v1/admin/webhooks/" + ep + "/deliveries/" + delivery + "/retry", "", 202, "delivery.retry", delivery, nil},
		{"/v1/deliveries/" + delivery + "/cancel", "", 200, "delivery.cancel", delivery, nil},
		{"/v1/deliveries/" + delivery + "/cancel", "", 409, "delivery.cancel", delivery, nil}, // asked for, and refused
		{"/v1/replays", `{"filter":{"event":"` + event + `"}}`, 202, "deliveries.replay", "acme", map[string]any{"event": event}},
		{"/v1/discards", `{"deliveries":["` + delivery + `"]}`, 200, "deliveries.discard", "acme", map[string]any{"deliveries": []any{delivery}}},
	} {
		before := s.call(owner, "GET", "/v1/audit", "").want(200)["data"].([]any)
		s.call(owner, "POST", deed.path, deed.body).want(deed.status)
		trail := s.call(owner, "GET", "/v1/audit", "").want(200)["data"].([]any)
		if len(trail) != len(before)+1 {
			t.Errorf("%s leaves %d entries", deed.path, len(trail)-len(before))
			continue
		}
		got := trail[0].(map[string]any)
		want := map[string]any{"id": got["id"], "time": got["time"], "actor": actor, "action": deed.action, "object": deed.object, "detail": deed.detail}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", deed.path, diff)
		}
	}
	before := s.call(owner, "GET", "/v1/audit", "").Body
	s.call(owner, "POST", "/v1/deliveries/"+strings.Replace(delivery, "dlv_0", "dlv_1", 1)+"/retry", "").problem(404, peal.CodeNotFound)
	if after := s.call(owner, "GET", "/v1/audit", "").Body; after != before {
		t.Error("a delivery that does not exist leaves an entry")
	}
}

// There is nobody left to send to.
func TestRetryOfADeletedEndpointsDelivery(t *testing.T) {
	s := newServer(t)
	ep := s.newEndpoint(adminKey, "")
	_, delivery := s.published(adminKey)
	s.call(adminKey, "POST", "/v1/deliveries/"+delivery+"/cancel", "").want(200)
	if r := s.call(adminKey, "DELETE", "/v1/endpoints/"+ep, ""); r.Status != 204 {
		t.Fatalf("%d: %s", r.Status, r.Body)
	}
	s.call(adminKey, "POST", "/v1/deliveries/"+delivery+"/retry", "").problem(409, peal.CodeConflict)
}
