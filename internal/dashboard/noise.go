package dashboard

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// match is what bindings and silences select.
type match struct {
	Types      []string `json:"types,omitempty"`
	Severities []string `json:"severities,omitempty"`
	Filter     string   `json:"filter,omitempty"`
	Endpoints  []string `json:"endpoints,omitempty"`
}

// String says it in words.
func (m match) String() string {
	var parts []string
	if len(m.Types) > 0 {
		parts = append(parts, strings.Join(m.Types, ", "))
	}
	if len(m.Severities) > 0 {
		parts = append(parts, "severity "+strings.Join(m.Severities, ", "))
	}
	if m.Filter != "" {
		parts = append(parts, "where "+m.Filter)
	}
	if len(parts) == 0 {
		return "every event"
	}
	return strings.Join(parts, " · ")
}

// matchOf reads the match of a form.
func matchOf(r *http.Request) match {
	m := match{Types: lines(r.PostFormValue("types")), Filter: r.PostFormValue("filter")}
	m.Severities = append(m.Severities, r.PostForm["severities"]...)
	if ep := r.PostFormValue("endpoint"); ep != "" {
		m.Endpoints = []string{ep}
	}
	return m
}

// binding sends what it matches to an endpoint.
type binding struct {
	ID       string `json:"id"`
	Match    match  `json:"match"`
	Endpoint string `json:"endpoint"`
}

// silence suppresses what it matches for a while.
type silence struct {
	ID        string    `json:"id"`
	Match     match     `json:"match"`
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`
	Comment   string    `json:"comment"`
	CreatedBy string    `json:"created_by"`
	Status    string    `json:"status"`
}

// group is events that are told in one message.
type group struct {
	ID            string            `json:"id"`
	Endpoint      string            `json:"endpoint"`
	Labels        map[string]string `json:"labels"`
	NextMessageAt *time.Time        `json:"next_message_at"`
	LastMessageAt *time.Time        `json:"last_message_at"`
	Events        int               `json:"events"`
	TotalEvents   int               `json:"total_events"`
}

// named is a page of a list with what names the endpoints in it, and what is wrong with the
// form beside it.
type named[T any] struct {
	list[T]
	Filter     filters
	Names      map[string]string
	Severities []string
	Problem    *problem
}

var severities = []string{"info", "warning", "high", "critical"}

// named reads a page of a list.
func listNamed[T any](v *visit, path string, problem *problem) (named[T], error) {
	page := named[T]{Severities: severities, Problem: problem}
	var q url.Values
	page.Filter, q = v.filters("cursor")
	if err := v.get(path, q, &page.list); err != nil {
		return page, err
	}
	var err error
	page.Names, err = v.endpointNames()
	return page, err
}

// show renders a list; its status is that of the form's failure, if there is one.
func show[T any](v *visit, path, name, title string, p *problem) error {
	page, err := listNamed[T](v, path, p)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if p != nil {
		status = p.Status
	}
	return v.render(status, name, title, page)
}

// create posts a form to the API. What is refused is shown by again, beside the form.
func (v *visit) create(path string, body any, to, note string, again func(*problem) error) error {
	err := v.do(http.MethodPost, path, body, nil)
	if p, ok := err.(*problem); ok && p.Status < 500 { //nolint:errorlint // do gives it bare
		return again(p)
	}
	if err != nil {
		return err
	}
	return v.redirect(to, note)
}

// deleteFrom deletes the object that the address names.
func deleteFrom(path, to, note string) page {
	return func(v *visit) error {
		if err := v.do(http.MethodDelete, path+"/"+url.PathEscape(v.r.PathValue("id")), nil, nil); err != nil {
			return err
		}
		return v.redirect(to, note)
	}
}

// actOn does something to the object that the address names, and shows it again; inList
// shows the list that it stands in.
func actOn(path, action, to, note string) page {
	return func(v *visit) error {
		id := url.PathEscape(v.r.PathValue("id"))
		if err := v.do(http.MethodPost, path+"/"+id+"/"+action, nil, nil); err != nil {
			return err
		}
		return v.redirect(to+"/"+id, note)
	}
}

func inList(path, action, to, note string) page {
	return func(v *visit) error {
		if err := v.do(http.MethodPost, path+"/"+url.PathEscape(v.r.PathValue("id"))+"/"+action, nil, nil); err != nil {
			return err
		}
		return v.redirect(to, note)
	}
}

func (d *Dashboard) noiseRoutes(a area) {
	bindings := func(v *visit, p *problem) error { return show[binding](v, "/v1/bindings", "bindings", "Bindings", p) }
	a.handle("GET /bindings", "", func(v *visit) error { return bindings(v, nil) })
	a.handle("POST /bindings", "", func(v *visit) error {
		m := matchOf(v.r)
		m.Endpoints = nil
		body := map[string]any{"match": m, "endpoint": v.r.PostFormValue("endpoint")}
		return v.create("/v1/bindings", body, "/bindings", "created", func(p *problem) error { return bindings(v, p) })
	})
	a.handle("POST /bindings/{id}/delete", "", deleteFrom("/v1/bindings", "/bindings", "deleted"))

	silences := func(v *visit, p *problem) error { return show[silence](v, "/v1/silences", "silences", "Silences", p) }
	a.handle("GET /silences", "", func(v *visit) error { return silences(v, nil) })
	a.handle("POST /silences", "", func(v *visit) error {
		body := map[string]any{"match": matchOf(v.r), "comment": v.r.PostFormValue("comment")}
		if d, err := time.ParseDuration(v.r.PostFormValue("lasts")); err == nil {
			body["until"] = v.Now().Add(d).UTC()
		}
		return v.create("/v1/silences", body, "/silences", "created", func(p *problem) error { return silences(v, p) })
	})
	a.handle("POST /silences/{id}/delete", "", deleteFrom("/v1/silences", "/silences", "ended"))

	a.handle("GET /groups", "", func(v *visit) error { return show[group](v, "/v1/groups", "groups", "Groups", nil) })
	a.handle("GET /groups/{id}", "", func(v *visit) error {
		path := "/v1/groups/" + url.PathEscape(v.r.PathValue("id"))
		var page struct {
			deliveryPage
			Group group
		}
		if err := v.get(path, nil, &page.Group); err != nil {
			return err
		}
		var q url.Values
		page.Filter, q = v.filters("cursor")
		if err := v.get(path+"/deliveries", q, &page.list); err != nil {
			return err
		}
		var err error
		if page.Names, err = v.endpointNames(); err != nil {
			return err
		}
		return v.render(http.StatusOK, "group", "Group", page)
	})
}
