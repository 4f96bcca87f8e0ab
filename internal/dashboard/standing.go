package dashboard

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// budget is how a budget stands.
type budget struct {
	Name       string    `json:"name"`
	Scope      string    `json:"scope"`
	Ref        string    `json:"ref"`
	Period     string    `json:"period"`
	PeriodEnd  time.Time `json:"period_end"`
	Limit      string    `json:"limit"`
	Spent      string    `json:"spent"`
	Reserved   string    `json:"reserved"`
	Thresholds []int     `json:"thresholds"`
}

// Title is who may spend it.
func (b budget) Title() string {
	who := b.Scope + " " + b.Ref
	if b.Ref == "" {
		who = "The org"
	}
	if b.Name != "" {
		return b.Name + ": " + who
	}
	return who
}

// share is how many percent of the limit an amount is, for a picture.
func (b budget) share(amount string) float64 {
	n, _ := strconv.ParseFloat(amount, 64)
	limit, _ := strconv.ParseFloat(b.Limit, 64)
	if limit <= 0 {
		return 0
	}
	return math.Round(max(0, 1000*n/limit)) / 10
}

// Used is what is spent and reserved, in percent.
func (b budget) Used() float64 { return b.share(b.Spent) + b.share(b.Reserved) }

// SpentWidth and ReservedWidth fit into the gauge, whatever was spent.
func (b budget) SpentWidth() float64    { return min(100, b.share(b.Spent)) }
func (b budget) ReservedWidth() float64 { return min(100-b.SpentWidth(), b.share(b.Reserved)) }

// Marks are the thresholds within the gauge.
func (b budget) Marks() []int {
	var marks []int
	for _, percent := range b.Thresholds {
		if percent > 0 && percent < 100 {
			marks = append(marks, percent)
		}
	}
	return marks
}

// Level is good, warn or bad.
func (b budget) Level() string {
	used := b.Used()
	if used >= 100 {
		return "bad"
	}
	for _, mark := range b.Marks() {
		if used >= float64(mark) {
			return "warn"
		}
	}
	return "good"
}

// alert was told and still holds.
type alert struct {
	Kind      string    `json:"kind"`
	Name      string    `json:"name"`
	Subject   string    `json:"subject"`
	Threshold string    `json:"threshold"`
	Since     time.Time `json:"since"`
}

// Says is the alert in a sentence.
func (a alert) Says() string {
	switch a.Kind {
	case "balance":
		return "The balance is below " + a.Threshold
	case "circuit":
		return "The circuit of " + cmp.Or(a.Subject, "a route") + " is open"
	case "cost_leak":
		return a.Subject + " costs without being used as usual"
	case "anomaly":
		what := strings.ReplaceAll(a.Threshold, "_", " ")
		if a.Subject != "" {
			what += " of " + a.Subject
		}
		return "Anomaly: " + what
	}
	whose := fieldLabel(a.Kind)
	if a.Name != "" {
		whose += " " + a.Name
	}
	if a.Subject != "" {
		whose += ", " + a.Subject
	}
	if a.Threshold == "exceeded" {
		return whose + ": exceeded"
	}
	return whose + ": " + a.Threshold + " % reached"
}

// standing is what people look at first of money.
type standing struct {
	Budgets  []budget
	Alerts   []alert
	Currency string
}

func (v *visit) standing() (s standing, err error) {
	var budgets list[budget]
	var alerts list[alert]
	if err := v.get("/v1/budgets", nil, &budgets); err != nil {
		return s, err
	}
	if err := v.get("/v1/alerts", nil, &alerts); err != nil {
		return s, err
	}
	s.Budgets, s.Alerts = budgets.Data, alerts.Data
	if len(s.Budgets) == 0 {
		return s, nil
	}
	return s, v.get("/v1/governance", nil, &s)
}

// anomaly is an event of one, with what its data says.
type anomaly struct {
	ID       string
	Time     time.Time
	Severity string
	Message  string
	Kind     string
	Hour     time.Time
}

// hour is a step of the curve.
type hour struct {
	Start    time.Time
	Cost     float64
	Requests int64
	// Usual is the mean of the hours with usage of the week before; negative where there
	// were too few for one.
	Usual     float64
	Anomalies []anomaly
}

// Expected is the usual cost, as the curve reads it.
func (h hour) Expected() string {
	if h.Usual < 0 {
		return ""
	}
	return fmt.Sprintf("%.4f", h.Usual)
}

const (
	week = 7 * 24 * time.Hour
	// minUsual is from how many hours with usage on something is usual, as in the default of
	// the anomalies' rule.
	minUsual = 24
	// maxAnomalies is how many a page shows.
	maxAnomalies = 20
)

// usage shows the week's hours, and the anomalies that were found in them.
func (v *visit) usage() error {
	var page struct {
		Since, Until time.Time
		Hours        []hour
		Anomalies    []anomaly
		// Older tells that anomalies may lie behind the events that were looked at.
		Older    bool
		Currency string `json:"currency"`
		// Any tells that there was usage at all.
		Any bool
	}
	page.Until = v.Now().UTC()
	page.Since = page.Until.Add(-week).Truncate(time.Hour)
	var sums list[usage]
	q := url.Values{"period": {"hour"}, "since": {page.Since.Add(-week).Format(time.RFC3339)}}
	if err := v.get("/v1/usage/summary", q, &sums); err != nil {
		return err
	}
	if err := v.get("/v1/governance", nil, &page); err != nil {
		return err
	}
	var err error
	if page.Anomalies, page.Older, err = v.anomalies(page.Since); err != nil {
		return err
	}
	page.Any = len(sums.Data) > 0
	page.Hours = hoursOf(sums.Data, page.Anomalies, page.Since)
	return v.render(http.StatusOK, "usage", "Usage and anomalies", page)
}

// hoursOf makes the curve: the hours with usage since a moment, what was usual then, and the
// anomalies in them.
func hoursOf(sums []usage, found []anomaly, since time.Time) (hours []hour) {
	costs := make([]float64, len(sums))
	first, total := 0, 0.0
	for i, s := range sums {
		costs[i], _ = strconv.ParseFloat(s.Cost, 64)
		for ; sums[first].Start.Before(s.Start.Add(-week)); first++ {
			total -= costs[first]
		}
		if !s.Start.Before(since) {
			h := hour{Start: s.Start, Cost: costs[i], Requests: s.Requests, Usual: -1}
			if n := i - first; n >= minUsual {
				h.Usual = max(0, total) / float64(n)
			}
			for _, a := range found {
				if a.Hour.Equal(s.Start) {
					h.Anomalies = append(h.Anomalies, a)
				}
			}
			hours = append(hours, h)
		}
		total += costs[i]
	}
	return hours
}

// anomalies are the latest that were told. There may be older ones: a list looks through so
// many events at a time.
func (v *visit) anomalies(since time.Time) (found []anomaly, older bool, err error) {
	var events list[event]
	q := url.Values{"type": {"cost_anomaly.*"}, "since": {since.Format(time.RFC3339)}, "limit": {strconv.Itoa(maxAnomalies)}}
	if err := v.get("/v1/events", q, &events); err != nil {
		return nil, false, err
	}
	for _, e := range events.Data {
		if err := v.get("/v1/events/"+url.PathEscape(e.ID), nil, &e); err != nil {
			return nil, false, err
		}
		var data struct {
			Kind    string `json:"anomaly_type"`
			Message string `json:"message"`
			Details struct {
				Hour time.Time `json:"hour"`
			} `json:"details"`
		}
		_ = json.Unmarshal(e.Data, &data) // somebody else's event of the type says what it says
		found = append(found, anomaly{
			e.ID, e.Time, e.Severity, cmp.Or(data.Message, e.Message), strings.ReplaceAll(data.Kind, "_", " "), data.Details.Hour,
		})
	}
	return found, events.Next() != "", nil
}
