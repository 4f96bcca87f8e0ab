package channel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
)

// jira opens an issue for an alert, comments on it when the alert fires again while it is
// open, and can close it when the alert resolves. It speaks Jira Cloud's REST API v3 with
// Atlassian's document format, and Jira Server's and Data Center's v2 with wiki text:
// https://developer.atlassian.com/cloud/jira/platform/rest/v3/,
// https://docs.atlassian.com/software/jira/docs/api/REST/latest/.
//
// What ties events of one alert together is a label on the issue, made from the event's
// type and subject: Jira itself is the memory, the same for all nodes.
type jira struct {
	egress *egress.Client
}

// jiraConfig is the configuration by the names of jira's fields.
type jiraConfig struct {
	URL        string            `json:"url"`
	API        string            `json:"api"`
	Project    string            `json:"project"`
	Email      string            `json:"email"`
	Token      string            `json:"token"`
	IssueType  string            `json:"issue_type"`
	Labels     []string          `json:"labels"`
	Priorities map[string]string `json:"priorities"`
	Transition string            `json:"transition"`
}

const (
	jiraCloud  = "cloud"
	jiraServer = "server"
)

func (*jira) Kind() string { return "jira" }

func (*jira) Fields() []Field {
	return append([]Field{
		{Name: "url", Type: String, Required: true, Help: "The site, such as https://example.atlassian.net."},
		{Name: "api", Type: String, Enum: []string{jiraCloud, jiraServer}, Default: jiraCloud, Help: "Jira Cloud, or a server of your own."},
		{Name: "project", Type: String, Required: true, Help: "The project's key, such as OPS."},
		{Name: "email", Type: String, Help: "The account that the token belongs to; with a server's personal access token leave it out."},
		{Name: "token", Type: String, Required: true, Secret: true, Help: "An API token, or a server's personal access token."},
		{Name: "issue_type", Type: String, Default: "Task", Help: "The type of new issues."},
		{Name: "labels", Type: Strings, Help: "Labels of new issues, beside the one by which an alert finds its issue again."},
		{Name: "priorities", Type: Map, Help: "A priority for each severity, such as critical: Highest; severities without one leave it to the project."},
		{Name: "transition", Type: String, Help: "What is done to the issue when its alert resolves, such as Done; without it, a comment says so."},
	}, wordFields...)
}

var (
	projectKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)
	jiraLabel  = regexp.MustCompile(`^\S{1,255}$`)
)

func (j *jira) Check(ctx context.Context, ep *peal.Endpoint) error {
	cfg, err := configOf[jiraConfig](j, ep)
	if err != nil {
		return err
	}
	if !projectKey.MatchString(cfg.Project) {
		return peal.Invalid("config.project", "config.project is a project's key, such as OPS")
	}
	if cfg.API == jiraCloud && cfg.Email == "" {
		return peal.Invalid("config.email", "config.email is required for Jira Cloud: the account that the token belongs to")
	}
	for _, l := range cfg.Labels {
		if !jiraLabel.MatchString(l) {
			return peal.Invalid("config.labels", "a label has no spaces and at most 255 characters")
		}
	}
	for severity := range cfg.Priorities {
		if s, err := peal.ParseSeverity(severity); err != nil || s == "" {
			return peal.Invalid("config.priorities", "priorities are named by severities: info, warning, high, critical")
		}
	}
	if err := j.egress.CheckURL(ctx, cfg.URL); err != nil {
		return inConfig(err)
	}
	if strings.ContainsAny(cfg.URL, "?#") {
		return peal.Invalid("config.url", "config.url is the site's address alone, such as https://example.atlassian.net")
	}
	return nil
}

// The headers by which Render tells Send what the issue's body does not say. Jira has no
// use for them and is not sent them.
const (
	alertHeader    = "X-Peal-Alert"
	resolvesHeader = "X-Peal-Resolves"
)

// jiraIssue is the body of a new issue; what goes into a comment is its description.
type jiraIssue struct {
	Fields jiraFields `json:"fields"`
}

type jiraFields struct {
	Project     map[string]string `json:"project"`
	IssueType   map[string]string `json:"issuetype"`
	Summary     string            `json:"summary"`
	Description json.RawMessage   `json:"description"`
	Labels      []string          `json:"labels"`
	Priority    map[string]string `json:"priority,omitempty"`
}

// maxSummary is Jira's limit of a summary, in characters.
const maxSummary = 255

// Render gives the body of a new issue.
func (j *jira) Render(ep *peal.Endpoint, m *Message) ([]byte, []peal.Header, error) {
	cfg, err := configOf[jiraConfig](j, ep)
	if err != nil {
		return nil, nil, err
	}
	keys, resolves := alerts(m.Events)
	label := alertLabel(m.Org, strings.Join(keys, "\x00"))
	issue := jiraIssue{jiraFields{
		Project: map[string]string{"key": cfg.Project}, IssueType: map[string]string{"name": cfg.IssueType},
		Summary: cut(m.Title, maxSummary), Labels: append(slices.Clone(cfg.Labels), label),
	}}
	if p := cfg.Priorities[string(m.Severity)]; p != "" {
		issue.Fields.Priority = map[string]string{"name": p}
	}
	if cfg.API == jiraServer {
		issue.Fields.Description, err = json.Marshal(wikiText(m))
	} else {
		issue.Fields.Description, err = json.Marshal(adf(m))
	}
	if err != nil {
		return nil, nil, err
	}
	body, err := jsonBody(issue)
	headers := jsonHeaders(m)
	if !resolves {
		return body, append(headers, peal.Header{Name: alertHeader, Value: label}), err
	}
	for _, key := range keys {
		headers = append(headers, peal.Header{Name: alertHeader, Value: alertLabel(m.Org, key)})
	}
	return body, append(headers, peal.Header{Name: resolvesHeader, Value: "true"}), err
}

func alertLabel(org, key string) string {
	sum := sha256.Sum256([]byte(org + "\x00" + key))
	return "peal-" + hex.EncodeToString(sum[:8])
}

// alerts are the keys of what events report. Events that all say that something is over
// have one for each alert; others have one where they are of one alert, else one for each
// kind of alert, so that the same kinds find the same issue again.
func alerts(events []*peal.Event) (keys []string, resolve bool) {
	over := map[string]bool{} // the last word on each alert counts
	for _, ev := range events {
		key, resolves := catalogue.Alert(ev)
		over[key] = resolves
	}
	keys, resolve = slices.Sorted(maps.Keys(over)), true
	for _, resolved := range over {
		resolve = resolve && resolved
	}
	switch {
	case resolve:
		return keys[:min(len(keys), mostResolved)], true
	case len(keys) == 1:
		return keys, false
	}
	for i, key := range keys {
		kind, _, _ := strings.Cut(key, "/")
		keys[i] = kind + "/*"
	}
	return slices.Compact(keys), false
}

// mostResolved is how many alerts one message resolves: each takes up to four requests of
// an attempt's time.
const mostResolved = 20
