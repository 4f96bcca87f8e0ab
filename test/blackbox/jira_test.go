package blackbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// jiraSite is a Jira with one project and at most one open issue.
type jiraSite struct {
	URL string

	mu    sync.Mutex
	open  string
	label string
	calls []string
	said  []string
}

func newJiraSite(t *testing.T) *jiraSite {
	t.Helper()
	j := &jiraSite{}
	srv := httptest.NewServer(j)
	t.Cleanup(srv.Close)
	j.URL = srv.URL
	return j
}

func (j *jiraSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if user, token, ok := r.BasicAuth(); !ok || user != "bot@example.com" || token != "hush-hush" {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "no login with "+token+" by "+r.Header.Get("Authorization"))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/rest/api/3")
	if j.calls = append(j.calls, call); call != "POST /search/jql" {
		j.said = append(j.said, string(body))
	}
	switch call {
	case "POST /search/jql":
		if !strings.Contains(string(body), `project = \"OPS\"`) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"errorMessages":["The value 'NONE' does not exist for the field 'project'."],"errors":{}}`)
			return
		}
		issues := []object{}
		if j.open != "" && strings.Contains(string(body), j.label) {
			issues = append(issues, object{"key": j.open})
		}
		_ = json.NewEncoder(w).Encode(object{"issues": issues})
	case "POST /issue":
		var issue struct {
			Fields struct {
				Project struct{ Key string }
				Labels  []string
			}
		}
		if json.Unmarshal(body, &issue) != nil || issue.Fields.Project.Key != "OPS" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		j.open, j.label = "OPS-1", issue.Fields.Labels[0]
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"key":"OPS-1"}`)
	case "POST /issue/OPS-1/comment":
		w.WriteHeader(http.StatusCreated)
	case "GET /issue/OPS-1/transitions":
		_, _ = io.WriteString(w, `{"transitions":[{"id":"3","name":"Finish","to":{"name":"Done"}}]}`)
	case "POST /issue/OPS-1/transitions":
		j.open = ""
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// An alert opens one issue, comments on it, and closes it.
func TestJira(t *testing.T) {
	t.Parallel()
	j := newJiraSite(t)
	s := newServer(t)
	c := s.Admin()
	config := func(pairs ...any) object {
		return with(object{"url": j.URL, "project": "OPS", "email": "bot@example.com", "token": "hush-hush"}, pairs...)
	}
	ep := c.Call(t, 201, "POST", "/v1/endpoints", object{"type": "jira", "events": []string{"circuit.*"}, "config": config("transition", "done")})
	var shown []string
	for _, eventType := range []string{"circuit.open", "circuit.open", "circuit.closed"} {
		event := c.Publish(t, eventType, object{"routeId": "chat", "failureCount": 5})
		d := c.Delivery(t, text(event, "id"), "succeeded")
		shown = append(shown, "/v1/deliveries/"+text(d, "id"), "/v1/deliveries/"+text(d, "id")+"/payload")
	}
	j.mu.Lock()
	want := []string{
		"POST /search/jql", "POST /issue", "POST /search/jql", "POST /issue/OPS-1/comment",
		"POST /search/jql", "GET /issue/OPS-1/transitions", "POST /issue/OPS-1/transitions", "POST /issue/OPS-1/comment",
	}
	if !slices.Equal(j.calls, want) || !strings.Contains(j.said[0], "chat is cut off after 5 failures") {
		t.Errorf("calls %v\n%s", j.calls, strings.Join(j.said, "\n"))
	}
	j.mu.Unlock()
	for _, tc := range []struct {
		config object
		want   string
	}{
		{config(), "Delivered"},
		{config("token", "wrong-hush-hush"), "answered 401: Jira does not take the email and token"},
		{config("project", "NONE"), "answered 400: The value 'NONE' does not exist for the field 'project'."},
	} {
		c.wantTest(t, "jira", tc.config, tc.want, "hush-hush")
	}
	for _, path := range append(shown, "/v1/endpoints", "/v1/endpoints/"+text(ep, "id"), "/nemo/channel/list", "/v1/audit") {
		if a := c.Try(t, "GET", path, nil); a.Status != 200 || strings.Contains(string(a.Body), "hush-hush") {
			t.Errorf("%s: status %d, %s", path, a.Status, a.Body)
		}
	}
	if strings.Contains(string(s.log.All()), "hush-hush") {
		t.Error("the token is logged")
	}
}
