package dashboard

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
)

const webhookKind = "webhook"

// endpoint is an endpoint as the API shows it.
type endpoint struct {
	ID           peal.EndpointID     `json:"id"`
	Name         string              `json:"name"`
	Type         string              `json:"type"`
	URL          string              `json:"url"`
	Events       []string            `json:"events"`
	Filter       string              `json:"filter"`
	Profile      string              `json:"profile"`
	Headers      map[string]string   `json:"headers"`
	Config       map[string]any      `json:"config"`
	RateLimit    *float64            `json:"rate_limit"`
	MaxInFlight  *int                `json:"max_in_flight"`
	Ordered      bool                `json:"ordered"`
	Status       peal.EndpointStatus `json:"status"`
	StatusReason string              `json:"status_reason"`
	CreatedAt    time.Time           `json:"created_at"`
	Secret       string              `json:"secret"`
}

// title is what people call the endpoint.
func (e endpoint) title() string { return cmp.Or(e.Name, e.URL, e.ID.String()) }

// Title is title, for templates.
func (e endpoint) Title() string { return e.title() }

// endpoints are all endpoints of the org.
func (v *visit) endpoints() ([]endpoint, error) {
	var all []endpoint
	q := url.Values{"limit": {"500"}}
	for {
		var page list[endpoint]
		if err := v.get("/v1/endpoints", q, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if page.Next() == "" || len(all) >= maxNamed {
			return all, nil
		}
		q.Set("cursor", page.Next())
	}
}

// maxNamed is how many endpoints a page names; the others are shown by their ids.
const maxNamed = 5000

func (v *visit) endpointNames() (map[string]string, error) {
	all, err := v.endpoints()
	names := make(map[string]string, len(all))
	for _, ep := range all {
		names[ep.ID.String()] = ep.title()
	}
	return names, err
}

// form is the form of an endpoint.
type form struct {
	Endpoint endpoint
	Kind     string
	Kinds    []string
	Profiles []string
	Fields   []field
	Problem  *problem
	New      bool
}

// field is one input of the form.
type field struct {
	channel.Field
	Value string
}

// Multiline tells that the value has several lines.
func (f field) Multiline() bool { return f.Type == channel.Strings || f.Type == channel.Map }

// tested is how a test went.
type tested struct {
	Success    bool   `json:"success"`
	StatusCode int    `json:"status_code"`
	Message    string `json:"message"`
	DeliveryID string `json:"delivery_id"`
}

func (d *Dashboard) endpointRoutes(a area) {
	a.handle("GET /endpoints", auth.FeatureEndpoints, func(v *visit) error {
		var page list[endpoint]
		f, q := v.filters("cursor")
		if err := v.get("/v1/endpoints", q, &page); err != nil {
			return err
		}
		return v.render(http.StatusOK, "endpoints", "Endpoints", struct {
			list[endpoint]
			Filter filters
		}{page, f})
	})
	a.handle("GET /endpoints/new", auth.FeatureEndpoints, func(v *visit) error {
		f, err := v.form(endpoint{Type: cmp.Or(v.r.FormValue("type"), webhookKind), Events: []string{"*"}}, true)
		if err != nil {
			return err
		}
		return v.render(http.StatusOK, "endpointform", "New endpoint", f)
	})
	a.handle("POST /endpoints", auth.FeatureEndpoints, func(v *visit) error { return v.submit("") })
	a.handle("GET /endpoints/{id}", auth.FeatureEndpoints, func(v *visit) error { return v.endpoint(http.StatusOK, "", nil) })
	a.handle("GET /endpoints/{id}/edit", auth.FeatureEndpoints, func(v *visit) error {
		var ep endpoint
		if err := v.get(v.endpointPath(), nil, &ep); err != nil {
			return err
		}
		f, err := v.form(ep, false)
		if err != nil {
			return err
		}
		return v.render(http.StatusOK, "endpointform", "Edit "+ep.title(), f)
	})
	a.handle("POST /endpoints/{id}", auth.FeatureEndpoints, func(v *visit) error { return v.submit(v.r.PathValue("id")) })
	for action, note := range map[string]string{"pause": "paused", "resume": "resumed"} {
		a.handle("POST /endpoints/{id}/"+action, auth.FeatureEndpoints, func(v *visit) error {
			if err := v.do(http.MethodPost, v.endpointPath()+"/"+action, nil, nil); err != nil {
				return err
			}
			return v.redirect("/endpoints/"+v.r.PathValue("id"), note)
		})
	}
	a.handle("POST /endpoints/{id}/delete", auth.FeatureEndpoints, func(v *visit) error {
		if err := v.do(http.MethodDelete, v.endpointPath(), nil, nil); err != nil {
			return err
		}
		return v.redirect("/endpoints", "deleted")
	})
	a.handle("POST /endpoints/{id}/test", auth.FeatureEndpoints, func(v *visit) error {
		var t tested
		if err := v.do(http.MethodPost, v.endpointPath()+"/test", map[string]any{}, &t); err != nil {
			return err
		}
		return v.endpoint(http.StatusOK, "", &t)
	})
	a.handle("POST /endpoints/{id}/rotate-secret", auth.FeatureSecrets, func(v *visit) error {
		var ep endpoint
		if err := v.do(http.MethodPost, v.endpointPath()+"/rotate-secret", v.rotation(), &ep); err != nil {
			return err
		}
		return v.endpoint(http.StatusOK, ep.Secret, nil)
	})
}

// rotation is what the form of a secret's rotation asks for.
func (v *visit) rotation() map[string]string {
	if overlap := v.r.PostFormValue("overlap"); overlap != "" {
		return map[string]string{"overlap": overlap}
	}
	return map[string]string{}
}

func (v *visit) endpointPath() string { return "/v1/endpoints/" + url.PathEscape(v.r.PathValue("id")) }

// endpoint shows one endpoint; a secret that was just made is shown this once.
func (v *visit) endpoint(status int, secret string, t *tested) error {
	var page struct {
		Endpoint   endpoint
		Stats      peal.Stats
		Deliveries list[delivery]
		// Failing are the latest that did not arrive.
		Failing []delivery
		Secret  string
		Tested  *tested
	}
	page.Secret, page.Tested = secret, t
	path := v.endpointPath()
	if err := v.get(path, nil, &page.Endpoint); err != nil {
		return err
	}
	if err := v.get(path+"/stats", nil, &page.Stats); err != nil {
		return err
	}
	if err := v.get(path+"/deliveries", url.Values{"limit": {"10"}}, &page.Deliveries); err != nil {
		return err
	}
	for _, d := range page.Deliveries.Data {
		if d.LastError != "" && len(page.Failing) < 3 {
			page.Failing = append(page.Failing, d)
		}
	}
	return v.render(status, "endpoint", page.Endpoint.title(), page)
}

// form fills the form of an endpoint from what the channel says that it needs.
func (v *visit) form(ep endpoint, isNew bool) (form, error) {
	f := form{Endpoint: ep, Kind: ep.Type, New: isNew}
	var kinds list[struct {
		Kind   string          `json:"kind"`
		Fields []channel.Field `json:"fields"`
	}]
	if err := v.get("/v1/channels", nil, &kinds); err != nil {
		return f, err
	}
	for _, k := range kinds.Data {
		f.Kinds = append(f.Kinds, k.Kind)
		if k.Kind != ep.Type {
			continue
		}
		for _, fd := range k.Fields {
			f.Fields = append(f.Fields, field{fd, ep.value(fd)})
		}
	}
	var err error
	f.Profiles, err = v.profileNames()
	return f, err
}

func (v *visit) profileNames() (names []string, err error) {
	var profiles list[wireFormat]
	err = v.get("/v1/profiles", url.Values{"limit": {"500"}}, &profiles)
	for _, p := range profiles.Data {
		names = append(names, p.Name)
	}
	return names, err
}

// value is what an endpoint has for a field, as the form spells it.
func (e endpoint) value(f channel.Field) string {
	switch f.Name {
	case "url":
		return e.URL
	case "headers":
		var lines []string
		for name, value := range e.Headers {
			lines = append(lines, name+": "+value)
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	switch value := e.Config[f.Name].(type) {
	case nil:
		return ""
	case string:
		return value
	case []any:
		var lines []string
		for _, line := range value {
			if s, ok := line.(string); ok {
				lines = append(lines, s)
			}
		}
		return strings.Join(lines, "\n")
	case map[string]any:
		var lines []string
		for name, v := range value {
			if s, ok := v.(string); ok {
				lines = append(lines, name+": "+s)
			}
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	default:
		text, _ := json.Marshal(value)
		return string(text)
	}
}

// submit creates an endpoint, or changes the one with the id. What the API refuses is shown
// in the form, which keeps what was typed.
func (v *visit) submit(id string) error {
	ep := endpoint{Type: v.r.PostFormValue("type")}
	if id != "" {
		if err := v.get(v.endpointPath(), nil, &ep); err != nil {
			return err
		}
	}
	f, err := v.form(ep, id == "")
	if err != nil {
		return err
	}
	body := f.read(v.r)
	method, path := http.MethodPost, "/v1/endpoints"
	if id != "" {
		method, path = http.MethodPatch, v.endpointPath()
	} else {
		body["type"] = ep.Type
	}
	var made endpoint
	err = v.do(method, path, body, &made)
	if p, ok := err.(*problem); ok && p.Status < 500 { //nolint:errorlint // do gives it bare
		f.Problem = p
		return v.render(p.Status, "endpointform", "Endpoint", f)
	}
	if err != nil {
		return err
	}
	if made.Secret == "" {
		note := "saved"
		if id == "" {
			note = "created"
		}
		return v.redirect("/endpoints/"+made.ID.String(), note)
	}
	v.r.SetPathValue("id", made.ID.String())
	return v.endpoint(http.StatusCreated, made.Secret, nil)
}

// read turns what was typed into a request, and keeps it in the form.
func (f *form) read(r *http.Request) map[string]any {
	ep := &f.Endpoint
	ep.Name, ep.Filter, ep.Profile = r.PostFormValue("name"), r.PostFormValue("filter"), r.PostFormValue("profile")
	ep.Events = lines(r.PostFormValue("events"))
	ep.Ordered = r.PostFormValue("ordered") != ""
	body := map[string]any{"name": ep.Name, "events": ep.Events, "filter": ep.Filter, "ordered": ep.Ordered}
	if len(ep.Events) == 0 {
		body["events"] = nil
	}
	if ep.Profile != "" {
		body["profile"] = ep.Profile
	}
	ep.RateLimit, body["rate_limit"] = typed[float64](r.PostFormValue("rate_limit"))
	ep.MaxInFlight, body["max_in_flight"] = typed[int](r.PostFormValue("max_in_flight"))
	config := map[string]any{}
	for i := range f.Fields {
		fd := &f.Fields[i]
		text := strings.ReplaceAll(r.PostFormValue("config."+fd.Name), "\r\n", "\n")
		if fd.Value = text; text == "" && (f.New || fd.Secret) {
			continue // a secret that is not typed stays
		}
		config[fd.Name] = fd.read(text)
	}
	if len(config) > 0 {
		body["config"] = config
	}
	return body
}

// typed is a number that was typed, nil for none. What is no number stays as it is, for the
// API to refuse.
func typed[T any](text string) (*T, any) {
	if text == "" {
		return nil, nil
	}
	n := new(T)
	if json.Unmarshal([]byte(text), n) != nil {
		return nil, text
	}
	return n, *n
}

// read turns the text of an input into the value of its type.
func (f field) read(text string) any {
	switch f.Type {
	case channel.Strings:
		return lines(text)
	case channel.Map:
		m := map[string]string{}
		for _, line := range lines(text) {
			name, value, _ := strings.Cut(line, ":")
			m[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
		return m
	case channel.Integer:
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	}
	if text == "" {
		return nil
	}
	return text
}

// lines are the lines of a text that are not blank.
func lines(text string) []string {
	out := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
