package blackbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// wire is a delivery's body in any of the envelopes.
type wire struct {
	Type, Event     string
	Title, Severity string
	UserID          any
	Data, Details   object
}

// told waits for n deliveries and gives their bodies by the title or type.
func told(t *testing.T, r *receiver, n int) map[string][]wire {
	t.Helper()
	out := map[string][]wire{}
	for _, a := range r.Wait(t, n) {
		var w wire
		decode(t, a.Body, &w)
		name := w.Type + w.Event + w.Title
		out[name] = append(out[name], w)
	}
	return out
}

// has compares members of an object by how JSON writes them.
func has(t *testing.T, o object, pairs ...any) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		got, err := json.Marshal(o[pairs[i].(string)])
		if want := fmt.Sprint(pairs[i+1]); err != nil || string(got) != want {
			t.Errorf("%s is %s, want %s: %v", pairs[i], got, want, o)
		}
	}
}

func only(t *testing.T, all map[string][]wire, name string) wire {
	t.Helper()
	if len(all[name]) != 1 {
		t.Fatalf("%d of %s, in %v", len(all[name]), name, all)
	}
	return all[name][0]
}

// The stories of Curate-Me's document: warnings, a budget that blocks, a guardrail and an
// approval.
func TestGovernanceCurateMe(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t, "profile", "curate-me")
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "standard") // curate-me would keep repeats back for a minute
	budget := c.Call(t, 201, "POST", "/v1/rules", object{"kind": "budget", "scope": "org", "period": "daily", "limit": "50.00"})
	c.Call(t, 201, "POST", "/v1/rules", object{"kind": "models", "allow": []string{"claude-*"}})
	c.Call(t, 201, "POST", "/v1/rules", object{"kind": "approval", "threshold": "10.00"})
	if text(budget, "limit") != "50.00" {
		t.Errorf("the rule is %v", budget)
	}

	report := c.Call(t, 202, "POST", "/v1/usage", []object{
		{"id": "a", "cost": "20.1234", "team": "research", "model": "claude-sonnet-4-20250514", "tokens": 100},
		{"id": "b", "cost": 6, "user": 42},
		{"id": "a", "cost": "20.1234"},
	})
	has(t, report, "accepted", 2, "duplicates", 1)
	has(t, only(t, told(t, r, 1), "budget.warning").Data, "budget", `"daily_budget"`, "threshold_percent", 50, "daily_spent", 26.1234, "daily_budget", 50)
	lines := "{\"id\":\"b\",\"cost\":6}\n{\"id\":\"c\",\"cost\":\"22\"}\n"
	answer := c.Try(t, "POST", "/v1/usage", lines, "Content-Type", "application/x-ndjson")
	if answer.Status != 202 {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	has(t, answer.Object(t), "accepted", 1, "duplicates", 1)

	for range 3 {
		denied := c.Call(t, 200, "POST", "/v1/reservations", object{"model": "claude-sonnet-4-20250514", "estimated_cost": "3.21"})
		has(t, denied, "decision", `"deny"`, "blocked_by", `"daily_budget"`)
	}
	has(t, c.Call(t, 200, "POST", "/v1/reservations", object{"model": "gpt-4.1", "estimated_cost": 0.5}), "decision", `"deny"`, "blocked_by", `"model_blocked"`)
	all := told(t, r, 5)
	if len(all["budget.warning"]) != 3 {
		t.Errorf("%d warnings", len(all["budget.warning"]))
	}
	has(t, only(t, all, "budget.exceeded").Data, "blocked_by", `"daily_budget"`, "daily_spent", 48.1234, "daily_budget", 50,
		"model", `"claude-sonnet-4-20250514"`, "estimated_cost", 3.21)
	has(t, only(t, all, "guardrail.triggered").Data, "guardrail", `"model_blocked"`, "model", `"gpt-4.1"`)

	c.Call(t, 200, "PATCH", "/v1/rules/"+text(budget, "id"), object{"limit": 1000})
	asked := c.Call(t, 200, "POST", "/v1/reservations", object{"model": "claude-opus-4-20250514", "estimated_cost": "12.5"})
	has(t, asked, "decision", `"approval_required"`)
	has(t, only(t, told(t, r, 6), "approval.requested").Data, "request_id", fmt.Sprintf("%q", text(asked, "id")), "estimated_cost", 12.5,
		"hitl_threshold", 10, "approval_id", fmt.Sprintf("%q", text(asked, "approval_id")))
	if pending := c.List(t, "/v1/approvals?status=pending"); len(pending) != 1 || text(pending[0], "id") != text(asked, "approval_id") {
		t.Errorf("pending: %v", pending)
	}
	waited := make(chan *answerOrError, 1)
	go func() {
		a, err := c.Do("GET", "/v1/reservations/"+text(asked, "id")+"?wait=30s", nil)
		waited <- &answerOrError{a, err}
	}()
	c.Call(t, 200, "POST", "/v1/approvals/"+text(asked, "approval_id")+"/approve", object{"by": "ada", "reason": "once"})
	w := <-waited
	if w.err != nil {
		t.Fatal(w.err)
	}
	has(t, w.answer.Object(t), "decision", `"allow"`)
	has(t, only(t, told(t, r, 7), "approval.decided").Data, "decision", `"approved"`, "by", `"ada"`, "reason", `"once"`)
	settled := c.Call(t, 200, "POST", "/v1/reservations/"+text(asked, "id")+"/settle", object{"cost": 11.75, "tokens": 5000, "status": 200})
	has(t, settled, "status", `"settled"`, "cost", `"11.75"`)

	sums := c.List(t, "/v1/usage/summary?by=model&period=day")
	if !slices.ContainsFunc(sums, func(o object) bool {
		return text(o, "model") == "claude-opus-4-20250514" && text(o, "cost") == "11.75"
	}) {
		t.Errorf("sums: %v", sums)
	}
}

type answerOrError struct {
	answer *answer
	err    error
}

// The triggers of Nemo's document.
func TestGovernanceNemo(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t, "profile", "nemo")
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "nemo")
	c.Call(t, 201, "POST", "/v1/credits", object{"amount": "100.00", "note": "first"})
	c.Call(t, 201, "POST", "/v1/rules", object{"kind": "budget", "scope": "org", "period": "monthly", "limit": "200"})
	c.Call(t, 202, "POST", "/v1/usage", []object{{"cost": "95.73"}})
	low := only(t, told(t, r, 1), "[Nemo Router] Budget depletion warning — balance below threshold")
	if low.Severity != "HIGH" {
		t.Errorf("got %+v", low)
	}
	has(t, low.Details, "org_id", fmt.Sprintf("%q", c.Org), "current_balance", 4.27, "threshold", 10, "action", `"Top up credits to avoid service interruption"`)
	c.Call(t, 202, "POST", "/v1/usage", []object{{"cost": "104.27"}})
	all := told(t, r, 4)
	for title, severity := range map[string]string{"50%": "WARNING", "80%": "WARNING", "100%": "CRITICAL"} {
		w := only(t, all, "[Nemo Router] Budget at "+title)
		if w.Severity != severity {
			t.Errorf("%s is %s", title, w.Severity)
		}
		has(t, w.Details, "spent", 200, "budget", 200, "period", `"monthly"`)
	}
	credits := c.Call(t, 200, "GET", "/v1/credits", nil)
	has(t, credits, "balance", `"-100.00"`, "spent", `"200.00"`, "granted", `"100.00"`)

	key := c.Call(t, 201, "POST", "/v1/keys", object{"name": "prod-chat", "role": "viewer"})
	c.Call(t, 200, "POST", "/v1/keys/"+text(key, "id")+"/rotate", nil)
	c.Call(t, 204, "DELETE", "/v1/keys/"+text(key, "id"), nil)
	c.Call(t, 201, "POST", "/v1/members", object{"email": "grace@acme.example", "role": "viewer"})
	c.Call(t, 409, "POST", "/v1/members", object{"email": "Grace@acme.example", "role": "viewer"})
	all = told(t, r, 8)
	for _, verb := range []string{"created", "rotated", "deleted"} {
		has(t, only(t, all, "[Nemo Router] API key "+verb+": prod-chat").Details, "key_alias", `"prod-chat"`, "actor", `"admin"`, "key_id", fmt.Sprintf("%q", text(key, "id")))
	}
	has(t, only(t, all, "[Nemo Router] Member added: grace@acme.example").Details, "role", `"viewer"`)
	for _, a := range r.Got() {
		if strings.Contains(string(a.Body), text(key, "key")) {
			t.Errorf("the key is told: %s", a.Body)
		}
	}
}

// The events of Nolxy's document.
func TestGovernanceNolxy(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t, "profile", "nolxy", "plan", "pro")
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "nolxy")
	has(t, c.Call(t, 201, "POST", "/v1/rules", object{"kind": "quota", "scope": "user", "period": "month", "limit": 100000}), "limit", 100000)
	c.Call(t, 201, "POST", "/v1/rules", object{"kind": "circuit", "failures": 5, "window": "1m", "cooldown": "30s"})
	use := func(records ...object) { c.Call(t, 202, "POST", "/v1/usage", records) }
	use(object{"user": 42, "requests": 89999}, object{"user": 7, "requests": 50})
	use(object{"user": 42})
	warning := only(t, told(t, r, 1), "quota.warning")
	if warning.UserID != json.Number("42") {
		t.Errorf("userId is %v", warning.UserID)
	}
	has(t, warning.Data, "currentUsage", 90000, "limit", 100000, "percentage", 90)
	use(object{"user": 42, "requests": 10000})
	has(t, only(t, told(t, r, 2), "quota.exceeded").Data, "currentUsage", 100000, "limit", 100000, "percentage", 100)
	has(t, c.Call(t, 200, "POST", "/v1/reservations", object{"user": 42, "model": "m", "estimated_cost": 0}), "decision", `"deny"`, "blocked_by", `"quota"`)

	start := time.Now().UTC().Add(-10 * time.Minute)
	at := func(d time.Duration, status any) object {
		return object{"route": "chat-completions", "time": start.Add(d).Format(time.RFC3339), "status": status}
	}
	use(with(at(-time.Second, 500), "requests", 0)) // nothing failed
	use(at(0, 500), at(time.Second, 503), at(2*time.Second, "error"), at(3*time.Second, 502), at(4*time.Second, 200), at(5*time.Second, 500))
	has(t, only(t, told(t, r, 3), "circuit.open").Data, "routeId", `"chat-completions"`, "failureCount", 5)
	use(at(50*time.Second, 200))
	has(t, only(t, told(t, r, 4), "circuit.closed").Data, "routeId", `"chat-completions"`, "recoveryTime", 45000)

	key := c.Call(t, 201, "POST", "/v1/keys", object{"name": "prod", "role": "viewer"})
	c.Call(t, 204, "DELETE", "/v1/keys/"+text(key, "id")+"?reason=abuse", nil)
	all := told(t, r, 6)
	has(t, only(t, all, "api_key.created").Data, "keyId", fmt.Sprintf("%q", text(key, "id")), "name", `"prod"`)
	has(t, only(t, all, "api_key.revoked").Data, "name", `"prod"`, "reason", `"abuse"`)
}

// What may not stand is refused with what is wrong, and another org's is not found.
func TestGovernanceRefusals(t *testing.T) {
	t.Parallel()
	c, other := sharedOrg(t), sharedOrg(t)
	other.Call(t, 201, "POST", "/v1/keys", object{"name": "k", "role": "viewer"})
	for body, field := range map[string]string{
		`{"kind":"budget","scope":"org","period":"weekly","limit":1}`:            "period",
		`{"kind":"budget","scope":"user","period":"daily","limit":1}`:            "scope",
		`{"kind":"budget","scope":"org","period":"daily"}`:                       "limit",
		`{"kind":"budget","scope":"org","period":"daily","limit":"x"}`:           "limit",
		`{"kind":"budget","scope":"org","period":"daily","limit":-5}`:            "limit",
		`{"kind":"budget","scope":"org","period":"daily","limit":5,"rpm":5}`:     "rpm",
		`{"kind":"budget","scope":"org","ref":"x","period":"daily","limit":5}`:   "ref",
		`{"kind":"budget","period":"daily","limit":5,"thresholds":[90,50]}`:      "thresholds",
		`{"kind":"quota","limit":1.5}`:                                           "limit",
		`{"kind":"rate_limit"}`:                                                  "rpm",
		`{"kind":"rate_limit","rpm":1,"repeated":{"hits":0,"within":"1m"}}`:      "repeated.hits",
		`{"kind":"models","allow":[]}`:                                           "allow",
		`{"kind":"approval"}`:                                                    "threshold",
		`{"kind":"circuit","failures":1,"window":"soon","cooldown":"1s"}`:        "window",
		`{"kind":"circuit","failures":1,"window":"1s","cooldown":"1s","more":1}`: "more",
		`{"kind":"circuit","failures":1,"window":"1s","cooldown":"1000h"}`:       "cooldown",
	} {
		a := c.Try(t, "POST", "/v1/rules", body)
		if a.Status != 400 || text(a.Object(t), "field") != field || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", body, a.Status, a.Body)
		}
	}
	for path, body := range map[string]any{
		"/v1/usage":        []object{{"cost": -1}},
		"/v1/reservations": object{"model": "m", "estimated_cost": -1},
		"/v1/credits":      object{"amount": "0"},
		"/v1/members":      object{"email": "nobody", "role": "viewer"},
	} {
		if a := c.Try(t, "POST", path, body); a.Status != 400 {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	if a := c.Try(t, "POST", "/v1/credits", object{"amount": "-1"}); a.Status != 422 {
		t.Errorf("a balance below zero by hand: %d %s", a.Status, a.Body)
	}
	if a := c.Try(t, "PATCH", "/v1/governance", object{"time_zone": "Mars/Olympus"}); a.Status != 400 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	has(t, c.Call(t, 200, "PATCH", "/v1/governance", object{"time_zone": "Europe/Berlin", "billing_day": 15}), "time_zone", `"Europe/Berlin"`, "currency", `"USD"`)

	rule := c.Call(t, 201, "POST", "/v1/rules", object{"kind": "approval", "threshold": 1})
	held := c.Call(t, 200, "POST", "/v1/reservations", object{"model": "m", "estimated_cost": 2})
	member := c.Call(t, 201, "POST", "/v1/members", object{"email": "a@b.example", "role": "viewer"})
	for _, call := range [][2]string{
		{"GET", "/v1/rules/" + text(rule, "id")},
		{"DELETE", "/v1/rules/" + text(rule, "id")},
		{"GET", "/v1/reservations/" + text(held, "id")},
		{"POST", "/v1/reservations/" + text(held, "id") + "/release"},
		{"GET", "/v1/approvals/" + text(held, "approval_id")},
		{"POST", "/v1/approvals/" + text(held, "approval_id") + "/approve"},
		{"GET", "/v1/members/" + text(member, "id")},
		{"DELETE", "/v1/members/" + text(member, "id")},
	} {
		if a := other.Try(t, call[0], call[1], nil); a.Status != 404 {
			t.Errorf("another org: %s %s: %d %s", call[0], call[1], a.Status, a.Body)
		}
	}
	// The profile standard has no names for what admins do.
	if events := other.List(t, "/v1/events"); len(events) != 0 {
		t.Errorf("told of nothing: %v", events)
	}
	viewer := c.As(text(c.Call(t, 201, "POST", "/v1/keys", object{"name": "v", "role": "viewer"}), "key"))
	publisher := c.As(text(c.Call(t, 201, "POST", "/v1/keys", object{"name": "p", "role": "publisher"}), "key"))
	for path, body := range map[string]any{"/v1/usage": []object{{}}, "/v1/reservations": object{"model": "m", "estimated_cost": 0}} {
		if a := viewer.Try(t, "POST", path, body); a.Status != http.StatusForbidden {
			t.Errorf("a viewer's %s: %d", path, a.Status)
		}
		if a := publisher.Try(t, "POST", path, body); a.Status/100 != 2 {
			t.Errorf("a publisher's %s: %d %s", path, a.Status, a.Body)
		}
	}
	if a := publisher.Try(t, "POST", "/v1/approvals/"+text(held, "approval_id")+"/approve", nil); a.Status != http.StatusForbidden {
		t.Errorf("a publisher approves: %d", a.Status)
	}
}

// What was counted and told before a kill stands after it, and is told once.
func TestGovernanceSurvivesKill(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newReceiver(t, nil)
	c := s.Admin()
	c.Endpoint(t, r.URL)
	c.Call(t, 201, "POST", "/v1/rules", object{"kind": "budget", "scope": "org", "period": "daily", "limit": 10})
	records := []object{{"id": "a", "cost": "5"}}
	c.Call(t, 202, "POST", "/v1/usage", records)
	held := c.Call(t, 200, "POST", "/v1/reservations", object{"model": "m", "estimated_cost": 4})
	r.Wait(t, 1)
	s.Kill()
	s.Start(t)
	c = s.Admin()
	has(t, c.Call(t, 202, "POST", "/v1/usage", records), "accepted", 0, "duplicates", 1)
	has(t, c.Call(t, 200, "POST", "/v1/reservations", object{"model": "m", "estimated_cost": 2}), "decision", `"deny"`)
	c.Call(t, 200, "POST", "/v1/reservations/"+text(held, "id")+"/settle", object{"cost": 4.5})
	eventually(t, func() error {
		types := map[string]int{}
		for _, a := range r.Got() {
			var w wire
			if err := json.Unmarshal(a.Body, &w); err != nil {
				return err
			}
			types[w.Type]++
		}
		if types["budget.warning"] < 3 || types["budget.exceeded"] < 1 {
			return fmt.Errorf("got %v", types)
		}
		return nil
	})
}
