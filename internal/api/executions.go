package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// Execution is one run of a workflow.
type Execution struct {
	ID              peal.ExecutionID     `json:"id" example:"exec_01h455vb4pex5vsknk084sn02q"`
	WorkflowID      peal.WorkflowID      `json:"workflow_id" example:"wf_01h455vb4pex5vsknk084sn02q"`
	WorkflowName    string               `json:"workflow_name"`
	WorkflowVersion int                  `json:"workflow_version" example:"1"`
	HookID          *string              `json:"hook_id" doc:"The hook that started it."`
	Status          peal.ExecutionStatus `json:"status" example:"succeeded" enum:"queued,running,waiting,succeeded,failed,cancelled"`
	CreatedAt       time.Time            `json:"created_at"`
	StartedAt       *time.Time           `json:"started_at"`
	FinishedAt      *time.Time           `json:"finished_at"`
	DueAt           *time.Time           `json:"due_at" doc:"When a waiting one goes on by itself."`
	FailedStep      *string              `json:"failed_step" doc:"The step that ended a failed one."`
	Error           *string              `json:"error"`
}

// ExecutionDetails is an execution with its input and its steps.
type ExecutionDetails struct {
	Execution
	Input json.RawMessage `json:"input" doc:"What templates see beside the steps: the webhook's body, headers, method and time."`
	Steps []StepRun       `json:"steps" nullable:"false" doc:"The steps that were begun, in the order of the definition."`
}

// StepRun is what became of a step.
type StepRun struct {
	ID         string               `json:"id" example:"tell"`
	Uses       string               `json:"uses" example:"publish"`
	Status     peal.ExecutionStatus `json:"status" enum:"running,waiting,succeeded,failed,cancelled,skipped"`
	Attempts   int                  `json:"attempts" doc:"How often it was tried."`
	StartedAt  *time.Time           `json:"started_at"`
	FinishedAt *time.Time           `json:"finished_at"`
	DueAt      *time.Time           `json:"due_at" doc:"When a waiting one goes on by itself."`
	Input      json.RawMessage      `json:"input" doc:"What it took, its templates rendered; credentials are hidden."`
	Output     json.RawMessage      `json:"output"`
	Error      *string              `json:"error"`
}

// ExecutionPath names an execution.
type ExecutionPath struct {
	ID string `path:"id" example:"exec_01h455vb4pex5vsknk084sn02q"`
}

// ExecutionQuery selects executions.
type ExecutionQuery struct {
	PageQuery
	Workflow string `query:"workflow" doc:"A workflow's id."`
	Hook     string `query:"hook" doc:"A hook's id."`
	Status   string `query:"status" enum:"queued,running,waiting,succeeded,failed,cancelled"`
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func showExecution(x *peal.Execution) Execution {
	out := Execution{
		ID: x.ID, WorkflowID: x.Workflow, WorkflowName: x.WorkflowName, WorkflowVersion: x.Version, Status: x.Status,
		CreatedAt: x.ID.Time(), StartedAt: moment(x.StartedAt), FinishedAt: moment(x.FinishedAt), DueAt: moment(x.DueAt),
		FailedStep: optional(x.FailedStep), Error: optional(x.Error),
	}
	if !x.Hook.IsZero() {
		out.HookID = new(x.Hook.String())
	}
	return out
}

func showDetails(x *peal.Execution) ExecutionDetails {
	out := ExecutionDetails{Execution: showExecution(x), Input: orNull(x.Input), Steps: make([]StepRun, len(x.Steps))}
	for i := range x.Steps {
		s := &x.Steps[i]
		out.Steps[i] = StepRun{
			ID: s.Step, Uses: s.Uses, Status: s.Status, Attempts: s.Attempts, StartedAt: moment(s.StartedAt), FinishedAt: moment(s.FinishedAt),
			DueAt: moment(s.DueAt), Input: orNull(s.Input), Output: orNull(s.Output), Error: optional(s.Error),
		}
	}
	return out
}

// executionID reads the id that a path names.
func executionID(text string) (peal.ExecutionID, error) {
	id, err := peal.ParseExecutionID(text)
	if err != nil {
		return id, peal.NotFound("execution")
	}
	return id, nil
}

func (a *api) executionRoutes() {
	tags := []string{"Executions"}
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-executions", Method: http.MethodGet, Path: "/v1/executions", Tags: tags, Summary: "List executions",
	}, func(ctx context.Context, who auth.Identity, in *ExecutionQuery) (*body[List[Execution]], error) {
		f := peal.ExecutionFilter{Org: who.Org, Status: peal.ExecutionStatus(in.Status)}
		var err error
		if f.Workflow, err = workflowID(in.Workflow); err != nil {
			return nil, err
		}
		if in.Hook != "" {
			if f.Hook, err = peal.ParseHookID(in.Hook); err != nil {
				return nil, peal.Invalid("hook", "%v", err)
			}
		}
		rows, next, err := a.Executions.Executions(ctx, f, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(rows, next, showExecution), nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-execution", Method: http.MethodGet, Path: "/v1/executions/{id}", Tags: tags, Summary: "Get an execution with its steps",
	}, func(ctx context.Context, who auth.Identity, in *ExecutionPath) (*body[ExecutionDetails], error) {
		id, err := executionID(in.ID)
		if err != nil {
			return nil, err
		}
		return a.execution(ctx, who, id)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "cancel-execution", Method: http.MethodPost, Path: "/v1/executions/{id}/cancel", Tags: tags,
		Summary: "Cancel an execution", Description: "What it has under way is cut off.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *ExecutionPath) (*body[ExecutionDetails], error) {
		return a.steer(ctx, who, in.ID, "execution.cancelled", a.Runner.Cancel)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "rerun-execution", Method: http.MethodPost, Path: "/v1/executions/{id}/rerun", Tags: tags,
		Summary: "Run a failed or cancelled execution again", Description: "It goes on at the step that ended it, with the outputs of those before.",
		Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *ExecutionPath) (*body[ExecutionDetails], error) {
		return a.steer(ctx, who, in.ID, "execution.rerun", a.Runner.Rerun)
	})
}

func (a *api) execution(ctx context.Context, who auth.Identity, id peal.ExecutionID) (*body[ExecutionDetails], error) {
	x, err := a.Executions.Execution(ctx, who.Org, id)
	if err != nil {
		return nil, err
	}
	return &body[ExecutionDetails]{showDetails(x)}, nil
}

// steer does what people do to executions, and writes down who did.
func (a *api) steer(ctx context.Context, who auth.Identity, text, action string, do func(ctx context.Context, org string, id peal.ExecutionID) error) (*body[ExecutionDetails], error) {
	id, err := executionID(text)
	if err != nil {
		return nil, err
	}
	if _, err := a.Executions.Execution(ctx, who.Org, id); err != nil {
		return nil, err
	}
	if err := a.Settings.Record(ctx, who.Org, who.Actor, action, id.String(), nil); err != nil {
		return nil, err
	}
	if err := do(ctx, who.Org, id); err != nil {
		return nil, err
	}
	return a.execution(ctx, who, id)
}
