package dashboard

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// hook is an inbound hook as the API shows it.
type hook struct {
	ID           string  `json:"id"`
	Name         string  `json:"name"`
	URL          string  `json:"url"`
	Workflow     *string `json:"workflow"`
	Offering     *string `json:"offering"`
	Verification struct {
		Scheme  string `json:"scheme"`
		Enabled bool   `json:"enabled"`
	} `json:"verification"`
	Warnings  []string  `json:"warnings"`
	Secret    string    `json:"secret"`
	CreatedAt time.Time `json:"created_at"`
}

// received is a request that a hook got.
type received struct {
	ReceivedAt  time.Time       `json:"received_at"`
	Verdict     string          `json:"verdict"`
	StatusCode  int             `json:"status_code"`
	ExecutionID *string         `json:"execution_id"`
	Headers     json.RawMessage `json:"headers"`
	Body        json.RawMessage `json:"body"`
}

// workflow is a workflow with its definition.
type workflow struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Version    int       `json:"version"`
	Definition string    `json:"definition"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// execution is a run of a workflow.
type execution struct {
	ID           string     `json:"id"`
	WorkflowID   string     `json:"workflow_id"`
	WorkflowName string     `json:"workflow_name"`
	HookID       *string    `json:"hook_id"`
	Status       string     `json:"status"`
	CreatedAt    time.Time  `json:"created_at"`
	FinishedAt   *time.Time `json:"finished_at"`
	DueAt        *time.Time `json:"due_at"`
	FailedStep   *string    `json:"failed_step"`
	Error        *string    `json:"error"`

	Input json.RawMessage `json:"input"`
	Steps []step          `json:"steps"`
}

// Ended tells whether the execution can be run again, and no more cancelled.
func (e execution) Ended() bool {
	return e.Status == "succeeded" || e.Status == "failed" || e.Status == "cancelled"
}

// step is what became of one step.
type step struct {
	ID         string          `json:"id"`
	Uses       string          `json:"uses"`
	Status     string          `json:"status"`
	Attempts   int             `json:"attempts"`
	StartedAt  *time.Time      `json:"started_at"`
	FinishedAt *time.Time      `json:"finished_at"`
	DueAt      *time.Time      `json:"due_at"`
	Input      json.RawMessage `json:"input"`
	Output     json.RawMessage `json:"output"`
	Error      *string         `json:"error"`
}

func (d *Dashboard) inboundRoutes(a area) {
	a.handle("GET /hooks", "", func(v *visit) error { return v.hooks(nil) })
	a.handle("POST /hooks", "", func(v *visit) error {
		body := map[string]any{"name": v.r.PostFormValue("name"), "verification": map[string]any{"scheme": v.r.PostFormValue("scheme")}}
		for _, name := range []string{"workflow", "offering"} {
			if value := v.r.PostFormValue(name); value != "" {
				body[name] = value
			}
		}
		if secret := v.r.PostFormValue("secret"); secret != "" {
			body["verification"].(map[string]any)["secret"] = secret
		}
		var made hook
		err := v.do(http.MethodPost, "/v1/hooks", body, &made)
		if p, ok := err.(*problem); ok && p.Status < 500 { //nolint:errorlint // do gives it bare
			return v.hooks(p)
		}
		if err != nil {
			return err
		}
		v.r.SetPathValue("id", made.ID)
		return v.hook(http.StatusCreated, made.Secret)
	})
	a.handle("GET /hooks/{id}", "", func(v *visit) error { return v.hook(http.StatusOK, "") })
	a.handle("POST /hooks/{id}/rotate-secret", "", func(v *visit) error {
		var h hook
		if err := v.do(http.MethodPost, "/v1/hooks/"+url.PathEscape(v.r.PathValue("id"))+"/rotate-secret", v.rotation(), &h); err != nil {
			return err
		}
		return v.hook(http.StatusOK, h.Secret)
	})
	a.handle("POST /hooks/{id}/delete", "", deleteFrom("/v1/hooks", "/hooks", "deleted"))
	d.workflowRoutes(a)
}

func (v *visit) hooks(p *problem) error {
	var page struct {
		list[hook]
		Filter    filters
		Workflows list[workflow]
		Offerings list[offering]
		Schemes   []string
		Problem   *problem
	}
	page.Problem = p
	var err error
	if page.Schemes, err = v.schemes(); err != nil {
		return err
	}
	var q url.Values
	page.Filter, q = v.filters("cursor")
	if err := v.get("/v1/hooks", q, &page.list); err != nil {
		return err
	}
	if err := v.get("/v1/workflows", url.Values{"limit": {"500"}}, &page.Workflows); err != nil {
		return err
	}
	if err := v.get("/v1/offerings", url.Values{"limit": {"500"}}, &page.Offerings); err != nil {
		return err
	}
	status := http.StatusOK
	if p != nil {
		status = p.Status
	}
	return v.render(status, "hooks", "Inbound hooks", page)
}

// schemes are those that need to know nothing but a secret.
func (v *visit) schemes() ([]string, error) {
	var all list[struct {
		Name   string `json:"name"`
		Fields []struct {
			Name     string `json:"name"`
			Required bool   `json:"required"`
		} `json:"fields"`
	}]
	if err := v.get("/v1/schemes", nil, &all); err != nil {
		return nil, err
	}
	var names []string
schemes:
	for _, s := range all.Data {
		for _, f := range s.Fields {
			if f.Required && f.Name != "secret" {
				continue schemes
			}
		}
		names = append(names, s.Name)
	}
	return names, nil
}

// hook shows one hook with what it received; a secret that was just made this once.
func (v *visit) hook(status int, secret string) error {
	var page struct {
		Hook     hook
		Received list[received]
		Secret   string
	}
	page.Secret = secret
	path := "/v1/hooks/" + url.PathEscape(v.r.PathValue("id"))
	if err := v.get(path, nil, &page.Hook); err != nil {
		return err
	}
	if err := v.get(path+"/received", url.Values{"limit": {"20"}}, &page.Received); err != nil {
		return err
	}
	return v.render(status, "hook", page.Hook.Name, page)
}

func (d *Dashboard) workflowRoutes(a area) {
	a.handle("GET /workflows", "", func(v *visit) error {
		f, q := v.filters("cursor")
		var page list[workflow]
		if err := v.get("/v1/workflows", q, &page); err != nil {
			return err
		}
		return v.render(http.StatusOK, "workflows", "Workflows", struct {
			list[workflow]
			Filter filters
		}{page, f})
	})
	a.handle("GET /workflows/new", "", func(v *visit) error {
		return v.workflow(http.StatusOK, workflow{Definition: firstWorkflow}, nil)
	})
	a.handle("GET /workflows/{id}", "", func(v *visit) error {
		var w workflow
		if err := v.get("/v1/workflows/"+url.PathEscape(v.r.PathValue("id")), nil, &w); err != nil {
			return err
		}
		return v.workflow(http.StatusOK, w, nil)
	})
	a.handle("POST /workflows", "", func(v *visit) error { return v.saveWorkflow(http.MethodPost, "") })
	a.handle("POST /workflows/{id}", "", func(v *visit) error { return v.saveWorkflow(http.MethodPut, v.r.PathValue("id")) })
	a.handle("POST /workflows/{id}/delete", "", deleteFrom("/v1/workflows", "/workflows", "deleted"))

	a.handle("GET /executions", "", func(v *visit) error {
		f, q := v.filters("status", "workflow", "hook", "cursor")
		var page list[execution]
		if err := v.get("/v1/executions", q, &page); err != nil {
			return err
		}
		return v.render(http.StatusOK, "executions", "Executions", struct {
			list[execution]
			Filter   filters
			Statuses []string
		}{page, f, []string{"queued", "running", "waiting", "succeeded", "failed", "cancelled"}})
	})
	a.handle("GET /executions/{id}", "", func(v *visit) error {
		var e execution
		if err := v.get("/v1/executions/"+url.PathEscape(v.r.PathValue("id")), nil, &e); err != nil {
			return err
		}
		return v.render(http.StatusOK, "execution", "Execution", e)
	})
	a.handle("POST /executions/{id}/cancel", "", actOn("/v1/executions", "cancel", "/executions", "cancelled"))
	a.handle("POST /executions/{id}/rerun", "", actOn("/v1/executions", "rerun", "/executions", "rerun"))
}

// firstWorkflow is what the form of a new workflow begins with.
const firstWorkflow = `name: Deployment announcements
steps:
  - id: tell
    uses: publish
    with:
      type: deployment.completed
      title: "{{ webhook.body.version }} is on {{ webhook.body.environment }}"
      data: "{{ webhook.body }}"
`

func (v *visit) workflow(status int, w workflow, p *problem) error {
	return v.render(status, "workflow", "Workflow", struct {
		Workflow workflow
		Problem  *problem
	}{w, p})
}

// saveWorkflow sends the definition as it was typed, so that a fault's line and column are
// those of the text.
func (v *visit) saveWorkflow(method, id string) error {
	text := v.r.PostFormValue("definition")
	path := "/v1/workflows"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	var made workflow
	err := v.doRaw(method, path, "application/yaml", []byte(text), &made)
	if p, ok := err.(*problem); ok && p.Status < 500 && p.Status != http.StatusNotFound { //nolint:errorlint // doRaw gives it bare
		return v.workflow(p.Status, workflow{ID: id, Definition: text}, p)
	}
	if err != nil {
		return err
	}
	return v.redirect("/workflows/"+made.ID, "saved")
}
