package channel

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// maxJiraAnswer is how much of an answer is read, in bytes.
const maxJiraAnswer = 64 << 10

// Send comments on the alert's open issue, or opens one. An alert that resolves without
// an open issue is done. Before it does anything it looks for the issue, so that an attempt
// which is made twice comments rather than opens a second one.
func (j *jira) Send(ctx context.Context, ep *peal.Endpoint, req Request) Result {
	cfg, err := configOf[jiraConfig](j, ep)
	if err != nil {
		return Result{Err: err, Permanent: true}
	}
	s := &site{ctx: ctx, egress: j.egress, cfg: cfg}
	if err := json.Unmarshal(req.Body, &s.issue); err != nil {
		return Result{Err: errors.New("the issue cannot be read"), Permanent: true}
	}
	var labels []string
	resolves := false
	for _, h := range req.Headers {
		switch h.Name {
		case alertHeader:
			labels = append(labels, h.Value)
		case resolvesHeader:
			resolves = true
		case "webhook-id":
			s.event = h.Value
		}
	}
	var (
		r    Result
		told []string
	)
	for _, label := range labels {
		key, found := s.openIssue(label)
		switch r = found; {
		case r.Err != nil:
		case key != "" && resolves:
			r = s.resolve(key)
		case key != "":
			r = s.comment(key)
		case !resolves:
			r = s.create(req.Body)
		default:
			r.Body = []byte("There is no open issue that this resolves.")
		}
		if r.Err != nil {
			return r
		}
		told = append(told, string(r.Body))
	}
	r.Body = excerpt([]byte(strings.Join(slices.Compact(told), " ")))
	return r
}

// site is one Jira for the time of an attempt.
type site struct {
	ctx    context.Context
	egress *egress.Client
	cfg    jiraConfig
	issue  jiraIssue
	event  string // the event's id
}

// resolve does the transition and says so. An issue that cannot be moved is at least told.
func (s *site) resolve(key string) Result {
	if s.cfg.Transition == "" {
		return s.comment(key)
	}
	moved := s.transition(key)
	if moved.Err != nil && !moved.Permanent {
		return moved
	}
	if r := s.comment(key); r.Err != nil || moved.Err == nil {
		return r
	}
	return moved
}

// comment tells the message on an open issue.
func (s *site) comment(key string) Result {
	body, err := commentBody(s.issue.Fields.Summary, s.issue.Fields.Description)
	if err != nil {
		return Result{Err: errors.New("the issue cannot be read"), Permanent: true}
	}
	r := s.call(http.MethodPost, "/issue/"+url.PathEscape(key)+"/comment", map[string]any{"body": body}, nil)
	if r.Err == nil {
		r.Body = []byte("Commented on " + peal.Clip(key, clipLen) + ".")
	}
	return r
}

// openIssue finds the newest issue with the label that is not done; its key is empty
// where there is none.
func (s *site) openIssue(label string) (key string, r Result) {
	query := map[string]any{
		"jql":        fmt.Sprintf("project = %q AND labels = %q AND statusCategory != Done ORDER BY created DESC", s.cfg.Project, label),
		"maxResults": 1, "fields": []string{"status"},
	}
	path := "/search/jql"
	if s.cfg.API == jiraServer {
		path = "/search"
	}
	var found struct {
		Issues []struct {
			Key string `json:"key"`
		} `json:"issues"`
	}
	if r = s.call(http.MethodPost, path, query, &found); r.Err == nil && len(found.Issues) > 0 {
		key = found.Issues[0].Key
	}
	return key, r
}

// errNotJira says that a success is none.
var errNotJira = errors.New("the answer is not Jira's: is this the address of the site?")

// create opens an issue. A project that has no priorities gets none.
func (s *site) create(body []byte) Result {
	var made struct {
		Key string `json:"key"`
	}
	r := s.call(http.MethodPost, "/issue", json.RawMessage(body), &made)
	if r.StatusCode == http.StatusBadRequest && strings.Contains(string(r.Body), `"priority"`) {
		var issue jiraIssue
		if err := json.Unmarshal(body, &issue); err == nil && issue.Fields.Priority != nil {
			issue.Fields.Priority = nil // some projects have none
			r = s.call(http.MethodPost, "/issue", issue, &made)
		}
	}
	if r.Err == nil && made.Key == "" {
		r.Err = errNotJira
	}
	if r.Err == nil {
		r.Body = []byte("Opened " + peal.Clip(made.Key, clipLen) + ".")
	}
	return r
}

// transition does to an issue what the configuration names, a transition or the state
// that it leads to.
func (s *site) transition(key string) Result {
	path := "/issue/" + url.PathEscape(key) + "/transitions"
	var all struct {
		Transitions []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
			To   struct {
				Name string `json:"name"`
			} `json:"to"`
		} `json:"transitions"`
	}
	r := s.call(http.MethodGet, path, nil, &all)
	if r.Err != nil {
		return r
	}
	for _, t := range all.Transitions {
		if strings.EqualFold(t.Name, s.cfg.Transition) || strings.EqualFold(t.To.Name, s.cfg.Transition) {
			return s.call(http.MethodPost, path, map[string]any{"transition": map[string]string{"id": t.ID}}, nil)
		}
	}
	r.Err = fmt.Errorf("the issue %s has no transition %q", key, peal.Clip(s.cfg.Transition, clipLen))
	r.Permanent = true
	return r
}

// call makes one request. What Jira refuses is told in its own words; they never hold
// what was sent.
func (s *site) call(method, path string, in, out any) Result {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return Result{Err: errors.New("the request cannot be written"), Permanent: true}
		}
	}
	version := "3"
	if s.cfg.API == jiraServer {
		version = "2"
	}
	headers := []peal.Header{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "Accept", Value: "application/json"},
		{Name: "Authorization", Value: s.credentials()},
		// Without it, Jira takes a request with another program's User-Agent for a forged one.
		{Name: "X-Atlassian-Token", Value: "no-check"},
	}
	if s.event != "" {
		headers = append(headers, peal.Header{Name: "webhook-id", Value: s.event})
	}
	res, err := s.egress.Do(s.ctx, egress.Request{
		Method: method, URL: strings.TrimSuffix(s.cfg.URL, "/") + "/rest/api/" + version + path, Body: body, MaxResponse: maxJiraAnswer,
		Header: headers,
	})
	whole := s.hide(res.Body)
	res.Body = whole
	res.Body = res.Body[:min(len(res.Body), peal.MaxResponseBody)]
	r := result(res, err)
	switch {
	case err != nil:
		return r
	case res.StatusCode == http.StatusUnauthorized:
		r.Err = errors.New("answered 401: Jira does not take the email and token")
	case res.StatusCode == http.StatusForbidden:
		r.Err = errors.New("answered 403: the account may not do this in the project")
	case res.StatusCode == http.StatusNotFound:
		r.Err = errors.New("answered 404: there is no such site, project or issue, or the account may not see it")
	case res.StatusCode == http.StatusBadRequest:
		r.Err, r.Permanent = fmt.Errorf("answered 400: %s", jiraComplaint(whole)), true
	}
	r.Gone = false // of a page of the site, not of the site
	if r.Err == nil && out != nil && json.Unmarshal(whole, out) != nil {
		r.Err = errNotJira
	}
	return r
}

// credentials are a basic login, or a server's personal access token.
func (s *site) credentials() string {
	if s.cfg.Email == "" {
		return "Bearer " + s.cfg.Token
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(s.cfg.Email+":"+s.cfg.Token))
}

// hide takes the credentials out of an answer, which may repeat the request.
func (s *site) hide(answer []byte) []byte {
	_, encoded, _ := strings.Cut(s.credentials(), " ")
	for _, secretText := range []string{encoded, s.cfg.Token} {
		answer = bytes.ReplaceAll(answer, []byte(secretText), []byte(secret.Redacted))
	}
	return answer
}

// jiraComplaint is what Jira says is wrong with a request.
func jiraComplaint(answer []byte) string {
	var c struct {
		Messages []string          `json:"errorMessages"`
		Errors   map[string]string `json:"errors"`
	}
	if json.Unmarshal(answer, &c) != nil {
		return "it refuses the issue"
	}
	for field, why := range c.Errors {
		c.Messages = append(c.Messages, field+": "+why)
	}
	slices.Sort(c.Messages)
	if len(c.Messages) == 0 {
		return "it refuses the issue"
	}
	return peal.Clip(peal.ReadableLine(strings.Join(c.Messages, "; ")), maxReply)
}
