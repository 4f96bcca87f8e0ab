package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// Workflow is a list of steps that hooks start.
type Workflow struct {
	ID         peal.WorkflowID `json:"id" example:"wf_01h455vb4pex5vsknk084sn02q"`
	Name       string          `json:"name" example:"Deployment announcements"`
	Version    int             `json:"version" example:"1" doc:"Counts changes. Executions keep the version that they began with."`
	Steps      json.RawMessage `json:"steps" doc:"The steps, as JSON."`
	Definition string          `json:"definition" doc:"The definition as it was given, YAML or JSON."`
	CreatedAt  time.Time       `json:"created_at"`
	UpdatedAt  time.Time       `json:"updated_at"`
}

// WorkflowPath names a workflow.
type WorkflowPath struct {
	ID string `path:"id" example:"wf_01h455vb4pex5vsknk084sn02q"`
}

// workflowBody is a definition as it comes: the JSON or YAML itself, or as a text in
// {definition, name}.
type workflowBody struct {
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"application/json"`
}

const definitionHelp = "The body is the definition, `{name, steps:[{id, uses, with, if?, retry?, timeout?, on_error?}]}`, as JSON or, with `Content-Type: application/yaml`, as YAML; " +
	"or `{\"name\": …, \"definition\": \"…\"}` with its text. GET /v1/workflows/schema is its JSON Schema. "

func (a *api) showWorkflow(w *peal.Workflow) Workflow {
	out := Workflow{ID: w.ID, Name: w.Name, Version: w.Version, Steps: json.RawMessage("[]"), Definition: w.Definition, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt}
	if source, err := a.Workflows.Source(w.Definition); err == nil {
		out.Steps = source
	}
	return out
}

// workflow finds the workflow that a path names.
func (a *api) workflow(who auth.Identity, id string) (*peal.Workflow, error) {
	if w, ok := directory.Workflows.Get(a.Directory, who.Org, id); ok {
		return w, nil
	}
	return nil, peal.NotFound("workflow")
}

// read gives the text of the definition and a name beside it.
func (b *workflowBody) read() (name, text string, err error) {
	text = string(b.RawBody)
	if !bytes.HasPrefix(bytes.TrimLeft(b.RawBody, " \t\r\n"), []byte("{")) {
		return "", text, nil
	}
	var wrapped struct {
		Name       string
		Definition *string
	}
	if json.Unmarshal(b.RawBody, &wrapped) == nil && wrapped.Definition != nil {
		doc, err := strictjson.Compact(nil, b.RawBody)
		if err != nil {
			return "", "", peal.Invalid("", "the body is not valid JSON: %v", err)
		}
		err = strictjson.Fields(doc, func(key string, _ []byte) error {
			if key != "name" && key != "definition" {
				return peal.Invalid(key, "unknown member; beside definition there is name alone")
			}
			return nil
		})
		return wrapped.Name, *wrapped.Definition, err
	}
	return "", text, nil
}

func (a *api) workflowRoutes() {
	tags := []string{"Workflows"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-workflow", Method: http.MethodPost, Path: "/v1/workflows", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Create a workflow", Description: definitionHelp + "What is wrong in it is told with line and column.", SkipValidateBody: true,
	}, func(ctx context.Context, who auth.Identity, in *workflowBody) (*body[Workflow], error) {
		name, text, err := in.read()
		if err != nil {
			return nil, err
		}
		w, err := a.Settings.CreateWorkflow(ctx, who.Actor, who.Org, name, text)
		if err != nil {
			return nil, err
		}
		return &body[Workflow]{a.showWorkflow(w)}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-workflows", Method: http.MethodGet, Path: "/v1/workflows", Tags: tags, Summary: "List workflows",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Workflow]], error) {
		return listObjects(a, directory.Workflows, who, in, a.showWorkflow)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "workflow-schema", Method: http.MethodGet, Path: "/v1/workflows/schema", Tags: tags,
		Summary: "Get the JSON Schema of definitions", Description: "For editors that complete and check.",
	}, func(context.Context, auth.Identity, *struct{}) (*body[map[string]any], error) {
		return &body[map[string]any]{a.Workflows.Schema()}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-workflow", Method: http.MethodGet, Path: "/v1/workflows/{id}", Tags: tags, Summary: "Get a workflow",
	}, func(_ context.Context, who auth.Identity, in *WorkflowPath) (*body[Workflow], error) {
		w, err := a.workflow(who, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[Workflow]{a.showWorkflow(w)}, nil
	})
	for _, method := range []string{http.MethodPut, http.MethodPatch} {
		op := huma.Operation{
			OperationID: "put-workflow", Method: method, Path: "/v1/workflows/{id}", Tags: tags, SkipValidateBody: true,
			Summary: "Replace a workflow", Description: definitionHelp + "It becomes the next version; executions that began keep theirs.",
		}
		if method == http.MethodPatch {
			op.OperationID, op.Summary = "update-workflow", "Change a workflow"
			op.Description = "As PUT, but members that are absent from a JSON definition stay as they are."
		}
		register(a, peal.Admin, op, func(ctx context.Context, who auth.Identity, in *struct {
			WorkflowPath
			workflowBody
		},
		) (*body[Workflow], error) {
			w, err := a.workflow(who, in.ID)
			if err != nil {
				return nil, err
			}
			w, err = a.Settings.UpdateWorkflow(ctx, who.Actor, who.Org, w.ID, func(old *peal.Workflow) (name, text string, err error) {
				if name, text, err = in.read(); err == nil && method == http.MethodPatch && text == string(in.RawBody) {
					text, err = a.Workflows.Merge(old.Definition, text)
				}
				return name, text, err
			})
			if err != nil {
				return nil, err
			}
			return &body[Workflow]{a.showWorkflow(w)}, nil
		})
	}
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-workflow", Method: http.MethodDelete, Path: "/v1/workflows/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a workflow", Description: "One that no hook starts. Executions that began go on.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *WorkflowPath) (*none, error) {
		w, err := a.workflow(who, in.ID)
		if err != nil {
			return nil, err
		}
		return nil, a.Settings.DeleteWorkflow(ctx, who.Actor, who.Org, w.ID)
	})
	// huma describes a body that it does not read as a text.
	paths := a.huma.OpenAPI().Paths
	for _, op := range []*huma.Operation{paths["/v1/workflows"].Post, paths["/v1/workflows/{id}"].Put, paths["/v1/workflows/{id}"].Patch} {
		op.RequestBody = definitionContent()
	}
}

func definitionContent() *huma.RequestBody {
	tell := map[string]any{
		"id": "tell", "uses": "publish",
		"with": map[string]any{"type": "deployment.completed", "data": map[string]any{"version": "{{ webhook.body.version }}"}},
	}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {
			Schema:  &huma.Schema{Type: "object", Description: "A definition: see GET /v1/workflows/schema."},
			Example: map[string]any{"name": "Deployment announcements", "steps": []any{tell}},
		},
		"application/yaml": {Schema: &huma.Schema{Type: "string", Description: "A definition as YAML."}},
	}}
}
