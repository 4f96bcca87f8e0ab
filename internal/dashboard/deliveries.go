package dashboard

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// delivery is a delivery as the API shows it.
type delivery struct {
	ID             string      `json:"id"`
	EventID        string      `json:"event_id"`
	EventType      string      `json:"event_type"`
	EndpointID     string      `json:"endpoint_id"`
	Status         peal.Status `json:"status"`
	Reason         string      `json:"reason"`
	AttemptCount   int         `json:"attempt_count"`
	NextAttemptAt  *time.Time  `json:"next_attempt_at"`
	LastStatusCode int         `json:"last_status_code"`
	LastError      string      `json:"last_error"`
	CreatedAt      time.Time   `json:"created_at"`
	FinishedAt     *time.Time  `json:"finished_at"`
	Attempts       []attempt   `json:"attempts"`
}

// attempt is one try of a delivery.
type attempt struct {
	Number         int               `json:"number"`
	StartedAt      time.Time         `json:"started_at"`
	DurationMS     float64           `json:"duration_ms"`
	StatusCode     int               `json:"status_code"`
	Error          string            `json:"error"`
	RequestHeaders map[string]string `json:"request_headers"`
	ResponseBody   string            `json:"response_body"`
}

// Live tells whether the delivery can be cancelled.
func (d delivery) Live() bool { return !d.Status.Finished() }

// At is when something last became of the delivery.
func (d delivery) At() time.Time {
	if d.FinishedAt != nil {
		return *d.FinishedAt
	}
	return d.CreatedAt
}

// Headers are the lines of the request's head, by name.
func (a attempt) Headers() []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(a.RequestHeaders)) {
		lines = append(lines, name+": "+a.RequestHeaders[name])
	}
	return lines
}

const deliveryFilters = "status type endpoint since until cursor"

func (d *Dashboard) deliveryRoutes(a area) {
	a.handle("GET /deliveries", auth.FeatureDeliveries, func(v *visit) error {
		return v.deliveries("deliveries", "Deliveries", "")
	})
	a.handle("GET /deliveries/{id}", auth.FeatureDeliveries, (*visit).delivery)
	a.handle("POST /deliveries/{id}/retry", auth.FeatureRetry, func(v *visit) error {
		id := v.r.PathValue("id")
		if err := v.do(http.MethodPost, "/v1/deliveries/"+url.PathEscape(id)+"/retry", nil, nil); err != nil {
			return err
		}
		return v.redirect("/deliveries/"+url.PathEscape(id), "retried")
	})
	a.handle("POST /deliveries/{id}/cancel", auth.FeatureRetry, func(v *visit) error {
		id := v.r.PathValue("id")
		if err := v.do(http.MethodPost, "/v1/deliveries/"+url.PathEscape(id)+"/cancel", nil, nil); err != nil {
			return err
		}
		return v.redirect("/deliveries/"+url.PathEscape(id), "cancelled")
	})
	d.deadLetterRoutes(a)
}

// deliveryPage is a list of deliveries with what names their endpoints.
type deliveryPage struct {
	list[delivery]
	Filter   filters
	Names    map[string]string
	Statuses []peal.Status
	// Shown is when the list was read.
	Shown string
}

func (v *visit) deliveries(name, title string, status peal.Status) error {
	page := deliveryPage{Statuses: peal.Statuses, Shown: v.Now().UTC().Format(time.RFC3339Nano)}
	var q url.Values
	page.Filter, q = v.filters(strings.Fields(deliveryFilters)...)
	if status != "" {
		q.Set("status", string(status))
	}
	if err := v.get("/v1/deliveries", q, &page.list); err != nil {
		return err
	}
	var err error
	if page.Names, err = v.endpointNames(); err != nil {
		return err
	}
	if id := page.Filter["endpoint"]; id != "" && page.Names[id] == "" {
		page.Names[id] = id // one that was deleted stays chosen
	}
	return v.render(http.StatusOK, name, title, page)
}

func (v *visit) delivery() error {
	path := "/v1/deliveries/" + url.PathEscape(v.r.PathValue("id"))
	var page struct {
		Delivery delivery
		Name     string
		URL      string
		Payload  string
		Curl     string
	}
	if err := v.get(path, nil, &page.Delivery); err != nil {
		return err
	}
	slices.Reverse(page.Delivery.Attempts)
	page.Name = page.Delivery.EndpointID
	var ep endpoint
	if err := v.get("/v1/endpoints/"+url.PathEscape(page.Delivery.EndpointID), nil, &ep); err == nil {
		page.Name, page.URL = ep.title(), ep.URL
	}
	var payload []byte
	if err := v.get(path+"/payload", nil, &payload); err == nil {
		page.Payload = string(payload)
	}
	if len(page.Delivery.Attempts) > 0 && page.URL != "" && ep.Type == webhookKind && page.Payload != "" {
		page.Curl = curl(page.URL, page.Delivery.Attempts[0], page.Payload)
	}
	return v.render(http.StatusOK, "delivery", cmp.Or(page.Delivery.EventType, "Delivery"), page)
}

// curl is a command that repeats an attempt, to be pasted into a shell.
func curl(target string, a attempt, payload string) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	command := "curl -X POST " + quote(target)
	for _, line := range a.Headers() {
		command += " \\\n  -H " + quote(line)
	}
	return command + " \\\n  --data-binary " + quote(payload)
}
