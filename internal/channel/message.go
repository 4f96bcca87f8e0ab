package channel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/peal"
)

// Message is what people are told of an event, or of several in one. All of its text
// is readable (peal.Readable) and as long as it may be: a channel escapes and cuts as
// its receiver wants it.
type Message struct {
	Org string
	// Delivery is zero for a test of an endpoint that is not saved.
	Delivery peal.DeliveryID
	// Events are oldest first; there is at least one.
	Events []*peal.Event
	// Title is one line, Text may have several. Both are visible.
	Title, Text string
	// Subject is a single event's, on one line; empty where it has none.
	Subject string
	// Severity is the highest of the events, Time the last one's.
	Severity peal.Severity
	Time     time.Time
	// Details are the members of a single event's data.
	Details []catalogue.Detail
	// Items are the events of a message about several, in their order; none for one.
	Items []Item
	// Link leads to the event in the dashboard, or to the list of them; empty where the
	// server has no public URL.
	Link string
}

// Item is one of several events.
type Item struct {
	Title, Text string
	Severity    peal.Severity
	Time        time.Time
	Link        string
}

// Single is the event of a message about one, the last of several.
func (m *Message) Single() *peal.Event { return m.Events[len(m.Events)-1] }

// Envelope is what a message is made of beside its events.
type Envelope struct {
	Delivery peal.DeliveryID
	// PublicURL is the server's, for links; empty for none.
	PublicURL string
}

// NewMessage makes the message that an endpoint gets of events, which are of one org
// and oldest first. The same input gives the same message each time.
func NewMessage(ep *peal.Endpoint, e Envelope, events ...*peal.Event) *Message {
	last := events[len(events)-1]
	m := &Message{Org: last.Org, Delivery: e.Delivery, Events: events, Time: last.Time}
	own := wordsOf(ep)
	for _, ev := range events {
		title, text, severity := own.tell(ev)
		m.Items = append(m.Items, Item{Title: title, Text: text, Severity: severity, Time: ev.Time, Link: link(e.PublicURL, "/events/"+ev.ID.String())})
		if rank(severity) >= rank(m.Severity) {
			m.Severity = severity
		}
	}
	if len(events) == 1 {
		m.Title, m.Text, m.Link = m.Items[0].Title, m.Items[0].Text, m.Items[0].Link
		m.Details, m.Items = catalogue.Details(last), nil
		if subject := strings.TrimSpace(peal.ReadableLine(last.Subject)); peal.Visible(subject) {
			m.Subject = subject
		}
		return m
	}
	m.Title, m.Text = summary(events, m.Items)
	m.Link = link(e.PublicURL, "/events")
	return m
}

func link(publicURL, path string) string {
	if publicURL == "" {
		return ""
	}
	return strings.TrimSuffix(publicURL, "/") + "/dashboard" + path
}

// rank orders severities.
func rank(s peal.Severity) int {
	return slices.Index([]peal.Severity{peal.Info, peal.Warning, peal.High, peal.Critical}, s)
}

// maxKinds is how many titles a summary names.
const maxKinds = 5

// summary tells several events in a title, and in a text how many there are of each.
func summary(events []*peal.Event, items []Item) (title, text string) {
	count := map[string]int{}
	var titles []string
	for _, it := range items {
		if count[it.Title]++; count[it.Title] == 1 {
			titles = append(titles, it.Title)
		}
	}
	slices.SortStableFunc(titles, func(a, b string) int { return cmp.Compare(count[b], count[a]) })
	title = fmt.Sprintf("%d events", len(events))
	if len(titles) == 1 {
		return title + ": " + titles[0], fmt.Sprintf("%d times from %s to %s.", len(events), catalogue.Time(items[0].Time), catalogue.Time(items[len(items)-1].Time))
	}
	lines := make([]string, 0, maxKinds+1)
	for i, t := range titles {
		if i == maxKinds {
			lines = append(lines, fmt.Sprintf("and %d more kinds", len(titles)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%d × %s", count[t], peal.Clip(t, maxTitle)))
	}
	return title + ": " + titles[0] + fmt.Sprintf(" and %d more", len(events)-count[titles[0]]), strings.Join(lines, "\n")
}

// words are how an endpoint wants events to be told; where a template is missing, the
// event's own stand.
type words struct {
	title, message *template
}

// maxTitle is how many bytes of a title are told.
const maxTitle = 1 << 10

func (w words) tell(ev *peal.Event) (title, text string, severity peal.Severity) {
	// Events that the publisher accepted have their words already.
	title, text, severity = catalogue.Describe(ev)
	title = w.title.say(ev, title, peal.ReadableLine, ev.Type)
	return peal.Clip(title, maxTitle), w.message.say(ev, text, peal.Readable, title), severity
}

// say gives the first of the template's words, the event's own and a last resort in
// which there is something to see.
func (t *template) say(ev *peal.Event, own string, readable func(string) string, last string) string {
	if t != nil {
		if s := strings.TrimSpace(readable(t.render(ev))); peal.Visible(s) {
			return s
		}
	}
	if s := strings.TrimSpace(readable(own)); peal.Visible(s) {
		return s
	}
	return last
}
