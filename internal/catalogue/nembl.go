package catalogue

import (
	"encoding/json"

	"github.com/peal-dev/peal/internal/peal"
)

// nemblTypes are the events of Nembl's document, which prints request.created.
var nemblTypes = []Type{
	request("created", "A new request was submitted.", "PENDING"),
	request("accepted", "A request was accepted from the inbox.", "ACCEPTED"),
	request("completed", "A request was marked as complete.", "COMPLETED"),
	request("cancelled", "A request was cancelled.", "CANCELLED"),
	execution("started", "A workflow execution began.", "RUNNING", peal.Info, "", "", nil),
	execution("completed", "A workflow execution finished.", "COMPLETED", peal.Info, "",
		`,"completedAt":"2026-04-01T10:30:05Z"`, []property{opt("completedAt", "string:date-time", "When it finished.")}),
	execution("failed", "A workflow execution ran into an error.", "FAILED", peal.High, "[ at step {failedStep}][: {error}]",
		`,"failedStep":"provision","error":"The MDM answered 503"`, []property{
			opt("failedStep", "string", "The step that failed."),
			opt("error", "string", "What went wrong."),
		}),
	task("assigned", "A task was assigned to a user or an agent.", "ASSIGNED", "[ to {assignee}]"),
	task("completed", "A task was marked as complete.", "COMPLETED", "[ by {assignee}]"),
	sla("warning", "An SLA target is close to its threshold.", peal.Warning, "is close to", 80),
	sla("breached", "An SLA target was exceeded.", peal.Critical, "exceeded", 104),
}

func request(verb, description, status string) Type {
	return Type{
		Name:        "request." + verb,
		Description: description,
		Severity:    peal.Info,
		Title:       "Request " + verb + "[: {title}]",
		Message:     "[Request \"{title}\" ({id})|Request {id}|A request] was " + verb + "[ (priority {priority:words})].",
		properties: []property{
			req("id", "string", "The request."),
			opt("serviceId", "string", "The offering that was requested."),
			req("title", "string", "What is requested."),
			req("status", "string", "Where the request stands: "+status+"."),
			opt("priority", "string", "LOW, MEDIUM, HIGH or URGENT."),
			opt("createdBy", "string", "The user who made the request."),
		},
		Example: json.RawMessage(`{"id":"req_abc123","serviceId":"svc_xyz789","title":"New laptop request","status":"` + status + `","priority":"MEDIUM","createdBy":"user_def456"}`),
	}
}

func execution(verb, description, status string, severity peal.Severity, detail, example string, more []property) Type {
	return Type{
		Name:        "workflow." + verb,
		Description: description,
		Severity:    severity,
		Title:       "Workflow " + verb + "[: {workflowName}]",
		Message:     "[Workflow \"{workflowName}\"|A workflow] " + verb + detail + ".",
		properties: append([]property{
			req("id", "string", "The execution."),
			req("workflowId", "string", "The workflow."),
			opt("workflowName", "string", "The workflow's name."),
			req("status", "string", "Where the execution stands: "+status+"."),
			opt("requestId", "string", "The request that it serves."),
			opt("startedAt", "string:date-time", "When it began."),
		}, more...),
		Example: json.RawMessage(`{"id":"exec_def456","workflowId":"wf_laptop","workflowName":"Laptop provisioning","status":"` + status +
			`","requestId":"req_abc123","startedAt":"2026-04-01T10:30:00Z"` + example + `}`),
	}
}

func task(verb, description, status, by string) Type {
	return Type{
		Name:        "task." + verb,
		Description: description,
		Severity:    peal.Info,
		Title:       "Task " + verb + "[: {title}]",
		Message:     "[Task \"{title}\"|A task] was " + verb + by + ".",
		properties: []property{
			req("id", "string", "The task."),
			req("title", "string", "What is to be done."),
			req("status", "string", "Where the task stands: "+status+"."),
			opt("assignee", "string", "The user or agent."),
			opt("assigneeType", "string", "USER or AGENT."),
			opt("requestId", "string", "The request that it belongs to."),
		},
		Example: json.RawMessage(`{"id":"task_ghi789","title":"Order laptop","status":"` + status + `","assignee":"user_def456","assigneeType":"USER","requestId":"req_abc123"}`),
	}
}

func sla(name, description string, severity peal.Severity, verb string, percent int) Type {
	return Type{
		Name:        "sla." + name,
		Description: description,
		Severity:    severity,
		Title:       "SLA " + name + "[: {title}]",
		Message:     "[Request \"{title}\"|Request {requestId}|A request] " + verb + " its [{target:words}|SLA] target[ ({percentage:percent})].",
		properties: []property{
			req("requestId", "string", "The request."),
			opt("title", "string", "What is requested."),
			req("target", "string", "RESPONSE or RESOLUTION.").as("Words"),
			req("dueAt", "string:date-time", "When the target is due."),
			req("percentage", "number", "The share of the time that has passed.").as("percent"),
		},
		Example: json.RawMessage(`{"requestId":"req_abc123","title":"New laptop request","target":"RESOLUTION","dueAt":"2026-04-02T10:30:00Z","percentage":` +
			string(appendGrouped(nil, float64(percent), 0, true)) + `}`),
	}
}
