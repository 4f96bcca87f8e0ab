package channel

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/peal"
)

var jiraSample = sample{
	endpoint: func(url string) *peal.Endpoint {
		return configured("jira", map[string]any{
			"url": strings.TrimSuffix(url, "/"), "project": "OPS", "email": "bot@example.com", "token": "xyzzy-plugh",
			"labels": []string{"alert"}, "priorities": map[string]string{"critical": "Highest"},
		})
	},
	invalid: map[string]*peal.Endpoint{
		"config.url":        configured("jira", map[string]any{"url": "https://10.0.0.1", "project": "OPS", "email": "a@b.c", "token": "t"}),
		"config.project":    configured("jira", map[string]any{"url": "http://127.0.0.1", "project": "O\" OR 1=1", "email": "a@b.c", "token": "t"}),
		"config.email":      configured("jira", map[string]any{"url": "http://127.0.0.1", "project": "OPS", "token": "t"}),
		"config.labels":     configured("jira", map[string]any{"url": "http://127.0.0.1", "project": "OPS", "email": "a@b.c", "token": "t", "labels": []string{"two words"}}),
		"config.priorities": configured("jira", map[string]any{"url": "http://127.0.0.1", "project": "OPS", "email": "a@b.c", "token": "t", "priorities": map[string]string{"bad": "High"}}),
	},
	secrets:   []string{"xyzzy-plugh"},
	rules:     jiraRules,
	elsewhere: true,
}

// jiraRules are those of Jira Cloud's POST /issue and of Atlassian's document format.
func jiraRules(_ []peal.Header, body []byte) (string, error) {
	var issue struct {
		Fields struct {
			Project, IssueType, Priority map[string]string
			Summary                      string
			Labels                       []string
			Description                  node
		}
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&issue); err != nil {
		return "", err
	}
	f := issue.Fields
	if f.Project["key"] != "OPS" || f.IssueType["name"] != "Task" || f.Summary == "" || utf8.RuneCountInString(f.Summary) > 255 || strings.ContainsAny(f.Summary, "\r\n") {
		return "", fmt.Errorf("fields %+v", f)
	}
	if len(f.Labels) != 2 || f.Labels[0] != "alert" || !strings.HasPrefix(f.Labels[1], "peal-") {
		return "", fmt.Errorf("labels %v", f.Labels)
	}
	var structure strings.Builder
	length := 0
	err := checkNode(&structure, &length, f.Description, "")
	if length > 32_767 {
		err = fmt.Errorf("%d characters", length)
	}
	return structure.String(), err
}

// parents tells where a node of Atlassian's documents may stand.
var parents = map[string][]string{
	"doc": {""}, "paragraph": {"doc", "tableCell", "tableHeader"}, "codeBlock": {"doc", "tableCell"}, "table": {"doc"},
	"tableRow": {"table"}, "tableCell": {"tableRow"}, "tableHeader": {"tableRow"}, "text": {"paragraph", "codeBlock"},
}

func checkNode(structure *strings.Builder, length *int, n node, parent string) error {
	if !slices.Contains(parents[n.Type], parent) {
		return fmt.Errorf("a %q in a %q", n.Type, parent)
	}
	if n.Type == "text" && n.Text == "" || n.Type != "text" && n.Text != "" || n.Type == "doc" && n.Version != 1 {
		return fmt.Errorf("the node %+v", n)
	}
	*length += utf8.RuneCountInString(n.Text)
	fmt.Fprintf(structure, "%s%d ", n.Type, len(n.Marks))
	for _, c := range n.Content {
		if err := checkNode(structure, length, c, n.Type); err != nil {
			return err
		}
	}
	return nil
}

// tracker is a Jira with the routes that are used, which holds requests to what is
// documented.
type tracker struct {
	t        *testing.T
	version  string
	open     string // the key of the open issue
	refuse   map[string]string
	calls    []string
	comments []json.RawMessage
}

func (j *tracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Accept") != "application/json" || r.Header.Get("Authorization") == "" || r.Header.Get(alertHeader) != "" {
		j.t.Errorf("%s %s with %v: %v", r.Method, r.URL, r.Header, err)
	}
	call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/rest/api/"+j.version)
	j.calls = append(j.calls, call)
	if answer, ok := j.refuse[call]; ok {
		delete(j.refuse, call)
		if status, err := strconv.Atoi(answer); err == nil {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>"+r.Header.Get("Authorization")+"</html>")
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, answer)
		return
	}
	switch call {
	case "POST /search/jql", "POST /search":
		if !strings.Contains(string(body), `labels = \"peal-`) || !strings.Contains(string(body), `project = \"OPS\"`) {
			j.t.Errorf("search %s", body)
		}
		issues := []map[string]string{}
		if j.open != "" {
			issues = append(issues, map[string]string{"key": j.open})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"issues": issues})
	case "POST /issue":
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"1","key":"OPS-7"}`)
	case "POST /issue/OPS-7/comment":
		j.comments = append(j.comments, body)
		w.WriteHeader(http.StatusCreated)
	case "GET /issue/OPS-7/transitions":
		_, _ = io.WriteString(w, `{"transitions":[{"id":"21","name":"Start","to":{"name":"In Progress"}},{"id":"31","name":"Resolve","to":{"name":"Done"}}]}`)
	case "POST /issue/OPS-7/transitions":
		if string(body) != `{"transition":{"id":"31"}}` {
			j.t.Errorf("transition %s", body)
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func TestJira(t *testing.T) {
	for name, tc := range map[string]struct {
		config    map[string]any
		event     string
		open      string
		refuse    map[string]string
		calls     []string
		err, body string
		permanent bool
		wait      time.Duration
	}{
		"opens an issue":           {event: "circuit.open", calls: []string{"POST /search/jql", "POST /issue"}, body: "Opened OPS-7."},
		"comments on it":           {event: "circuit.open", open: "OPS-7", calls: []string{"POST /search/jql", "POST /issue/OPS-7/comment"}, body: "Commented on OPS-7."},
		"comments that it is over": {event: "circuit.closed", open: "OPS-7", calls: []string{"POST /search/jql", "POST /issue/OPS-7/comment"}, body: "Commented on OPS-7."},
		"closes it": {
			config: map[string]any{"transition": "done"}, event: "circuit.closed", open: "OPS-7", body: "Commented on OPS-7.",
			calls: []string{"POST /search/jql", "GET /issue/OPS-7/transitions", "POST /issue/OPS-7/transitions", "POST /issue/OPS-7/comment"},
		},
		"has nothing to close": {event: "circuit.closed", calls: []string{"POST /search/jql"}, body: "There is no open issue that this resolves."},
		"cannot close it": {
			config: map[string]any{"transition": "Vanish"}, event: "circuit.closed", open: "OPS-7", permanent: true,
			calls: []string{"POST /search/jql", "GET /issue/OPS-7/transitions", "POST /issue/OPS-7/comment"}, err: `the issue OPS-7 has no transition "Vanish"`,
		},
		"does without a priority": {
			config: map[string]any{"priorities": map[string]string{"high": "High"}}, event: "circuit.open", body: "Opened OPS-7.",
			refuse: map[string]string{"POST /issue": `{"errorMessages":[],"errors":{"priority":"Field 'priority' cannot be set."}}`},
			calls:  []string{"POST /search/jql", "POST /issue", "POST /issue"},
		},
		"is refused": {
			event: "circuit.open", permanent: true, calls: []string{"POST /search/jql", "POST /issue"}, err: "answered 400: issuetype: valid issue type is required",
			refuse: map[string]string{"POST /issue": `{"errors":{"issuetype":"valid issue type is required"}}`},
		},
		"may not sign in": {
			event: "circuit.open", calls: []string{"POST /search/jql"}, err: "answered 401: Jira does not take the email and token",
			refuse: map[string]string{"POST /search/jql": "401"},
		},
		"is asked to wait": {
			event: "circuit.open", calls: []string{"POST /search/jql"}, err: "answered 429", wait: 7 * time.Second,
			refuse: map[string]string{"POST /search/jql": "429"},
		},
		"is no Jira": {
			event: "circuit.open", calls: []string{"POST /search/jql"}, err: "the answer is not Jira's: is this the address of the site?",
			refuse: map[string]string{"POST /search/jql": "200"},
		},
		"speaks to a server": {
			config: map[string]any{"api": "server", "email": "", "token": "pat"}, event: "circuit.open",
			calls: []string{"POST /search", "POST /issue"}, body: "Opened OPS-7.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			site := &tracker{t: t, version: "3", open: tc.open, refuse: tc.refuse}
			if tc.config["api"] == "server" {
				site.version = "2"
			}
			srv := httptest.NewServer(site)
			t.Cleanup(srv.Close)
			config := map[string]any{"url": srv.URL, "project": "OPS", "email": "bot@example.com", "token": "xyzzy"}
			for name, value := range tc.config {
				config[name] = value
			}
			c, ep := &jira{egress: clientFor(t)}, configured("jira", config)
			ev := sampleEvent(tc.event, []byte(`{"routeId":"r1"}`))
			body, headers, err := c.Render(ep, sampleMessage(ep, ev))
			if err != nil {
				t.Fatal(err)
			}
			r := c.Send(t.Context(), ep, Request{Headers: headers, Body: body})
			if message(r.Err) != tc.err || tc.err == "" && string(r.Body) != tc.body || r.Permanent != tc.permanent || r.RetryAfter != tc.wait {
				t.Errorf("%q %q permanent %v after %s", message(r.Err), r.Body, r.Permanent, r.RetryAfter)
			}
			if strings.Contains(string(r.Body), "Ym90QGV4YW1wbGUuY29tOnh5enp5") {
				t.Errorf("the credentials are told: %s", r.Body)
			}
			for _, c := range site.comments {
				if !strings.Contains(string(c), `{"type":"text","text":"Circuit`) {
					t.Errorf("the comment has no title: %s", c)
				}
			}
			if !slices.Equal(site.calls, tc.calls) {
				t.Errorf("calls %v, want %v", site.calls, tc.calls)
			}
		})
	}
}

// The same alert has the same label whichever event tells of it, and another none.
func TestJiraKnowsAnAlertAgain(t *testing.T) {
	ep := jiraSample.endpoint("https://example.atlassian.net")
	label := func(eventType, subject string) string {
		ev := sampleEvent(eventType, []byte(`{}`))
		ev.Subject = subject
		_, headers, err := (&jira{}).Render(ep, sampleMessage(ep, ev))
		i := slices.IndexFunc(headers, func(h peal.Header) bool { return h.Name == alertHeader })
		if err != nil || i < 0 {
			t.Fatal(errors.Join(err, errors.New("no label")))
		}
		return headers[i].Value
	}
	if label("circuit.open", "a") != label("circuit.closed", "a") {
		t.Error("what resolves an alert has another label")
	}
	if label("circuit.open", "a") == label("circuit.open", "b") || label("circuit.open", "a") == label("budget.warning", "a") {
		t.Error("different alerts have one label")
	}
}

var reference = regexp.MustCompile(`&#[0-9]+;`)

// Server markup must come out as text: whatever a text holds, its marks are references.
func FuzzEscapeWiki(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "x")
		escaped := escapeWiki(s)
		if left := reference.ReplaceAllString(escaped, ""); strings.ContainsAny(left, wikiMarks) || html.UnescapeString(escaped) != s {
			t.Fatalf("%q becomes %q", s, escaped)
		}
	})
}

// A server takes no text longer than its limit, however much of it is marks.
func TestWikiTextFits(t *testing.T) {
	ep := configured("jira", map[string]any{"url": "http://127.0.0.1", "project": "OPS", "token": "t", "api": "server"})
	for _, s := range append(slices.Clone(hostile), "*", "é") {
		long := strings.Repeat(s+" ", 64<<10/(len(s)+1))
		body, _, err := (&jira{}).Render(ep, sampleMessage(ep, hostileEvent(long, long, peal.Clip(long, 1000), long)))
		if err != nil {
			t.Fatal(err)
		}
		var issue jiraIssue
		if err := json.Unmarshal(body, &issue); err != nil {
			t.Fatal(err)
		}
		comment, err := commentBody(issue.Fields.Summary, issue.Fields.Description)
		if text, _ := comment.(string); err != nil || utf8.RuneCountInString(text) > 32_767 || !strings.HasPrefix(text, "*") {
			t.Errorf("%q: %d characters, %v", s, utf8.RuneCountInString(text), err)
		}
	}
}

// Several events are one alert, several of the same kinds, or the end of several.
func TestJiraKnowsGroups(t *testing.T) {
	event := func(eventType, subject string) *peal.Event {
		return &peal.Event{Type: eventType, Subject: subject, Data: []byte("{}")}
	}
	for name, tc := range map[string]struct {
		events   []*peal.Event
		keys     []string
		resolves bool
	}{
		"one alert":          {[]*peal.Event{event("circuit.open", "a"), event("circuit.open", "a")}, []string{"circuit.open/a"}, false},
		"one alert, over":    {[]*peal.Event{event("circuit.open", "a"), event("circuit.closed", "a")}, []string{"circuit.open/a"}, true},
		"one alert, again":   {[]*peal.Event{event("circuit.closed", "a"), event("circuit.open", "a")}, []string{"circuit.open/a"}, false},
		"one kind":           {[]*peal.Event{event("circuit.open", "b"), event("circuit.open", "a")}, []string{"circuit.open/*"}, false},
		"several kinds":      {[]*peal.Event{event("circuit.open", "b"), event("budget.warning", "a")}, []string{"budget.warning/*", "circuit.open/*"}, false},
		"several are over":   {[]*peal.Event{event("circuit.closed", "b"), event("circuit.closed", "a")}, []string{"circuit.open/a", "circuit.open/b"}, true},
		"one of two is over": {[]*peal.Event{event("circuit.closed", "b"), event("circuit.open", "a")}, []string{"circuit.open/*"}, false},
	} {
		if keys, resolves := alerts(tc.events); !slices.Equal(keys, tc.keys) || resolves != tc.resolves {
			t.Errorf("%s: %v, %v", name, keys, resolves)
		}
	}
}
