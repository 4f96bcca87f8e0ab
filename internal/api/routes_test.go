package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/peal"
)

// operations are all that the document describes and that need a key.
func (s *server) operations() []*huma.Operation {
	var out []*huma.Operation
	for _, item := range s.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil && len(op.Security) > 0 {
				out = append(out, op)
			}
		}
	}
	return out
}

// sample calls an operation with the ids given and a body made from its schema.
func (s *server) sample(key string, op *huma.Operation, ids map[string]string) reply {
	path, body := op.Path, ""
	for name, id := range ids {
		path = strings.ReplaceAll(path, name, id)
	}
	if op.RequestBody != nil {
		body = s.exampleText(op.RequestBody.Content["application/json"], false)
		if id := ids["body"]; id != "" {
			body = strings.ReplaceAll(body, "ep_01h455vb4pex5vsknk084sn02q", id)
		}
	}
	return s.call(key, op.Method, path, body)
}

func needs(op *huma.Operation) peal.Role {
	words := strings.Fields(strings.TrimSuffix(op.Description, "."))
	return peal.Role(words[len(words)-1])
}

func TestEveryRouteNeedsAKeyAndItsRole(t *testing.T) {
	s := newServer(t)
	keys := map[peal.Role]string{peal.Viewer: s.key("acme", peal.Viewer), peal.Publisher: s.key("acme", peal.Publisher)}
	for _, op := range s.operations() {
		t.Run(op.OperationID, func(t *testing.T) {
			s.t = t
			for _, key := range []string{"", "no-such-key-at-all"} {
				r := s.sample(key, op, nil)
				r.problem(401, peal.CodeUnauthorized)
				if r.Header.Get("WWW-Authenticate") != "Bearer" {
					t.Error("401 without WWW-Authenticate")
				}
			}
			need := needs(op)
			if !need.Valid() {
				t.Fatalf("the description does not end with the role: %q", op.Description)
			}
			if op.Method != http.MethodGet && need == peal.Viewer {
				t.Errorf("a viewer may %s", op.Method)
			}
			for role, key := range keys {
				r := s.sample(key, op, nil)
				if !role.Includes(need) {
					r.problem(403, peal.CodeForbidden)
				} else if r.Status == 403 || r.Status == 401 {
					t.Errorf("%s as %s: %d", op.Path, role, r.Status)
				}
			}
		})
	}
}

// What the server's admin may do to orgs, an org's own admin may not.
func TestOtherOrgsDoNotExist(t *testing.T) {
	s := newServer(t)
	owner, stranger := s.key("acme", peal.Admin), s.key("rival", peal.Admin)
	ep := s.newEndpoint(owner, "")
	event, delivery := s.published(owner)
	key := s.call(owner, "GET", "/v1/keys", "").want(200)["data"].([]any)[0].(map[string]any)["id"].(string)
	s.call(owner, "PUT", "/v1/event-types/order.paid", `{}`).want(200)
	s.call(owner, "PUT", "/v1/secrets/TOKEN", `{"value":"of-the-owner"}`).want(200)
	binding, silence := s.newBinding(owner, ep), s.newSilence(owner, "")

	workflow, hook := s.newHook(owner)
	execution := s.call("", "POST", "/v1/webhooks/inbound/"+hook, `{}`).want(202)["executionId"].(string)

	offering, request, task := s.newTask(owner)

	governed := map[string]string{}
	for prefix, id := range s.governed(owner) {
		governed[prefix+"{"] = id
	}
	for _, op := range s.operations() {
		ids := map[string]string{"{delivery_id}": delivery, "{name}": "order.paid"}
		switch {
		case strings.Contains(op.Path, "/secrets/"):
			ids["{name}"] = "TOKEN"
		case strings.Contains(op.Path, "/hooks/"):
			ids["{id}"] = hook
		case strings.Contains(op.Path, "/workflows/"):
			ids["{id}"] = workflow
		case strings.Contains(op.Path, "/executions/"):
			ids["{id}"] = execution
		case strings.Contains(op.Path, "/offerings/"):
			ids["{id}"] = offering
		case strings.Contains(op.Path, "/requests/"):
			ids["{id}"] = request
		case strings.Contains(op.Path, "/tasks/"):
			ids["{id}"] = task
		case strings.Contains(op.Path, "/endpoints/"), strings.Contains(op.Path, "/webhooks/"):
			ids["{id}"] = ep
		case strings.Contains(op.Path, "/events/"):
			ids["{id}"] = event
		case strings.Contains(op.Path, "/deliveries/"):
			ids["{id}"] = delivery
		case strings.Contains(op.Path, "/keys/"):
			ids["{id}"] = key
		case strings.Contains(op.Path, "/bindings/"):
			ids["{id}"], ids["body"] = binding, ep
		case strings.Contains(op.Path, "/silences/"):
			ids["{id}"], ids["body"] = silence, ep
		case strings.Contains(op.Path, "/orgs/"):
			ids["{id}"] = "acme"
		case governed[op.Path[:strings.LastIndex(op.Path, "{")+1]] != "":
			ids["{id}"] = governed[op.Path[:strings.LastIndex(op.Path, "{")+1]]
		case op.OperationID == "nemo-channel-update", op.OperationID == "nemo-channel-bind", op.OperationID == "nemo-channel-delete", op.OperationID == "create-replay",
			op.OperationID == "create-binding":
			ids["body"] = ep
		}
		if !strings.Contains(op.Path, "{") && ids["body"] == "" || op.OperationID == "put-event-type" || op.OperationID == "put-secret" || op.OperationID == "get-event-type" {
			continue
		}
		t.Run(op.OperationID, func(t *testing.T) {
			s.t = t
			s.sample(stranger, op, ids).problem(404, peal.CodeNotFound)
		})
	}
	s.t = t
	// Nothing happened to what the stranger named, and its owner still sees it.
	for _, path := range []string{"/v1/endpoints/" + ep, "/v1/events/" + event, "/v1/deliveries/" + delivery, "/v1/keys/" + key, "/v1/orgs/acme", "/v1/event-types/order.paid", "/v1/bindings/" + binding, "/v1/silences/" + silence, "/v1/hooks/" + hook, "/v1/workflows/" + workflow, "/v1/executions/" + execution, "/v1/offerings/" + offering, "/v1/requests/" + request, "/v1/tasks/" + task} {
		s.call(owner, "GET", path, "").want(200)
	}
	for _, list := range []string{"/v1/endpoints", "/v1/events", "/v1/bindings", "/v1/silences", "/v1/deliveries", "/v1/deliveries?endpoint=" + ep, "/v1/hooks", "/v1/workflows", "/v1/executions", "/v1/executions?hook=" + hook, "/v1/secrets", "/v1/offerings", "/v1/requests", "/v1/tasks"} {
		if rows := s.call(stranger, "GET", list, "").want(200)["data"].([]any); len(rows) != 0 {
			t.Errorf("%s shows another org's: %v", list, rows)
		}
	}
	s.call(stranger, "POST", "/v1/silences", `{"until":"2099-01-01T00:00:00Z","match":{"endpoints":["`+ep+`"]}}`).problem(404, peal.CodeNotFound)
	s.call(stranger, "GET", "/v1/endpoints", "", "X-Org-ID", "acme").problem(404, peal.CodeNotFound)
	s.call(adminKey, "GET", "/v1/endpoints/"+ep, "", "X-Org-ID", "rival").problem(404, peal.CodeNotFound)
	s.call(adminKey, "GET", "/v1/endpoints/"+ep, "", "X-Org-ID", "acme").want(200)
	s.call(owner, "PATCH", "/v1/orgs/acme", `{"plan":"pro"}`).problem(403, peal.CodeForbidden)
	s.call(owner, "GET", "/v1/orgs", "").problem(403, peal.CodeForbidden)
}

// governed makes one of what governance has, and gives the ids by the paths' beginnings.
func (s *server) governed(key string) map[string]string {
	s.t.Helper()
	ids := map[string]string{}
	for _, made := range []struct {
		path, body string
		status     int
	}{
		{"/v1/rules", `{"kind":"budget","period":"daily","limit":50}`, 201},
		{"/v1/members", `{"email":"ada@example.com","role":"viewer"}`, 201},
		{"/v1/reservations", `{"model":"m","estimated_cost":1}`, 200},
	} {
		ids[made.path+"/"] = s.call(key, "POST", made.path, made.body).want(made.status)["id"].(string)
	}
	s.call(key, "POST", "/v1/rules", `{"kind":"approval","threshold":1}`).want(201)
	ids["/v1/approvals/"] = s.call(key, "POST", "/v1/reservations", `{"model":"m","estimated_cost":2}`).want(200)["approval_id"].(string)
	return ids
}

func TestDocumentIsComplete(t *testing.T) {
	s := newServer(t)
	for _, op := range s.operations() {
		if op.Summary == "" || op.Description == "" || len(op.Tags) == 0 {
			t.Errorf("%s %s: no summary, description or tag", op.Method, op.Path)
		}
		for _, p := range op.Parameters {
			if p.In == "path" && !strings.Contains(op.Path, "{"+p.Name+"}") {
				t.Errorf("%s %s has no {%s}", op.Method, op.Path, p.Name)
			}
		}
		if named := strings.Count(op.Path, "{"); named != len(slices.DeleteFunc(slices.Clone(op.Parameters), func(p *huma.Param) bool { return p.In != "path" })) {
			t.Errorf("%s %s does not describe all of its path", op.Method, op.Path)
		}
		for _, code := range []string{"401", "403", "503"} {
			if op.Responses[code] == nil {
				t.Errorf("%s %s does not describe %s", op.Method, op.Path, code)
			}
		}
		if !slices.ContainsFunc([]string{"200", "201", "202", "204"}, func(code string) bool { return op.Responses[code] != nil }) {
			t.Errorf("%s %s describes no success", op.Method, op.Path)
		}
	}
}

// Every command of the page works, with the host of its URLs alone changed.
func TestExamplesWork(t *testing.T) {
	host := regexp.MustCompile(`https://[a-z.-]+/`)
	for _, op := range newServer(t).operations() {
		if op.RequestBody == nil {
			continue
		}
		t.Run(op.OperationID, func(t *testing.T) {
			s := newServer(t)
			id := s.newEndpoint(adminKey, "")
			path := op.Path
			switch {
			case strings.HasPrefix(path, "/v1/secrets/"):
				path = strings.ReplaceAll(path, "{name}", "TOKEN")
			case strings.HasPrefix(path, "/v1/bindings/"):
				path = strings.ReplaceAll(path, "{id}", s.newBinding(adminKey, id))
			case strings.HasPrefix(path, "/v1/silences/"):
				path = strings.ReplaceAll(path, "{id}", s.newSilence(adminKey, ""))
			}
			for name, value := range map[string]string{"{id}": id, "{name}": "order.paid"} {
				path = strings.ReplaceAll(path, name, value)
			}
			workflow, hook := s.newHook(adminKey)
			switch {
			case strings.HasPrefix(path, "/v1/orgs/"):
				path = "/v1/orgs/default"
			case strings.HasPrefix(path, "/v1/hooks/"):
				path = strings.ReplaceAll(op.Path, "{id}", hook)
			case strings.HasPrefix(path, "/v1/workflows/"):
				path = strings.ReplaceAll(op.Path, "{id}", workflow)
			}
			offering, request, task := s.newTask(adminKey)
			for prefix, id := range map[string]string{"/v1/offerings/": offering, "/v1/requests/": request, "/v1/tasks/": task} {
				if strings.HasPrefix(path, prefix) {
					path = strings.ReplaceAll(op.Path, "{id}", id)
				}
			}
			for prefix, made := range s.governed(adminKey) {
				if strings.HasPrefix(path, prefix) {
					path = strings.Replace(path, id, made, 1)
				}
			}
			body := s.exampleText(op.RequestBody.Content["application/json"], false)
			body = host.ReplaceAllString(body, "https://"+s.host()+"/")
			body = strings.ReplaceAll(body, "ep_01h455vb4pex5vsknk084sn02q", id)
			body = strings.ReplaceAll(body, "wf_01h455vb4pex5vsknk084sn02q", workflow)
			body = strings.ReplaceAll(body, "svc_01h455vb4pex5vsknk084sn02q", offering)
			body = strings.ReplaceAll(body, "req_01h455vb4pex5vsknk084sn02q", request)
			if r := s.call(adminKey, op.Method, path, body); r.Status >= 300 {
				t.Errorf("%d %s\n%s", r.Status, r.Body, body)
			}
		})
	}
}

func TestDocsPage(t *testing.T) {
	s := newServer(t)
	page := s.call("", "GET", "/docs", "")
	if page.Status != 200 || !strings.HasPrefix(page.Header.Get("Content-Security-Policy"), "default-src 'self'") {
		t.Fatalf("%d %v", page.Status, page.Header)
	}
	for _, op := range s.operations() {
		if !strings.Contains(page.Body, `<section id="`+op.OperationID+`">`) {
			t.Errorf("the page lacks %s", op.OperationID)
		}
	}
	for _, field := range []string{
		`<td><code>filter</code></td><td>string</td><td>A CEL expression`, `<td><code>retry.schedule</code></td><td>array of strings</td>`,
		`<td><code>type</code> (required)</td>`, `<td>viewer | publisher | admin</td>`,
	} {
		if !strings.Contains(page.Body, field) {
			t.Errorf("the page lacks %s", field)
		}
	}
	if cancel := page.Body[strings.Index(page.Body, `<section id="cancel-delivery">`):]; !strings.Contains(cancel[:strings.Index(cancel, "</section>")], `&#34;status&#34;: &#34;cancelled&#34;`) {
		t.Error("a cancelled delivery is shown as another")
	}
	for path, accept := range map[string]string{"/docs/": "*/*"} {
		if r := s.call("", "GET", path, "", "Accept", accept); r.Status != 302 || r.Header.Get("Location") != "/docs" {
			t.Errorf("%s: %d to %q", path, r.Status, r.Header.Get("Location"))
		}
	}
	for _, bad := range []string{"<script", "style=", `src="http`, `href="http`} {
		if strings.Contains(page.Body, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if css := s.call("", "GET", "/docs/style.css", ""); css.Status != 200 || !strings.HasPrefix(css.Header.Get("Content-Type"), "text/css") {
		t.Errorf("the style sheet: %d %v", css.Status, css.Header)
	}
	if doc := s.call("", "GET", "/openapi.json", ""); doc.want(200)["openapi"] != "3.1.0" {
		t.Error("not OpenAPI 3.1")
	}
}

// Where the operator says how the server is reached, the documents say it too.
func TestDocumentsNameThePublicAddress(t *testing.T) {
	c := newServer(t).Config
	c.PublicURL = "https://peal.example.com/"
	s := &server{api: build(c), t: t}
	servers := s.call("", "GET", "/openapi.json", "").want(200)["servers"].([]any)
	if len(servers) != 1 || servers[0].(map[string]any)["url"] != "https://peal.example.com" {
		t.Errorf("servers: %v", servers)
	}
	page := s.call("", "GET", "/docs", "").Body
	if !strings.Contains(page, "https://peal.example.com/v1/events&#34;") || strings.Contains(page, "$PEAL_URL") {
		t.Error("the page's commands do not go to the public address")
	}
}

func TestProbes(t *testing.T) {
	s := newServer(t)
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n", "/metrics": "peal_up 1\n"} {
		if r := s.call("", "GET", path, ""); r.Status != 200 || r.Body != want {
			t.Errorf("%s: %d %q", path, r.Status, r.Body)
		}
	}
	s.ready = peal.Errorf(peal.CodeUnavailable, "the server is stopping")
	s.call("", "GET", "/readyz", "").problem(503, peal.CodeUnavailable)
	if r := s.call("", "GET", "/healthz", ""); r.Status != 200 {
		t.Errorf("a server that is not ready is alive all the same: %d", r.Status)
	}
}
