package dashboard

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// rule is a detector's configuration; which members it has depends on its kind.
type rule map[string]any

// Says is the rule's settings in words.
func (r rule) Says() string {
	var parts []string
	for _, name := range []string{
		"scope", "ref", "period", "limit", "thresholds", "threshold", "rpm", "tpm", "allow", "failures", "window", "cooldown", "route",
		"hourly_spike", "volume_surge", "model_drift", "runaway_agent", "paid_failures", "retry_storm", "idle_key",
	} {
		if value, ok := r[name]; ok && value != nil {
			parts = append(parts, strings.ReplaceAll(name, "_", " ")+" "+text(value))
		}
	}
	return strings.Join(parts, " · ")
}

// text writes a value of JSON for people.
func text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		var all []string
		for _, v := range value {
			all = append(all, text(v))
		}
		return strings.Join(all, ", ")
	}
	return prettyJSON(value)
}

// credits are what an org has.
type credits struct {
	Balance   string `json:"balance"`
	Available string `json:"available"`
	Reserved  string `json:"reserved"`
	Spent     string `json:"spent"`
	Currency  string `json:"currency"`
	list[struct {
		Amount    string    `json:"amount"`
		Balance   string    `json:"balance"`
		Note      string    `json:"note"`
		Actor     string    `json:"actor"`
		CreatedAt time.Time `json:"created_at"`
	}]
}

// approval is a reservation that waits for a person.
type approval struct {
	ID            string    `json:"id"`
	Status        string    `json:"status"`
	Model         string    `json:"model"`
	Key           string    `json:"key"`
	Team          string    `json:"team"`
	User          string    `json:"user"`
	EstimatedCost string    `json:"estimated_cost"`
	Threshold     string    `json:"hitl_threshold"`
	RequestedAt   time.Time `json:"requested_at"`
	ExpiresAt     time.Time `json:"expires_at"`
	DecidedBy     string    `json:"decided_by"`
	Reason        string    `json:"reason"`
}

// usage is a row of a summary.
type usage struct {
	Start    time.Time `json:"start"`
	Requests int64     `json:"requests"`
	Failed   int64     `json:"failed"`
	Tokens   int64     `json:"tokens"`
	Cost     string    `json:"cost"`
}

// ruleField is an input of the form of a rule.
type ruleField struct {
	Name, Label string
	// Default is what holds where nothing is typed.
	Default string
	Options []string
	// Lines tells that the value is a list, Number that it is one.
	Lines, Number bool
}

// ruleForms are the inputs by the kind of a rule, as POST /v1/rules takes them.
var ruleForms = map[string][]ruleField{
	"budget": {
		{Name: "scope", Label: "For each", Options: []string{"org", "team", "key"}},
		{Name: "period", Label: "Period", Options: []string{"daily", "monthly"}},
		{Name: "ref", Label: "The one team or key (empty: each)"},
		{Name: "limit", Label: "Limit, such as 50.00"},
	},
	"balance":    {{Name: "threshold", Label: "Tell below"}},
	"quota":      {{Name: "scope", Label: "For each", Options: []string{"user", "key", "org"}}, {Name: "limit", Label: "Requests a month"}},
	"rate_limit": {{Name: "scope", Label: "For each", Options: []string{"org", "team", "key", "user"}}, {Name: "rpm", Label: "Requests a minute", Number: true}, {Name: "tpm", Label: "Tokens a minute", Number: true}},
	"models":     {{Name: "allow", Label: "Allowed models, one a line", Lines: true}},
	"approval":   {{Name: "threshold", Label: "Ask a person above"}},
	"anomaly": {
		{Name: "hourly_spike", Label: "An hour costs more than so many times the average", Default: "3"},
		{Name: "volume_surge", Label: "So many times the requests of this time of day", Default: "5"},
		{Name: "model_drift", Label: "A request costs so many times what it did", Default: "5"},
		{Name: "runaway_agent", Label: "An agent spends so many percent of the daily budget in an hour", Default: "50"},
	},
	"cost_leak": {
		{Name: "paid_failures", Label: "So many percent of a key's requests failed", Default: "50"},
		{Name: "retry_storm", Label: "So many times the requests of a key's usual hour", Default: "10"},
		{Name: "idle_key", Label: "A key is used again after", Default: "168h"},
	},
	"circuit": {{Name: "failures", Label: "Failures", Number: true}, {Name: "window", Label: "Within, such as 1m"}, {Name: "cooldown", Label: "Stay open for, such as 30s"}},
}

var ruleKinds = []string{"budget", "balance", "quota", "rate_limit", "models", "approval", "circuit", "anomaly", "cost_leak"}

func (d *Dashboard) governanceRoutes(a area) {
	a.handle("GET /governance", "", (*visit).governance)
	a.handle("GET /usage", "", (*visit).usage)
	a.handle("POST /credits", "", func(v *visit) error {
		body := map[string]string{"amount": v.r.PostFormValue("amount"), "note": v.r.PostFormValue("note")}
		return v.create("/v1/credits", body, "/governance", "saved", func(p *problem) error { return p })
	})
	for action, note := range map[string]string{"approve": "approved", "deny": "denied"} {
		a.handle("POST /approvals/{id}/"+action, "", func(v *visit) error {
			body := map[string]string{}
			if reason := v.r.PostFormValue("reason"); reason != "" {
				body["reason"] = reason
			}
			if err := v.do(http.MethodPost, "/v1/approvals/"+url.PathEscape(v.r.PathValue("id"))+"/"+action, body, nil); err != nil {
				return err
			}
			return v.redirect("/governance", note)
		})
	}
	a.handle("GET /rules", "", func(v *visit) error { return v.rules(nil) })
	a.handle("POST /rules", "", func(v *visit) error {
		kind := v.r.PostFormValue("kind")
		body := map[string]any{"kind": kind}
		for _, f := range ruleForms[kind] {
			value := v.r.PostFormValue(f.Name)
			switch {
			case value == "":
			case f.Lines:
				body[f.Name] = lines(value)
			case f.Number:
				body[f.Name] = number(value)
			default:
				body[f.Name] = value
			}
		}
		return v.create("/v1/rules", body, "/rules", "created", v.rules)
	})
	a.handle("POST /rules/{id}/delete", "", deleteFrom("/v1/rules", "/rules", "deleted"))
	a.handle("GET /members", "", func(v *visit) error { return show[member](v, "/v1/members", "members", "Members", nil) })
	a.handle("POST /members", "", func(v *visit) error {
		body := map[string]string{"email": v.r.PostFormValue("email"), "role": v.r.PostFormValue("role")}
		return v.create("/v1/members", body, "/members", "created", func(p *problem) error {
			return show[member](v, "/v1/members", "members", "Members", p)
		})
	})
	a.handle("POST /members/{id}/delete", "", deleteFrom("/v1/members", "/members", "deleted"))
}

// number is a number as it was typed; the API says what is wrong with what is none.
func number(value string) any {
	if n, err := strconv.Atoi(value); err == nil {
		return n
	}
	return value
}

// member is a person who belongs to the org.
type member struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Role      string    `json:"role"`
	CreatedAt time.Time `json:"created_at"`
}

func (v *visit) governance() error {
	var page struct {
		Credits   credits
		Approvals list[approval]
		Month     []usage
		Days      []usage
		standing
	}
	var err error
	if page.standing, err = v.standing(); err != nil {
		return err
	}
	if err := v.get("/v1/credits", url.Values{"limit": {"10"}}, &page.Credits); err != nil {
		return err
	}
	if err := v.get("/v1/approvals", url.Values{"status": {"pending"}}, &page.Approvals); err != nil {
		return err
	}
	since := v.Now().UTC().AddDate(0, 0, -30).Format(time.RFC3339)
	var days, month list[usage]
	if err := v.get("/v1/usage/summary", url.Values{"period": {"day"}, "since": {since}}, &days); err != nil {
		return err
	}
	if err := v.get("/v1/usage/summary", nil, &month); err != nil {
		return err
	}
	page.Days, page.Month = days.Data, month.Data
	var calendar struct {
		TimeZone string `json:"time_zone"`
	}
	if err := v.get("/v1/governance", nil, &calendar); err != nil {
		return err
	}
	if zone, err := time.LoadLocation(calendar.TimeZone); err == nil {
		for i := range page.Days { // a day is the org's, whoever looks at it
			page.Days[i].Start = page.Days[i].Start.In(zone)
		}
	}
	return v.render(http.StatusOK, "governance", "Governance", page)
}

func (v *visit) rules(p *problem) error {
	var page struct {
		list[rule]
		Filter  filters
		Kind    string
		Kinds   []string
		Fields  []ruleField
		Problem *problem
	}
	page.Problem, page.Kinds, page.Kind = p, ruleKinds, cmp.Or(v.r.FormValue("kind"), ruleKinds[0])
	page.Fields = ruleForms[page.Kind]
	var q url.Values
	page.Filter, q = v.filters("cursor")
	if err := v.get("/v1/rules", q, &page.list); err != nil {
		return err
	}
	status := http.StatusOK
	if p != nil {
		status = p.Status
	}
	return v.render(status, "rules", "Rules", page)
}
