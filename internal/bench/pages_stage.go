package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/internal/peal"
)

const (
	manyEndpoints  = 200 // of the org whose pages are measured
	fewEndpoints   = 10  // of each other org
	otherOrgs      = 4
	benchObjects   = 20 // of each kind that a person makes
	benchApprovals = 5  // that wait for a decision
)

// stage is what the API makes before the database is filled: configuration, which the rows
// that are written name.
type stage struct {
	admin  *client.Client
	orgs   []*tenant
	key    string // of the first org
	portal string // the path of its portal
}

// prepare makes the configuration of all orgs.
func prepare(ctx context.Context, base, adminKey string) (*stage, error) {
	s := &stage{admin: &client.Client{BaseURL: base, Key: adminKey}}
	for i := range 1 + otherOrgs {
		t := &tenant{id: fmt.Sprintf("bench-%d", i)}
		c := *s.admin
		c.Org = t.id
		if _, err := s.admin.CreateOrg(ctx, client.Org{ID: t.id, Name: t.id}); err != nil {
			return nil, err
		}
		n := fewEndpoints
		if i == 0 {
			n = manyEndpoints
		}
		for k := range n {
			if err := t.addEndpoint(ctx, &c, k); err != nil {
				return nil, err
			}
		}
		s.orgs = append(s.orgs, t)
		if i > 0 {
			continue
		}
		if err := s.configure(ctx, &c, t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// addEndpoint makes an endpoint, which nothing is ever sent to.
func (t *tenant) addEndpoint(ctx context.Context, c *client.Client, place int) error {
	e, err := c.CreateEndpoint(ctx, client.Endpoint{
		Name: fmt.Sprintf("Customer %d", place), URL: fmt.Sprintf("https://receiver.example/%s/%d", t.id, place), Events: []string{"order.*", "invoice.*"},
	})
	if err == nil && place == pausedAt {
		e, err = c.PauseEndpoint(ctx, e.ID)
	}
	if err != nil {
		return err
	}
	id, err := peal.ParseEndpointID(e.ID)
	t.endpoints = append(t.endpoints, id)
	return err
}

// configure makes the other objects of an org.
func (s *stage) configure(ctx context.Context, c *client.Client, t *tenant) error {
	k, err := c.CreateKey(ctx, "bench", "admin")
	if err != nil {
		return err
	}
	s.key = k.Key
	link, err := c.CreatePortalLink(ctx, client.PortalLink{Name: "Bench"})
	if err != nil {
		return err
	}
	at, err := url.Parse(link.URL)
	if err != nil {
		return err
	}
	s.portal = at.Path
	text, err := json.Marshal(map[string]any{"name": "bench", "steps": []map[string]any{{"id": "tell", "uses": "publish", "with": map[string]string{"type": "bench.told"}}}})
	if err != nil {
		return err
	}
	g := gateway{addr: strings.TrimPrefix(c.BaseURL, "http://"), key: k.Key, org: t.id}
	for i := range benchObjects {
		w, err := c.CreateWorkflow(ctx, fmt.Sprintf("Workflow %d", i), string(text))
		if err != nil {
			return err
		}
		h, err := c.CreateHook(ctx, client.Hook{Name: fmt.Sprintf("Hook %d", i), Workflow: w.ID})
		if err != nil {
			return err
		}
		if t.workflow, err = peal.ParseWorkflowID(w.ID); err != nil {
			return err
		}
		if t.hook, err = peal.ParseHookID(h.ID); err != nil {
			return err
		}
		for _, object := range [][2]string{
			{"/v1/bindings", fmt.Sprintf(`{"endpoint":%q,"match":{"types":["order.*"]}}`, t.endpoints[i])},
			{"/v1/silences", fmt.Sprintf(`{"until":%q,"match":{"types":["quiet.%d"]}}`, time.Now().Add(24*time.Hour).Format(time.RFC3339), i)},
			{"/v1/members", fmt.Sprintf(`{"email":"user-%d@example.com","role":"viewer"}`, i)},
			{"/v1/rules", fmt.Sprintf(`{"kind":"budget","scope":"key","ref":"key-%d","period":"monthly","limit":"1000"}`, i)},
			{"/v1/credits", `{"amount":"100.00","note":"bench"}`},
		} {
			if err := g.post(ctx, object[0], object[1]); err != nil {
				return err
			}
		}
	}
	if err := g.post(ctx, "/v1/rules", `{"kind":"approval","threshold":"1"}`); err != nil {
		return err
	}
	for range benchApprovals {
		if err := g.post(ctx, "/v1/reservations", `{"model":"model-1","key":"key-1","estimated_cost":"2.00"}`); err != nil {
			return err
		}
	}
	return nil
}

// page is a list of the API, as far as samples need it.
type page struct {
	Data []struct {
		ID      any    `json:"id"` // a number in the audit trail
		Subject string `json:"subject"`
	} `json:"data"`
	Next *string `json:"next_cursor"`
}

// samples are what the words in the addresses stand for.
func (s *stage) samples(ctx context.Context, g *gateway, now time.Time) (map[string][]string, error) {
	ago := func(days int) string { return now.AddDate(0, 0, -days).UTC().Format(time.RFC3339) }
	t := s.orgs[0]
	all := map[string][]string{
		"week-ago": {ago(7)}, "days-ago": {ago(5)}, "month-ago": {ago(28)},
		"busy": {t.endpoints[0].String(), t.endpoints[1].String()}, "quiet": {t.endpoints[len(t.endpoints)-2].String()},
		"hook": {t.hook.String()}, "workflow": {t.workflow.String()},
	}
	for _, list := range []struct{ ids, cursor, path string }{
		{"event", "event-second", "/v1/events?limit=50"},
		{"subject", "event-deep", "/v1/events?limit=50&until=" + ago(14)},
		{"delivery", "delivery-second", "/v1/deliveries?limit=50"},
		{"delivery", "delivery-deep", "/v1/deliveries?limit=50&until=" + ago(14)},
		{"delivery", "dead-deep", "/v1/deliveries?limit=5&status=dead&until=" + ago(14)},
		{"", "endpoint-second", "/v1/endpoints?limit=50"},
		{"execution", "", "/v1/executions?limit=50"},
		{"group", "", "/v1/groups?limit=50"},
		{"", "audit-second", "/v1/audit?limit=50"},
	} {
		resp, err := g.do(ctx, http.MethodGet, list.path, "")
		if err != nil {
			return nil, err
		}
		var p page
		if err := readAnswer(resp, &p); err != nil {
			return nil, err
		}
		for _, d := range p.Data {
			sample := fmt.Sprint(d.ID)
			if list.ids == "subject" {
				sample = d.Subject
			}
			all[list.ids] = append(all[list.ids], sample)
		}
		if p.Next != nil {
			all[list.cursor] = []string{*p.Next}
		}
	}
	return all, nil
}

// fillIn puts the samples of a fetch into an address.
func fillIn(path string, samples map[string][]string, fetch int) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(path, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, _ := strings.Cut(rest, "}")
		values := samples[name]
		if len(values) == 0 {
			return "", fmt.Errorf("bench: there is no %s to show", name)
		}
		b.WriteString(url.QueryEscape(values[fetch%len(values)]))
		path = after
	}
}
