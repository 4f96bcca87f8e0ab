package receiver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// tracker is a Jira with what Peal uses of REST v3: it opens issues, finds them by their
// label, and takes comments.
type tracker struct {
	login  string // what Authorization must say
	issues []string
	labels map[string]string // issues, by label
}

const (
	trackerRoot    = "/jira/rest/api/3"
	trackerProject = "PEAL"
	trackerUser    = "dev@example.com"
)

var (
	askedLabel = regexp.MustCompile(`labels = "([^"]+)"`)
	aComment   = regexp.MustCompile(`^/issue/([A-Z]+-[0-9]+)/comment$`)
)

// answer plays a request, whose body is verified where news is true.
func (t *tracker) answer(req *http.Request, body []byte) (status int, doc any, news bool) {
	if req.Header.Get("Authorization") != t.login {
		return http.StatusUnauthorized, nil, false
	}
	switch path := strings.TrimPrefix(req.URL.Path, trackerRoot); path {
	case "/search/jql":
		var query struct {
			JQL string `json:"jql"`
		}
		if err := json.Unmarshal(body, &query); err != nil {
			return http.StatusBadRequest, map[string]any{"errorMessages": []string{"the query is not JSON"}}, false
		}
		asked := askedLabel.FindStringSubmatch(query.JQL)
		if asked == nil {
			return http.StatusBadRequest, map[string]any{"errorMessages": []string{"the query names no label"}}, false
		}
		found := []map[string]string{}
		if key, ok := t.labels[asked[1]]; ok {
			found = append(found, map[string]string{"key": key})
		}
		return http.StatusOK, map[string]any{"issues": found}, false
	case "/issue":
		var issue struct {
			Fields struct {
				Project struct {
					Key string `json:"key"`
				} `json:"project"`
				Labels []string `json:"labels"`
			} `json:"fields"`
		}
		if json.Unmarshal(body, &issue) != nil || issue.Fields.Project.Key != trackerProject {
			return http.StatusBadRequest, map[string]any{"errors": map[string]string{"project": "there is no such project"}}, true
		}
		key := fmt.Sprintf("%s-%d", trackerProject, len(t.issues)+1)
		t.issues = append(t.issues, key)
		for _, label := range issue.Fields.Labels {
			t.labels[label] = key
		}
		return http.StatusCreated, map[string]string{"key": key}, true
	default:
		if m := aComment.FindStringSubmatch(path); m != nil && slices.Contains(t.issues, m[1]) {
			return http.StatusCreated, map[string]string{"id": "1"}, true
		}
		return http.StatusNotFound, nil, false
	}
}
