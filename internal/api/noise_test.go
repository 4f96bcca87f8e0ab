package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// newBinding binds an endpoint to everything and gives the binding's id.
func (s *server) newBinding(key, endpoint string) string {
	s.t.Helper()
	return s.call(key, "POST", "/v1/bindings", `{"endpoint":"`+endpoint+`"}`).want(201)["id"].(string)
}

// newSilence makes a silence that is in force, with more members, and gives its id.
func (s *server) newSilence(key, more string) string {
	s.t.Helper()
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	return s.call(key, "POST", "/v1/silences", `{"until":"`+until+`"`+more+`}`).want(201)["id"].(string)
}

// outcomes publishes an event and tells what became of it, by endpoint.
func (s *server) outcomes(event string) map[string]Verdict {
	s.t.Helper()
	id := s.call(adminKey, "POST", "/v1/events", event).want(202)["id"].(string)
	out := map[string]Verdict{}
	for _, row := range s.call(adminKey, "GET", "/v1/events/"+id+"?explain=true", "").want(200)["explain"].([]any) {
		v := row.(map[string]any)
		detail, _ := v["detail"].(string)
		out[v["endpoint_id"].(string)] = Verdict{Outcome: v["outcome"].(string), Detail: detail}
	}
	return out
}

func TestBindingsDecideInsteadOfTheSubscription(t *testing.T) {
	s := newServer(t)
	plain := s.newEndpoint(adminKey, "")
	bound := s.newEndpoint(adminKey, `,"events":["order.*"],"filter":"event.subject != 'x'"`)
	check := func(event, want string) {
		t.Helper()
		got := s.outcomes(event)
		if got[bound].Outcome != want || got[plain].Outcome != "pending" {
			t.Errorf("%s: %+v, want %s", event, got, want)
		}
	}
	check(`{"type":"order.paid"}`, "pending")
	check(`{"type":"key.created"}`, "type")

	first := s.call(adminKey, "POST", "/v1/bindings", `{"match":{"types":["budget.*"],"severities":["critical"]},"endpoint":"`+bound+`"}`).want(201)
	second := s.call(adminKey, "POST", "/v1/bindings", `{"match":{"filter":"event.data.total > 100.0"},"endpoint":"`+strings.Replace(bound, "ep_", "wh_", 1)+`"}`).want(201)
	check(`{"type":"order.paid"}`, "binding")
	check(`{"type":"budget.warning","severity":"critical"}`, "pending")
	check(`{"type":"budget.warning","severity":"high"}`, "binding")
	check(`{"type":"order.paid","data":{"total":101}}`, "pending")
	check(`{"type":"order.paid","subject":"x","data":{"total":101}}`, "filter") // the endpoint's own still holds

	changed := s.call(adminKey, "PATCH", "/v1/bindings/"+first["id"].(string), `{"match":{"types":["budget.exceeded"]}}`).want(200)
	if changed["endpoint"] != bound || len(changed["match"].(map[string]any)) != 1 {
		t.Errorf("changed: %v", changed)
	}
	check(`{"type":"budget.warning","severity":"critical"}`, "binding")

	s.call(adminKey, "DELETE", "/v1/bindings/"+first["id"].(string), "").want(204)
	s.call(adminKey, "DELETE", "/v1/bindings/"+second["id"].(string), "").want(204)
	check(`{"type":"order.paid"}`, "pending")
	check(`{"type":"key.created"}`, "type")
	s.call(adminKey, "GET", "/v1/bindings/"+second["id"].(string), "").problem(404, peal.CodeNotFound)

	// Bindings go with their endpoint.
	s.newBinding(adminKey, bound)
	s.call(adminKey, "DELETE", "/v1/endpoints/"+bound, "").want(204)
	if rows := s.call(adminKey, "GET", "/v1/bindings", "").want(200)["data"].([]any); len(rows) != 0 {
		t.Errorf("bindings of no endpoint: %v", rows)
	}
}

func TestBindingsThatAreRefused(t *testing.T) {
	s := newServer(t)
	ep := s.newEndpoint(adminKey, "")
	for field, match := range map[string]string{
		"match.types":      `{"types":["b*"]}`,
		"match.severities": `{"severities":["loud"]}`,
		"match.filter":     `{"filter":"event.nothing"}`,
	} {
		if p := s.call(adminKey, "POST", "/v1/bindings", `{"match":`+match+`,"endpoint":"`+ep+`"}`).problem(400, peal.CodeInvalid); !strings.HasPrefix(p.Field, field) {
			t.Errorf("%s: field %q", match, p.Field)
		}
	}
	s.call(adminKey, "POST", "/v1/bindings", `{"endpoint":"ep_none"}`).problem(404, peal.CodeNotFound)
	s.call(adminKey, "POST", "/v1/bindings", `{}`).problem(400, peal.CodeInvalid)
}

func TestSilences(t *testing.T) {
	s := newServer(t)
	quiet, loud := s.newEndpoint(adminKey, ""), s.newEndpoint(adminKey, "")
	silence := s.newSilence(adminKey, `,"comment":"maintenance","match":{"types":["order.*"],"severities":["info","high"],"endpoints":["`+quiet+`"],"filter":"event.subject == 'shop'"}`)
	shown := s.call(adminKey, "GET", "/v1/silences/"+silence, "").want(200)
	if shown["status"] != "active" || shown["created_by"] != "admin" || shown["comment"] != "maintenance" {
		t.Errorf("%v", shown)
	}

	accepted := s.call(adminKey, "POST", "/v1/events", `{"type":"order.paid","subject":"shop","severity":"info"}`).want(202)
	if accepted["deliveries"] != 1.0 {
		t.Errorf("suppressed deliveries are counted: %v", accepted)
	}
	rows := s.call(adminKey, "GET", "/v1/deliveries?status=suppressed", "").want(200)["data"].([]any)
	if len(rows) != 1 || rows[0].(map[string]any)["reason"] != "silence "+silence || rows[0].(map[string]any)["endpoint_id"] != quiet {
		t.Fatalf("%v", rows)
	}
	for event, want := range map[string]Verdict{
		`{"type":"order.paid","subject":"shop","severity":"high"}`:     {Outcome: "silence", Detail: silence},
		`{"type":"order.paid","subject":"shop","severity":"critical"}`: {Outcome: "pending"},
		`{"type":"order.paid","subject":"else","severity":"info"}`:     {Outcome: "pending"},
		`{"type":"key.created","subject":"shop","severity":"info"}`:    {Outcome: "pending"},
	} {
		if got := s.outcomes(event); got[quiet] != want || got[loud].Outcome != "pending" {
			t.Errorf("%s: %+v, want %+v", event, got, want)
		}
	}
	// What a person asks for passes.
	if r := s.call(adminKey, "POST", "/v1/endpoints/"+quiet+"/test", "").want(200); r["success"] != true {
		t.Errorf("a test: %v", r)
	}
	again := s.call(adminKey, "POST", "/v1/deliveries/"+rows[0].(map[string]any)["id"].(string)+"/retry", "").want(202)
	if again["status"] != "pending" {
		t.Errorf("a retry by hand: %v", again)
	}

	s.call(adminKey, "DELETE", "/v1/silences/"+silence, "").want(204)
	if got := s.outcomes(`{"type":"order.paid","subject":"shop","severity":"info"}`); got[quiet].Outcome != "pending" {
		t.Errorf("after its end: %+v", got)
	}
	if ended := s.call(adminKey, "GET", "/v1/silences/"+silence, "").want(200); ended["status"] != "ended" {
		t.Errorf("%v", ended)
	}
	s.call(adminKey, "PATCH", "/v1/silences/"+silence, `{"until":"2099-01-01T00:00:00Z"}`).problem(409, peal.CodeConflict)
	s.call(adminKey, "DELETE", "/v1/silences/"+silence, "").want(204)
	s.call(adminKey, "GET", "/v1/silences/"+silence, "").problem(404, peal.CodeNotFound)
}

func TestSilencesToCome(t *testing.T) {
	s := newServer(t)
	ep := s.newEndpoint(adminKey, "")
	from := time.Now().Add(time.Hour)
	body := fmt.Sprintf(`{"from":%q,"until":%q}`, from.Format(time.RFC3339), from.Add(time.Hour).Format(time.RFC3339))
	made := s.call(adminKey, "POST", "/v1/silences", body).want(201)
	if made["status"] != "pending" || s.outcomes(`{"type":"a"}`)[ep].Outcome != "pending" {
		t.Errorf("%v", made)
	}
	id := made["id"].(string)
	if now := s.call(adminKey, "PATCH", "/v1/silences/"+id, `{"from":"2026-01-01T00:00:00Z","comment":"now"}`).want(200); now["status"] != "active" || now["comment"] != "now" {
		t.Errorf("%v", now)
	}
	if got := s.outcomes(`{"type":"a"}`)[ep]; got.Outcome != "silence" || got.Detail != id {
		t.Errorf("%+v", got)
	}
	for field, body := range map[string]string{
		"until":            `{"until":"2001-01-01T00:00:00Z"}`,
		"match.types":      `{"until":"2099-01-01T00:00:00Z","match":{"types":["b*"]}}`,
		"match.severities": `{"from":"2099-01-01T00:00:00Z","until":"2099-01-01T01:00:00Z","match":{"severities":["loud"]}}`,
		"match.filter":     `{"from":"2099-01-01T00:00:00Z","until":"2099-01-01T01:00:00Z","match":{"filter":"1"}}`,
	} {
		if p := s.call(adminKey, "POST", "/v1/silences", body).problem(400, peal.CodeInvalid); !strings.HasPrefix(p.Field, field) && p.Field != "until" {
			t.Errorf("%s: field %q", body, p.Field)
		}
	}
}

func TestMuteHours(t *testing.T) {
	s := newServer(t)
	always := `{"windows":[{"from":"00:00","until":"24:00"}],"time_zone":"Europe/Berlin"`
	ep := s.newEndpoint(adminKey, `,"mute_hours":`+always+`}`)
	muted, open := Verdict{Outcome: "mute_hours"}, Verdict{Outcome: "pending"}
	check := func(severity string, want Verdict) {
		t.Helper()
		if got := s.outcomes(`{"type":"a","severity":"` + severity + `"}`)[ep]; got != want {
			t.Errorf("%s: %+v, want %+v", severity, got, want)
		}
	}
	check("high", muted)
	check("critical", open)
	s.call(adminKey, "PATCH", "/v1/endpoints/"+ep, `{"mute_hours":`+always+`,"include_critical":true}}`).want(200)
	check("critical", muted)
	if shown := s.call(adminKey, "GET", "/v1/endpoints/"+ep, "").want(200)["mute_hours"].(map[string]any); shown["time_zone"] != "Europe/Berlin" || shown["include_critical"] != true {
		t.Errorf("%v", shown)
	}
	s.call(adminKey, "PATCH", "/v1/endpoints/"+ep, `{"mute_hours":null}`).want(200)
	check("high", open)
	for field, hours := range map[string]string{
		"mute_hours.time_zone": `{"windows":[{"from":"22:00","until":"07:00"}],"time_zone":"Mars/Olympus"}`,
		"mute_hours.windows":   `{"windows":[{"from":"25:00","until":"07:00"}]}`,
	} {
		if p := s.call(adminKey, "PATCH", "/v1/endpoints/"+ep, `{"mute_hours":`+hours+`}`).problem(400, peal.CodeInvalid); p.Field != field {
			t.Errorf("%s: field %q", hours, p.Field)
		}
	}
}

func TestGroupsOverTheAPI(t *testing.T) {
	s := newServer(t)
	made := s.call(adminKey, "POST", "/v1/endpoints", `{"type":"slack","config":{"url":"`+s.target+`"},"group":{"by":["type","data.key"],"repeat_interval":"4h"}}`).want(201)
	ep := made["id"].(string)
	if g := made["group"].(map[string]any); g["wait"] != "30s" || g["interval"] != "5m" || g["repeat_interval"] != "4h" {
		t.Errorf("defaults: %v", g)
	}
	for _, event := range []string{
		`{"type":"a","data":{"key":"x","n":1}}`, `{"type":"a","data":{"key":"x","n":2}}`, `{"type":"a","data":{"key":"x","n":2}}`,
		`{"type":"a","data":{"key":"y"}}`, `{"type":"a","severity":"critical","data":{"key":"x"}}`,
	} {
		s.call(adminKey, "POST", "/v1/events", event).want(202)
	}
	groups := map[string]map[string]any{}
	for _, row := range s.call(adminKey, "GET", "/v1/groups?endpoint="+ep, "").want(200)["data"].([]any) {
		g := row.(map[string]any)
		groups[g["labels"].(map[string]any)["data.key"].(string)] = g
	}
	x, y := groups["x"], groups["y"]
	if len(groups) != 2 || x["events"] != 2.0 || x["total_events"] != 2.0 || y["events"] != 1.0 || x["next_message_at"] == nil || x["last_message_at"] != nil {
		t.Fatalf("%v", groups)
	}
	id := x["id"].(string)
	rows := s.call(adminKey, "GET", "/v1/groups/"+id+"/deliveries", "").want(200)["data"].([]any)
	if len(rows) != 3 {
		t.Errorf("deliveries of the group: %v", rows)
	}
	if rows := s.call(adminKey, "GET", "/v1/deliveries?group="+id+"&status=suppressed", "").want(200)["data"].([]any); len(rows) != 1 || rows[0].(map[string]any)["reason"] != "repeat "+id {
		t.Errorf("suppressed: %v", rows)
	}
	if v := s.outcomes(`{"type":"a","data":{"key":"x","n":2}}`)[ep]; v.Outcome != "repeat" || v.Detail != id {
		t.Errorf("explained as %+v", v)
	}
	stranger := s.key("rival", peal.Admin)
	s.call(stranger, "GET", "/v1/groups/"+id, "").problem(404, peal.CodeNotFound)
	s.call(stranger, "GET", "/v1/groups/"+id+"/deliveries", "").problem(404, peal.CodeNotFound)
	if rows := s.call(stranger, "GET", "/v1/deliveries?group="+id, "").want(200)["data"].([]any); len(rows) != 0 {
		t.Errorf("another org's: %v", rows)
	}

	// A digest takes the group's place.
	s.call(adminKey, "PATCH", "/v1/endpoints/"+ep, `{"digest":{"schedule":"0 9 * * 1-5"}}`).problem(400, peal.CodeInvalid)
	changed := s.call(adminKey, "PATCH", "/v1/endpoints/"+ep, `{"group":null,"digest":{"schedule":"0 9 * * 1-5","time_zone":"Europe/Berlin"}}`).want(200)
	if changed["group"] != nil || changed["digest"].(map[string]any)["schedule"] != "0 9 * * 1-5" {
		t.Errorf("%v", changed)
	}
	s.call(adminKey, "POST", "/v1/events", `{"type":"b"}`).want(202)
	if rows := s.call(adminKey, "GET", "/v1/groups?limit=1", "").want(200)["data"].([]any); len(rows[0].(map[string]any)["labels"].(map[string]any)) != 0 {
		t.Errorf("the digest: %v", rows)
	}
}

func TestCollectingThatIsRefused(t *testing.T) {
	s := newServer(t)
	for field, members := range map[string]string{
		"group":                 `"url":"%s","group":{}`,
		"digest":                `"url":"%s","digest":{"schedule":"0 9 * * *"}`,
		"digest.schedule":       `"type":"slack","config":{"url":"%s"},"digest":{"schedule":"at nine"}`,
		"digest.time_zone":      `"type":"slack","config":{"url":"%s"},"digest":{"schedule":"0 9 * * *","time_zone":"Nowhere"}`,
		"group.by":              `"type":"slack","config":{"url":"%s"},"group":{"by":["colour"]}`,
		"group.wait":            `"type":"slack","config":{"url":"%s"},"group":{"wait":"soon"}`,
		"group.interval":        `"type":"slack","config":{"url":"%s"},"group":{"interval":"1ms"}`,
		"group.repeat_interval": `"type":"slack","config":{"url":"%s"},"group":{"repeat_interval":"9000h"}`,
	} {
		if p := s.call(adminKey, "POST", "/v1/endpoints", "{"+fmt.Sprintf(members, s.target)+"}").problem(400, peal.CodeInvalid); p.Field != field {
			t.Errorf("%s: field %q: %s", members, p.Field, p.Detail)
		}
	}
	s.call(adminKey, "POST", "/v1/endpoints", `{"type":"slack","ordered":true,"config":{"url":"`+s.target+`"},"group":{}}`).problem(400, peal.CodeInvalid)
}

// One call mirrors every event to Slack, whatever is published later.
func TestTheOrgsSlackIntegration(t *testing.T) {
	s := newServer(t)
	ep := s.call(adminKey, "POST", "/v1/endpoints", `{"type":"slack","name":"Everything","config":{"url":"`+s.target+`"}}`).want(201)["id"].(string)
	for _, eventType := range []string{"order.paid", "guardrail.triggered", "never.seen.before"} {
		if got := s.outcomes(`{"type":"` + eventType + `"}`)[ep]; got.Outcome != "pending" {
			t.Errorf("%s: %+v", eventType, got)
		}
	}
}
