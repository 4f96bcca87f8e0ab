package dashboard

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// apiKey is a key as the API shows it; the key itself when it is new.
type apiKey struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Hint      string    `json:"hint"`
	Key       string    `json:"key"`
	CreatedAt time.Time `json:"created_at"`
}

// secretName is a secret of workflows as the API shows it.
type secretName struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// auditEntry says who changed what.
type auditEntry struct {
	Time   time.Time       `json:"time"`
	Actor  string          `json:"actor"`
	Action string          `json:"action"`
	Object string          `json:"object"`
	Detail json.RawMessage `json:"detail"`
}

// Says tells that there is a detail.
func (e auditEntry) Says() bool { return len(e.Detail) > 0 && string(e.Detail) != "null" }

func (d *Dashboard) settingsRoutes(a area) {
	d.organizationRoutes(a)
	a.handle("GET /keys", "", func(v *visit) error { return v.keys(http.StatusOK, apiKey{}) })
	a.handle("POST /keys", "", func(v *visit) error {
		var k apiKey
		body := map[string]string{"name": v.r.PostFormValue("name"), "role": v.r.PostFormValue("role")}
		if err := v.do(http.MethodPost, "/v1/keys", body, &k); err != nil {
			return err
		}
		return v.keys(http.StatusCreated, k)
	})
	a.handle("POST /keys/{id}/rotate", "", func(v *visit) error {
		var k apiKey
		if err := v.do(http.MethodPost, "/v1/keys/"+url.PathEscape(v.r.PathValue("id"))+"/rotate", nil, &k); err != nil {
			return err
		}
		return v.keys(http.StatusOK, k)
	})
	a.handle("POST /keys/{id}/delete", "", func(v *visit) error {
		if err := v.do(http.MethodDelete, "/v1/keys/"+url.PathEscape(v.r.PathValue("id")), nil, nil); err != nil {
			return err
		}
		return v.redirect("/keys", "deleted")
	})
	a.handle("GET /secrets", "", func(v *visit) error {
		f, q := v.filters("cursor")
		var names list[secretName]
		if err := v.get("/v1/secrets", q, &names); err != nil {
			return err
		}
		return v.render(http.StatusOK, "secrets", "Secrets", struct {
			list[secretName]
			Filter filters
		}{names, f})
	})
	a.handle("POST /secrets", "", func(v *visit) error {
		body := map[string]string{"value": v.r.PostFormValue("value")}
		if err := v.do(http.MethodPut, "/v1/secrets/"+url.PathEscape(v.r.PostFormValue("name")), body, nil); err != nil {
			return err
		}
		return v.redirect("/secrets", "saved")
	})
	a.handle("POST /secrets/{name}/delete", "", func(v *visit) error {
		if err := v.do(http.MethodDelete, "/v1/secrets/"+url.PathEscape(v.r.PathValue("name")), nil, nil); err != nil {
			return err
		}
		return v.redirect("/secrets", "deleted")
	})
	a.handle("GET /audit", "", func(v *visit) error {
		f, q := v.filters("cursor")
		var entries list[auditEntry]
		if err := v.get("/v1/audit", q, &entries); err != nil {
			return err
		}
		return v.render(http.StatusOK, "audit", "Audit log", struct {
			list[auditEntry]
			Filter filters
		}{entries, f})
	})
}

// keys lists the keys; one that was just made is shown this once.
func (v *visit) keys(status int, made apiKey) error {
	f, q := v.filters("cursor")
	var keys list[apiKey]
	if err := v.get("/v1/keys", q, &keys); err != nil {
		return err
	}
	return v.render(status, "keys", "API keys", struct {
		list[apiKey]
		Filter filters
		Made   apiKey
		Roles  []peal.Role
	}{keys, f, made, []peal.Role{peal.Viewer, peal.Publisher, peal.Admin}})
}
