package catalogue

import (
	"encoding/json"

	"github.com/peal-dev/peal/internal/peal"
)

// resolving are the types that say that what another one reported is over.
var resolving = map[string]string{
	"circuit.closed":     "circuit.open",
	"approval.decided":   "approval.requested",
	"workflow.completed": "workflow.failed",
	"task.completed":     "task.assigned",
	"request.completed":  "request.created",
	"request.cancelled":  "request.created",
}

// subjects are members of data that name what an event is about, where it has no subject.
var subjects = []string{"routeId", "route", "request_id", "workflowId", "id", "key_alias", "runner_id"}

// Alert names what an event reports, the same for all events about it, and tells whether
// the event says that it is over.
func Alert(ev *peal.Event) (key string, resolves bool) {
	reported, resolves := resolving[ev.Type]
	if !resolves {
		reported = ev.Type
	}
	subject := ev.Subject
	if subject == "" {
		var data map[string]any
		if json.Unmarshal(ev.Data, &data) == nil {
			for _, name := range subjects {
				if s, ok := data[name].(string); ok && s != "" {
					subject = s
					break
				}
			}
		}
	}
	return reported + "/" + subject, resolves
}
