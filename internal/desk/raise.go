package desk

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// The events, in the words of the document that they are from.
const (
	typeCreated   = "request.created"
	typeAccepted  = "request.accepted"
	typeCompleted = "request.completed"
	typeCancelled = "request.cancelled"

	typeAssigned = "task.assigned"
	typeTaskDone = "task.completed"

	typeWarning  = "sla.warning"
	typeBreached = "sla.breached"
)

// raised makes an event of a struct of texts and numbers, which always is JSON.
func raised(org, eventType, subject string, data any) peal.Raised {
	doc, err := json.Marshal(data)
	if err != nil {
		doc = []byte("{}")
	}
	return peal.Raised{Org: org, Type: eventType, Subject: subject, Data: doc}
}

func aboutRequest(eventType string, r *peal.Request) []peal.Raised {
	data := struct {
		ID        string `json:"id"`
		ServiceID string `json:"serviceId,omitempty"`
		Title     string `json:"title"`
		Status    string `json:"status"`
		Priority  string `json:"priority"`
		CreatedBy string `json:"createdBy"`
	}{r.ID.String(), "", r.Title, string(r.Status), string(r.Priority), r.CreatedBy}
	if !r.Offering.IsZero() {
		data.ServiceID = r.Offering.String()
	}
	return []peal.Raised{raised(r.Org, eventType, data.ID, data)}
}

func aboutTask(eventType string, t *peal.Task) []peal.Raised {
	data := struct {
		ID           string `json:"id"`
		Title        string `json:"title"`
		Status       string `json:"status"`
		Assignee     string `json:"assignee,omitempty"`
		AssigneeType string `json:"assigneeType,omitempty"`
		RequestID    string `json:"requestId,omitempty"`
	}{t.ID.String(), t.Title, string(t.Status), t.Assignee.ID, strings.ToUpper(t.Assignee.Kind), ""}
	if !t.Request.IsZero() {
		data.RequestID = t.Request.String()
	}
	return []peal.Raised{raised(t.Org, eventType, data.ID, data)}
}

// Fired makes the event of a timer that is due.
func Fired(r *peal.Request, t Timer, now time.Time) peal.Raised {
	share := 100
	if t.Type == typeWarning {
		share = int(r.SLA.WarnAt * 100)
	}
	id := r.ID.String()
	return raised(r.Org, t.Type, id, struct {
		RequestID  string `json:"requestId"`
		Title      string `json:"title"`
		Target     string `json:"target"`
		DueAt      string `json:"dueAt"`
		Percentage int    `json:"percentage"`
	}{id, r.Title, string(t.Target), r.DueAt(t.Target).Format(time.RFC3339), max(share, r.SLA.Percent(t.Target, r.CreatedAt, now))})
}
