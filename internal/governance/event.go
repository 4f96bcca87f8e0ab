package governance

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// The profiles whose events have names of their own.
const (
	nemo     = "nemo"
	curateMe = "curate-me"
)

// AlertID names what is told once: of a threshold that a subject reached under a rule, in
// a period. Period is zero for what lasts until it is over.
type AlertID struct {
	Org, Rule, Subject, Threshold string
	Period                        int64
}

// Compare is the order in which alerts are written.
func (id AlertID) Compare(other AlertID) int {
	return cmp.Or(cmp.Compare(id.Org, other.Org), cmp.Compare(id.Rule, other.Rule), cmp.Compare(id.Subject, other.Subject),
		cmp.Compare(id.Threshold, other.Threshold), cmp.Compare(id.Period, other.Period))
}

// Alert is to be told unless it was already, or is over.
type Alert struct {
	AlertID
	// Over forgets it, so that it may be told again.
	Over bool
	// Event makes what is raised.
	Event func() (peal.Raised, error)
}

// fire tells something once. Within a group, the first one counts.
func (g *Group) fire(id AlertID, eventType, subject string, data ...any) {
	g.alert(Alert{AlertID: id, Event: func() (peal.Raised, error) {
		doc, err := object(data)
		return peal.Raised{Org: id.Org, Type: eventType, Subject: subject, Data: doc}, err
	}})
}

func (g *Group) alert(a Alert) {
	if !g.alerted[a.AlertID] {
		g.alerted[a.AlertID] = true
		g.Alerts = append(g.Alerts, a)
	}
}

// raise tells something that happened, which needs no memory.
func (g *Group) raise(org, eventType, subject string, data ...any) error {
	doc, err := object(data)
	g.Raised = append(g.Raised, peal.Raised{Org: org, Type: eventType, Subject: subject, Data: doc})
	return err
}

// optional is left out of an object where it is empty.
type optional string

// object makes a JSON object of names and values in their order.
func object(pairs []any) (json.RawMessage, error) {
	doc := []byte{'{'}
	for i := 0; i < len(pairs); i += 2 {
		value := pairs[i+1]
		switch v := value.(type) {
		case optional:
			if v == "" {
				continue
			}
		case peal.Decimal:
			value = v.Number()
		case time.Time:
			value = v.UTC().Format("2006-01-02T15:04:05Z")
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if len(doc) > 1 {
			doc = append(doc, ',')
		}
		doc = append(append(append(append(doc, '"'), pairs[i].(string)...), `":`...), text...)
	}
	return append(doc, '}'), nil
}
