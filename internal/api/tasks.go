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

// Task is something to be done for a request or an execution.
type Task struct {
	ID          peal.TaskID     `json:"id" example:"task_01h455vb4pex5vsknk084sn02q"`
	Title       string          `json:"title" example:"Order laptop"`
	Description string          `json:"description"`
	Status      string          `json:"status" enum:"OPEN,ASSIGNED,COMPLETED,CANCELLED" doc:"OPEN is nobody's yet."`
	Assignee    *Assignee       `json:"assignee"`
	Request     *string         `json:"request" example:"req_01h455vb4pex5vsknk084sn02q" doc:"What it is for; requestId in events."`
	ExecutionID *string         `json:"execution_id" doc:"The execution that it belongs to."`
	Step        *string         `json:"step" doc:"The step that opened it."`
	Data        json.RawMessage `json:"data" doc:"What the assignee needs to know."`
	Output      json.RawMessage `json:"output" doc:"What came of it."`
	CreatedAt   time.Time       `json:"created_at"`
	FinishedAt  *time.Time      `json:"finished_at"`
}

// Assignee is who is to do a task.
type Assignee struct {
	Kind string `json:"kind" enum:"user,agent"`
	ID   string `json:"id" example:"user_def456"`
}

// TaskCreate opens a task.
type TaskCreate struct {
	Title       string          `json:"title" example:"Order laptop"`
	Description string          `json:"description,omitempty"`
	Assignee    *Assignee       `json:"assignee,omitempty" doc:"Whose it is; nobody's where absent."`
	Request     string          `json:"request,omitempty" example:"req_01h455vb4pex5vsknk084sn02q" doc:"The request that it is for."`
	Execution   string          `json:"execution,omitempty" doc:"The execution that it is for."`
	Data        json.RawMessage `json:"data,omitempty" doc:"What the assignee needs to know, up to 128 KiB."`
}

// TaskPatch changes what a task says and whose it is.
type TaskPatch struct {
	Title       Change[string]    `json:"title,omitempty"`
	Description Change[string]    `json:"description,omitempty"`
	Assignee    Change[*Assignee] `json:"assignee,omitempty"`
}

// TaskAssign gives a task to somebody.
type TaskAssign struct {
	Assignee *Assignee `json:"assignee" doc:"Null takes it back."`
}

// TaskComplete may say what came of a task.
type TaskComplete struct {
	Output json.RawMessage `json:"output,omitempty" doc:"Any JSON, up to 128 KiB."`
}

// TaskPath names a task.
type TaskPath struct {
	ID string `path:"id" example:"task_01h455vb4pex5vsknk084sn02q"`
}

// TaskQuery selects tasks.
type TaskQuery struct {
	PageQuery
	Status       string `query:"status" enum:"OPEN,ASSIGNED,COMPLETED,CANCELLED"`
	Assignee     string `query:"assignee" doc:"An assignee's id."`
	AssigneeKind string `query:"assignee_kind" enum:"user,agent"`
	Request      string `query:"request" doc:"A request's id."`
	Execution    string `query:"execution" doc:"An execution's id."`
}

func (a *Assignee) read() peal.Assignee {
	if a == nil {
		return peal.Assignee{}
	}
	return peal.Assignee{Kind: a.Kind, ID: a.ID}
}

func showTask(t *peal.Task) Task {
	out := Task{
		ID: t.ID, Title: t.Title, Description: t.Description, Status: string(t.Status), Request: spelled(t.Request),
		ExecutionID: spelled(t.Execution), Step: optional(t.Step), Data: orNull(t.Data), Output: orNull(t.Output),
		CreatedAt: t.CreatedAt, FinishedAt: moment(t.FinishedAt),
	}
	if !t.Assignee.IsZero() {
		out.Assignee = &Assignee{t.Assignee.Kind, t.Assignee.ID}
	}
	return out
}

func taskID(text string) (peal.TaskID, error) {
	id, err := peal.ParseTaskID(text)
	if err != nil {
		return id, peal.NotFound("task")
	}
	return id, nil
}

// belonging reads what a task is for.
func belonging(request, execution string) (r peal.RequestID, x peal.ExecutionID, err error) {
	if request != "" {
		if r, err = peal.ParseRequestID(request); err != nil {
			return r, x, peal.Invalid("request", "%v", err)
		}
	}
	if execution != "" {
		if x, err = peal.ParseExecutionID(execution); err != nil {
			return r, x, peal.Invalid("execution", "%v", err)
		}
	}
	return r, x, nil
}

func (a *api) taskRoutes() {
	tags := []string{"Tasks"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-task", Method: http.MethodPost, Path: "/v1/tasks", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Open a task", Description: "Raises task.assigned where it has an assignee.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body TaskCreate }) (*body[Task], error) {
		n := peal.NewTask{Org: who.Org, Title: in.Body.Title, Description: in.Body.Description, Assignee: in.Body.Assignee.read(), Data: in.Body.Data}
		var err error
		if n.Request, n.Execution, err = belonging(in.Body.Request, in.Body.Execution); err != nil {
			return nil, err
		}
		t, err := a.Desk.OpenTask(ctx, n)
		if err != nil {
			return nil, err
		}
		return &body[Task]{showTask(t)}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-tasks", Method: http.MethodGet, Path: "/v1/tasks", Tags: tags, Summary: "List tasks", Description: "The newest first.",
	}, func(ctx context.Context, who auth.Identity, in *TaskQuery) (*body[List[Task]], error) {
		f := peal.TaskFilter{Org: who.Org, Status: peal.TaskStatus(in.Status), Assignee: peal.Assignee{Kind: in.AssigneeKind, ID: in.Assignee}}
		var err error
		if f.Request, f.Execution, err = belonging(in.Request, in.Execution); err != nil {
			return nil, err
		}
		rows, next, err := a.Inbox.Tasks(ctx, f, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(rows, next, showTask), nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-task", Method: http.MethodGet, Path: "/v1/tasks/{id}", Tags: tags, Summary: "Get a task",
	}, func(ctx context.Context, who auth.Identity, in *TaskPath) (*body[Task], error) {
		id, err := taskID(in.ID)
		if err != nil {
			return nil, err
		}
		t, err := a.Inbox.Task(ctx, who.Org, id)
		if err != nil {
			return nil, err
		}
		return &body[Task]{showTask(t)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-task", Method: http.MethodPatch, Path: "/v1/tasks/{id}", Tags: tags,
		Summary: "Change what a task says and whose it is", Description: "What is absent stays; null resets it. A new assignee raises task.assigned.",
		Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct {
		TaskPath
		Body TaskPatch
	},
	) (*body[Task], error) {
		return a.work(ctx, who, in.ID, "task.updated", func(ctx context.Context, org string, id peal.TaskID) (*peal.Task, error) {
			return a.Desk.EditTask(ctx, org, id, in.Body.apply)
		})
	})
	a.taskActionRoutes(tags)
}

func (a *api) taskActionRoutes(tags []string) {
	register(a, peal.Admin, huma.Operation{
		OperationID: "assign-task", Method: http.MethodPost, Path: "/v1/tasks/{id}/assign", Tags: tags,
		Summary: "Assign a task", Description: "Raises task.assigned, unless it is the assignee's already.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct {
		TaskPath
		Body TaskAssign
	},
	) (*body[Task], error) {
		return a.work(ctx, who, in.ID, "task.assigned", func(ctx context.Context, org string, id peal.TaskID) (*peal.Task, error) {
			return a.Desk.EditTask(ctx, org, id, func(t *peal.Task) { t.Assignee = in.Body.Assignee.read() })
		})
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "complete-task", Method: http.MethodPost, Path: "/v1/tasks/{id}/complete", Tags: tags,
		Summary: "Complete a task", Description: "Steps that wait for it go on with its output. Raises task.completed.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct {
		TaskPath
		Body *TaskComplete
	},
	) (*body[Task], error) {
		return a.work(ctx, who, in.ID, "task.completed", func(ctx context.Context, org string, id peal.TaskID) (*peal.Task, error) {
			var output json.RawMessage
			if in.Body != nil {
				output = in.Body.Output
			}
			return a.Desk.CompleteTask(ctx, org, id, output)
		})
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "cancel-task", Method: http.MethodPost, Path: "/v1/tasks/{id}/cancel", Tags: tags,
		Summary: "Cancel a task", Description: "Steps that wait for it fail.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *TaskPath) (*body[Task], error) {
		return a.work(ctx, who, in.ID, "task.cancelled", a.Desk.CancelTask)
	})
}

// work does what people do to a task, and writes down who did.
func (a *api) work(ctx context.Context, who auth.Identity, text, action string, do func(ctx context.Context, org string, id peal.TaskID) (*peal.Task, error)) (*body[Task], error) {
	id, err := taskID(text)
	if err != nil {
		return nil, err
	}
	if _, err := a.Inbox.Task(ctx, who.Org, id); err != nil {
		return nil, err
	}
	if err := a.Settings.Record(ctx, who.Org, who.Actor, action, id.String(), nil); err != nil {
		return nil, err
	}
	t, err := do(ctx, who.Org, id)
	if err != nil {
		return nil, err
	}
	return &body[Task]{showTask(t)}, nil
}

func (p *TaskPatch) apply(t *peal.Task) {
	p.Title.apply(&t.Title)
	p.Description.apply(&t.Description)
	if p.Assignee.Set {
		t.Assignee = p.Assignee.Value.read()
	}
}
