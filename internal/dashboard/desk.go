package dashboard

import (
	"net/http"
	"time"
)

// offering is what can be asked for.
type offering struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// request is something that was asked for.
type request struct {
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	Status    string     `json:"status"`
	Priority  string     `json:"priority"`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
	DueAt     *time.Time `json:"complete_due_at"`
	Breached  []string   `json:"breached"`
}

// Open tells whether something can still be done about the request.
func (r request) Open() bool { return r.Status == "PENDING" || r.Status == "ACCEPTED" }

// task is a piece of work that somebody does.
type task struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Status   string `json:"status"`
	Assignee *struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
	} `json:"assignee"`
	CreatedAt time.Time `json:"created_at"`
}

// Open tells whether the task is still to be done.
func (t task) Open() bool { return t.Status != "COMPLETED" && t.Status != "CANCELLED" }

func (d *Dashboard) deskRoutes(a area) {
	a.handle("GET /requests", "", func(v *visit) error {
		return filtered[request](v, "/v1/requests", "requests", "Requests")
	})
	for action, note := range map[string]string{"accept": "accepted", "complete": "completed", "cancel": "cancelled"} {
		a.handle("POST /requests/{id}/"+action, "", inList("/v1/requests", action, "/requests", note))
	}
	a.handle("GET /tasks", "", func(v *visit) error { return filtered[task](v, "/v1/tasks", "tasks", "Tasks") })
	a.handle("POST /tasks/{id}/complete", "", inList("/v1/tasks", "complete", "/tasks", "completed"))
}

// filtered shows a list that can be filtered by status.
func filtered[T any](v *visit, path, name, title string) error {
	f, q := v.filters("status", "cursor")
	var page list[T]
	if err := v.get(path, q, &page); err != nil {
		return err
	}
	return v.render(http.StatusOK, name, title, struct {
		list[T]
		Filter filters
	}{page, f})
}
