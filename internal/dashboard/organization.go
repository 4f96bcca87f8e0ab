package dashboard

import (
	"net/http"
	"net/url"

	"github.com/peal-dev/peal/internal/peal"
)

// organization is the org as the API shows it, with how it counts.
type organization struct {
	ID                  string `json:"id"`
	Name                string `json:"name"`
	Profile             string `json:"profile"`
	Plan                string `json:"plan"`
	RetentionDeliveries string `json:"retention_deliveries"`
	RetentionEvents     string `json:"retention_events"`
	TimeZone            string `json:"time_zone"`
	BillingDay          int    `json:"billing_day"`
	Currency            string `json:"currency"`
}

// wireFormat is a profile as the API shows it.
type wireFormat struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Headers     []string    `json:"headers"`
	Schedule    []string    `json:"schedule"`
	Timeout     string      `json:"timeout"`
	Exhausted   peal.Status `json:"exhausted"`
	DedupWindow string      `json:"dedup_window"`
}

// integration is a channel with the endpoints of it.
type integration struct {
	Kind, Name, Says string
	Endpoints        []endpoint
}

// integrations are the channels to people's tools, as they are called there.
var integrations = []integration{
	{Kind: "slack", Name: "Slack", Says: "Messages in a channel, by an incoming webhook or an app's token."},
	{Kind: "teams", Name: "Microsoft Teams", Says: "Cards in a channel, by a workflow's webhook."},
	{Kind: "jira", Name: "Jira", Says: "An issue for each event, or each group of events."},
	{Kind: "email", Name: "Email", Says: "Mails by a server of yours."},
	{Kind: webhookKind, Name: "Webhooks", Says: "Signed requests to a URL of yours or of a customer."},
}

func (d *Dashboard) organizationRoutes(a area) {
	a.handle("GET /settings", "", func(v *visit) error { return v.organization(nil) })
	a.handle("POST /settings", "", func(v *visit) error {
		return v.change("/v1/orgs/"+url.PathEscape(v.who.Org), "name", "profile", "plan", "retention_deliveries", "retention_events")
	})
	a.handle("POST /settings/counting", "", func(v *visit) error {
		return v.change("/v1/governance", "time_zone", "billing_day", "currency")
	})
	a.handle("GET /profiles", "", func(v *visit) error {
		f, q := v.filters("cursor")
		var page list[wireFormat]
		if err := v.get("/v1/profiles", q, &page); err != nil {
			return err
		}
		return v.render(http.StatusOK, "profiles", "Profiles", struct {
			list[wireFormat]
			Filter filters
		}{page, f})
	})
	a.handle("GET /integrations", "", func(v *visit) error {
		all, err := v.endpoints()
		if err != nil {
			return err
		}
		page := append([]integration{}, integrations...)
		for i := range page {
			for _, ep := range all {
				if ep.Type == page[i].Kind {
					page[i].Endpoints = append(page[i].Endpoints, ep)
				}
			}
		}
		return v.render(http.StatusOK, "integrations", "Integrations", page)
	})
}

// change sends the members of a form that were in it. What the API refuses is shown beside
// the form.
func (v *visit) change(path string, names ...string) error {
	if err := v.r.ParseForm(); err != nil {
		return peal.Invalid("form", "the form could not be read")
	}
	body := map[string]any{}
	for _, name := range names {
		if v.r.PostForm.Has(name) {
			body[name] = v.r.PostFormValue(name)
		}
	}
	if day, ok := body["billing_day"].(string); ok {
		body["billing_day"] = number(day)
	}
	err := v.do(http.MethodPatch, path, body, nil)
	if p, ok := err.(*problem); ok && (p.Status == http.StatusBadRequest || p.Status == http.StatusConflict) { //nolint:errorlint // do gives it bare
		return v.organization(p)
	}
	if err != nil {
		return err
	}
	return v.redirect("/settings", "saved")
}

func (v *visit) organization(p *problem) error {
	page := struct {
		organization
		Profiles []string
		Problem  *problem
	}{Problem: p}
	if err := v.get("/v1/orgs/"+url.PathEscape(v.who.Org), nil, &page.organization); err != nil {
		return err
	}
	if err := v.get("/v1/governance", nil, &page.organization); err != nil {
		return err
	}
	var err error
	if page.Profiles, err = v.profileNames(); err != nil {
		return err
	}
	status := http.StatusOK
	if p != nil {
		status = p.Status
	}
	return v.render(status, "settings", "Organization", page)
}
