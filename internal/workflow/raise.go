package workflow

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// The events about executions, in the words of the document that they are from.
const (
	typeStarted   = "workflow.started"
	typeCompleted = "workflow.completed"
	typeFailed    = "workflow.failed"
)

// report is the data of an event about an execution.
type report struct {
	ID           string `json:"id"`
	WorkflowID   string `json:"workflowId"`
	WorkflowName string `json:"workflowName"`
	Status       string `json:"status"`
	RequestID    string `json:"requestId,omitempty"`
	StartedAt    string `json:"startedAt"`
	CompletedAt  string `json:"completedAt,omitempty"`
	FailedStep   string `json:"failedStep,omitempty"`
	Error        string `json:"error,omitempty"`
}

func raised(x *peal.Execution, eventType string, r report) peal.Raised {
	r.ID, r.WorkflowID, r.WorkflowName = x.ID.String(), x.Workflow.String(), x.WorkflowName
	r.StartedAt = x.StartedAt.UTC().Format(time.RFC3339)
	data, err := json.Marshal(r)
	if err != nil {
		data = []byte("{}") // texts alone are always JSON
	}
	return peal.Raised{Org: x.Org, Type: eventType, Subject: r.ID, Data: data}
}

func raisedStarted(x *peal.Execution, request string) peal.Raised {
	return raised(x, typeStarted, report{RequestID: request, Status: "RUNNING"})
}

func raisedCompleted(x *peal.Execution, request string) peal.Raised {
	return raised(x, typeCompleted, report{RequestID: request, Status: "COMPLETED", CompletedAt: x.FinishedAt.UTC().Format(time.RFC3339)})
}

func raisedFailed(x *peal.Execution, request string) peal.Raised {
	return raised(x, typeFailed, report{RequestID: request, Status: "FAILED", FailedStep: x.FailedStep, Error: x.Error})
}

func jsonNumber(n int) json.Number { return json.Number(strconv.Itoa(n)) }
