package blackbox

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// key makes a key of the caller's org and gives a caller that uses it.
func (c *caller) key(t *testing.T, role string) *caller {
	t.Helper()
	o := c.Call(t, 201, "POST", "/v1/keys", object{"name": "tests' " + role, "role": role})
	if text(o, "key") == "" {
		t.Fatalf("no key in %v", o)
	}
	return &caller{URL: c.URL, Key: text(o, "key")}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	ep := c.Endpoint(t, r.URL)
	path := "/v1/endpoints/" + text(ep, "id")
	event := object{"type": "x", "data": object{}}
	callers := map[string]*caller{"": c.As(""), "wrong": c.As("not-a-key-of-anyone")}
	for _, role := range []string{"viewer", "publisher", "admin"} {
		callers[role] = c.key(t, role)
	}
	for _, test := range []struct {
		method, path string
		body         any
		want         map[string]int
	}{
		{"GET", "/v1/endpoints", nil, map[string]int{"viewer": 200, "publisher": 200, "admin": 200}},
		{"GET", path, nil, map[string]int{"viewer": 200, "publisher": 200, "admin": 200}},
		{"GET", "/v1/deliveries", nil, map[string]int{"viewer": 200, "publisher": 200, "admin": 200}},
		{"POST", "/v1/events", event, map[string]int{"viewer": 403, "publisher": 202, "admin": 202}},
		{"PATCH", path, object{"name": "n"}, map[string]int{"viewer": 403, "publisher": 403, "admin": 200}},
		{"POST", path + "/pause", nil, map[string]int{"viewer": 403, "publisher": 403, "admin": 200}},
		{"POST", path + "/rotate-secret", object{}, map[string]int{"viewer": 403, "publisher": 403, "admin": 200}},
		{"POST", "/v1/endpoints", object{"url": r.URL}, map[string]int{"viewer": 403, "publisher": 403, "admin": 201}},
		{"POST", "/v1/keys", object{"name": "n", "role": "viewer"}, map[string]int{"viewer": 403, "publisher": 403, "admin": 201}},
		{"POST", "/v1/replays", object{"filter": object{"type": "none"}}, map[string]int{"viewer": 403, "publisher": 403, "admin": 202}},
		{"POST", "/api/v1/admin/webhooks", object{"url": r.URL, "events": []string{"x"}}, map[string]int{"viewer": 403, "publisher": 403, "admin": 201}},
		{"POST", "/v1/orgs", object{"name": "n"}, map[string]int{"viewer": 403, "publisher": 403, "admin": 403}},
	} {
		test.want[""], test.want["wrong"] = 401, 401
		for role, want := range test.want {
			if a := callers[role].Try(t, test.method, test.path, test.body); a.Status != want {
				t.Errorf("%s %s as %q: %d, want %d: %s", test.method, test.path, role, a.Status, want, clip(a.Body))
			}
		}
	}
}

func TestOrgsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	mine, theirs := sharedOrg(t), sharedOrg(t)
	r := newReceiver(t, nil)
	ep := theirs.Endpoint(t, r.URL)
	event := theirs.Publish(t, "order.paid", object{}, "id", "theirs-1")
	d := theirs.Delivery(t, "theirs-1", "succeeded")
	key := theirs.Call(t, 201, "POST", "/v1/keys", object{"name": "k", "role": "viewer"})
	epPath, dPath := "/v1/endpoints/"+text(ep, "id"), "/v1/deliveries/"+text(d, "id")

	for _, c := range []*caller{mine, mine.key(t, "admin")} {
		for _, call := range [][2]string{
			{"GET", epPath},
			{"PATCH", epPath},
			{"DELETE", epPath},
			{"POST", epPath + "/pause"},
			{"POST", epPath + "/resume"},
			{"POST", epPath + "/test"},
			{"POST", epPath + "/rotate-secret"},
			{"GET", epPath + "/deliveries"},
			{"GET", epPath + "/stats"},
			{"GET", "/v1/events/" + text(event, "id")},
			{"GET", "/v1/events/" + text(event, "id") + "/deliveries"},
			{"GET", dPath},
			{"GET", dPath + "/payload"},
			{"POST", dPath + "/retry"},
			{"POST", dPath + "/cancel"},
			{"POST", "/v1/keys/" + text(key, "id") + "/rotate"},
			{"DELETE", "/v1/keys/" + text(key, "id")},
			{"PATCH", "/api/v1/admin/webhooks/" + strings.Replace(text(ep, "id"), "ep_", "wh_", 1)},
			{"DELETE", "/api/v1/admin/webhooks/" + strings.Replace(text(ep, "id"), "ep_", "wh_", 1)},
			{"GET", "/api/v1/admin/webhooks/" + text(ep, "id") + "/deliveries"},
		} {
			var body any
			if call[0] == "PATCH" || call[0] == "POST" {
				body = object{}
			}
			c.Call(t, 404, call[0], call[1], body)
		}
		for _, path := range []string{"/v1/endpoints", "/v1/events", "/v1/deliveries"} {
			if a := c.Try(t, "GET", path, nil); bytes.Contains(a.Body, []byte(text(ep, "id"))) || bytes.Contains(a.Body, []byte("theirs-1")) {
				t.Errorf("GET %s shows another org's: %s", path, clip(a.Body))
			}
		}
	}
	// An org's key stays in its org, whatever the header says.
	intruder := mine.key(t, "admin")
	intruder.Org = theirs.Org
	intruder.Call(t, 404, "GET", "/v1/endpoints", nil)
	// Nothing of it happened.
	if got := theirs.Call(t, 200, "GET", epPath, nil); text(got, "status") != "active" {
		t.Errorf("the endpoint is %v", got)
	}
	r.Wait(t, 1)
}

func TestKeysLifecycle(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	made := c.Call(t, 201, "POST", "/v1/keys", object{"name": "k", "role": "viewer"})
	old := c.As(text(made, "key"))
	old.Call(t, 200, "GET", "/v1/endpoints", nil)
	rotated := c.Call(t, 200, "POST", "/v1/keys/"+text(made, "id")+"/rotate", nil)
	fresh := c.As(text(rotated, "key"))
	fresh.Call(t, 200, "GET", "/v1/endpoints", nil)
	old.Call(t, 401, "GET", "/v1/endpoints", nil)
	c.Call(t, 204, "DELETE", "/v1/keys/"+text(made, "id"), nil)
	fresh.Call(t, 401, "GET", "/v1/endpoints", nil)
}

// Secrets and keys are told once, by the call that makes them, and never again: not
// by another call, not by an error, not by the log.
func TestSecretsAreNeverEchoed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.Admin()
	r := newReceiver(t, always(500))
	const secret, header = "a-signing-secret-ahem", "a-header-value-ahem"
	key := c.Call(t, 201, "POST", "/v1/keys", object{"name": "k", "role": "admin"})
	own := c.Endpoint(t, r.URL, "profile", "nembl", "secret", secret, "headers", object{"X-Token": header},
		"retry", object{"schedule": []string{}})
	made := c.Endpoint(t, r.URL)
	c.Call(t, 201, "POST", "/api/v1/admin/webhooks", object{"url": r.URL, "events": []string{"x.y"}, "secret": secret})
	c.Call(t, 200, "POST", "/nemo/channel/new", object{
		"name": "n", "channel_type": "webhook",
		"config": object{"url": r.URL, "secret": secret, "headers": object{"X-Token": header}},
	})
	event := c.Publish(t, "x.y", object{})

	hidden := map[string]string{
		"the endpoint's secret": secret, "the generated secret": text(made, "secret"), "a header": header,
		"the org's key": text(key, "key"), "the admin key": adminKey,
	}
	for name, value := range hidden {
		if value == "" {
			t.Fatalf("%s is empty", name)
		}
	}
	check := func(where string, body []byte) {
		t.Helper()
		for name, value := range hidden {
			if bytes.Contains(body, []byte(value)) {
				t.Errorf("%s shows %s", where, name)
			}
		}
	}
	paths := []string{
		"/v1/endpoints", "/v1/endpoints/" + text(own, "id"), "/v1/endpoints/" + text(made, "id"),
		"/v1/endpoints/" + text(own, "id") + "/deliveries", "/v1/endpoints/" + text(own, "id") + "/stats",
		"/v1/keys", "/v1/orgs", "/v1/deliveries", "/v1/events", "/v1/events/" + text(event, "id") + "?explain=true",
		"/v1/audit", "/v1/profiles", "/v1/event-types", "/api/v1/admin/webhooks", "/nemo/channel/list",
		"/metrics", "/healthz", "/readyz", "/openapi.json",
	}
	eventually(t, func() error { return attempted(t, c, 4) })
	for _, d := range c.List(t, "/v1/deliveries") {
		paths = append(paths, "/v1/deliveries/"+text(d, "id"))
	}
	for _, path := range paths {
		a := c.Try(t, "GET", path, nil)
		if a.Status != 200 {
			t.Errorf("GET %s: %d %s", path, a.Status, clip(a.Body))
		}
		check("GET "+path, a.Body)
	}
	for _, body := range []string{
		`{"url":"` + r.URL + `","secret":["` + secret + `"]}`,
		`{"url":"` + r.URL + `","secret":"` + secret + `","sercet":"` + header + `"}`,
		`{"url":"` + r.URL + `","headers":{"X-Token":["` + header + `"]}}`,
		`{"url":"` + r.URL + `","headers":{"bad name":"` + header + `"}}`,
		`{"secret":"` + secret + `"`,
	} {
		for _, path := range []string{"/v1/endpoints", "/api/v1/admin/webhooks", "/nemo/channel/new"} {
			check("POST "+path+" "+body, c.Try(t, "POST", path, body).Body)
		}
	}
	updated := c.Call(t, 200, "PATCH", "/v1/endpoints/"+text(own, "id"), object{"name": "n"})
	if updated["secret"] != nil {
		t.Errorf("an update answers with the secret: %v", updated)
	}
	check("the log", s.log.All())
}

// attempted tells whether n deliveries were attempted.
func attempted(t *testing.T, c *caller, n int) error {
	t.Helper()
	tried := 0
	for _, d := range c.List(t, "/v1/deliveries") {
		if number(t, d, "attempt_count") > 0 {
			tried++
		}
	}
	if tried < n {
		return fmt.Errorf("%d of %d deliveries were attempted", tried, n)
	}
	return nil
}
