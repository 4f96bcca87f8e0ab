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

// fieldTime is how a browser's field for times spells one; without a script it is in UTC.
const fieldTime = "2006-01-02T15:04"

// filters are the members of a list's filter that an address holds.
type filters map[string]string

func (v *visit) filters(names ...string) (filters, url.Values) {
	f, q := filters{}, url.Values{}
	for _, name := range names {
		if f[name] = v.r.FormValue(name); f[name] == "" {
			continue
		}
		if t, err := time.Parse(fieldTime, f[name]); err == nil {
			f[name] = t.Format(time.RFC3339) // what a browser's field for times gives
		}
		q.Set(name, f[name])
	}
	return f, q
}

// Field is a time of the filter as a browser's field wants it.
func (f filters) Field(name string) string {
	if t, err := time.Parse(time.RFC3339, f[name]); err == nil {
		return t.UTC().Format(fieldTime)
	}
	return ""
}

// Any tells that the filter leaves something out.
func (f filters) Any() bool {
	for name, value := range f {
		if value != "" && name != "cursor" {
			return true
		}
	}
	return false
}

// More is the address of the next page.
func (f filters) More(cursor string) string { return f.With("cursor", cursor) }

// With is the address of the list with another value of the filter, from its beginning.
func (f filters) With(name, value string) string {
	q := url.Values{}
	for name, value := range f {
		if value != "" && name != "cursor" {
			q.Set(name, value)
		}
	}
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	return "?" + q.Encode()
}

func (d *Dashboard) eventRoutes(a area) {
	a.handle("GET /events", "", func(v *visit) error {
		var page struct {
			list[event]
			// SearchedBackTo is how far back a search for a text came, where there is more.
			SearchedBackTo time.Time `json:"searched_back_to"`
			Filter         filters   `json:"-"`
		}
		var q url.Values
		page.Filter, q = v.filters("text", "type", "subject", "since", "until", "cursor")
		if err := v.get("/v1/events", q, &page); err != nil {
			return err
		}
		return v.render(http.StatusOK, "events", "Events", page)
	})
	a.handle("GET /events/{id}", "", func(v *visit) error {
		path := "/v1/events/" + url.PathEscape(v.r.PathValue("id"))
		var page struct {
			Event event
			// Gone are the deliveries to endpoints that were deleted since.
			Gone []delivery
		}
		var deliveries list[delivery]
		if err := v.get(path, url.Values{"explain": {"true"}}, &page.Event); err != nil {
			return err
		}
		if err := v.get(path+"/deliveries", url.Values{"limit": {"500"}}, &deliveries); err != nil {
			return err
		}
		explained := map[string]bool{}
		for _, verdict := range page.Event.Explain {
			explained[verdict.EndpointID] = true
		}
		for _, d := range deliveries.Data {
			if !explained[d.EndpointID] {
				page.Gone = append(page.Gone, d)
			}
		}
		return v.render(http.StatusOK, "event", page.Event.Type, page)
	})
}
