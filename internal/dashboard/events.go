package dashboard

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// event is an event as the API shows it.
type event struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Source   string          `json:"source"`
	Time     time.Time       `json:"time"`
	Subject  string          `json:"subject"`
	Severity string          `json:"severity"`
	Title    string          `json:"title"`
	Message  string          `json:"message"`
	Data     json.RawMessage `json:"data"`
	// Explain says, with ?explain=true, why each endpoint got the event or not.
	Explain []struct {
		EndpointID string `json:"endpoint_id"`
		Name       string `json:"name"`
		Outcome    string `json:"outcome"`
		Detail     string `json:"detail"`
		DeliveryID string `json:"delivery_id"`
	} `json:"explain"`
}

// filters are the members of a list's filter that an address holds.
type filters map[string]string

func (v *visit) filters(names ...string) (filters, url.Values) {
	f, q := filters{}, url.Values{}
	for _, name := range names {
		if f[name] = v.r.FormValue(name); f[name] == "" {
			continue
		}
		value := f[name]
		if t, err := time.Parse("2006-01-02T15:04", value); err == nil {
			value = t.Format(time.RFC3339) // what a browser's field for times gives
		}
		q.Set(name, value)
	}
	return f, q
}

// More is the address of the next page.
func (f filters) More(cursor string) string {
	q := url.Values{"cursor": {cursor}}
	for name, value := range f {
		if value != "" && name != "cursor" {
			q.Set(name, value)
		}
	}
	return "?" + q.Encode()
}

func (d *Dashboard) eventRoutes(a area) {
	a.handle("GET /events", "", func(v *visit) error {
		f, q := v.filters("type", "subject", "since", "until", "cursor")
		var events list[event]
		if err := v.get("/v1/events", q, &events); err != nil {
			return err
		}
		return v.render(http.StatusOK, "events", "Events", struct {
			list[event]
			Filter filters
		}{events, f})
	})
	a.handle("GET /events/{id}", "", func(v *visit) error {
		path := "/v1/events/" + url.PathEscape(v.r.PathValue("id"))
		var page struct {
			Event      event
			Deliveries list[delivery]
			Names      map[string]string
		}
		if err := v.get(path, url.Values{"explain": {"true"}}, &page.Event); err != nil {
			return err
		}
		if err := v.get(path+"/deliveries", nil, &page.Deliveries); err != nil {
			return err
		}
		var err error
		if page.Names, err = v.endpointNames(); err != nil {
			return err
		}
		return v.render(http.StatusOK, "event", page.Event.Type, page)
	})
}
