package dashboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/sso"
)

// Config is what a Dashboard stands on.
type Config struct {
	// API answers the requests that pages make.
	API      http.Handler
	Auth     *auth.Authenticator
	Links    *auth.Links
	Sessions scs.CtxStore
	// Now is database time.
	Now func() time.Time
	Log *slog.Logger
	// SSO is where members sign in; nil where they cannot.
	SSO *sso.Provider
	// Ring seals what a browser keeps while its person is at the provider.
	Ring *secret.Keyring
	// PublicURL is how people reach the server; empty if nobody said.
	PublicURL string
	// Version is Peal's, for the footer and to tell browsers when files change.
	Version string
}

// Dashboard serves the pages.
type Dashboard struct {
	Config
	mux       *http.ServeMux
	sessions  *scs.SessionManager
	templates templates
	guard     *guard
}

// New makes the handler of /, /dashboard/… and /portal/….
func New(c Config) (http.Handler, error) {
	d := &Dashboard{Config: c, mux: http.NewServeMux(), guard: newGuard()}
	d.sessions = newSessions(c)
	var err error
	if d.templates, err = parseTemplates(c.Version); err != nil {
		return nil, err
	}
	d.mux.Handle("GET /dashboard/static/", d.static())
	d.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, home, http.StatusSeeOther) })
	d.mux.HandleFunc("GET /dashboard", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, home, http.StatusSeeOther) })
	d.signInRoutes()
	d.orgRoutes()
	if d.SSO != nil {
		d.ssoRoutes()
	}
	for _, routes := range []func(area){
		d.overviewRoutes, d.eventRoutes, d.endpointRoutes, d.deliveryRoutes,
		d.noiseRoutes, d.inboundRoutes, d.deskRoutes, d.governanceRoutes, d.settingsRoutes,
	} {
		routes(area{d, "/dashboard"})
	}
	d.portalRoutes()
	d.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.fail(&visit{Dashboard: d, w: w, r: r}, peal.NotFound("page"))
	})
	cross := http.NewCrossOriginProtection()
	return d.recovering(d.headers(cross.Handler(d.sessions.LoadAndSave(d.mux)))), nil
}

// Beside sends to the dashboard what asks for its pages, the root among them, and all else
// to the API.
func Beside(api, dashboard http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.Path
		if p == "/dashboard" || strings.HasPrefix(p, "/dashboard/") || strings.HasPrefix(p, "/portal/") ||
			p == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			dashboard.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

const home = "/dashboard/overview"

// secure says that people come over https alone.
func (c *Config) secure() bool { return strings.HasPrefix(c.PublicURL, "https://") }

// headers sets what every answer carries; pages that may stand in a frame say so.
func (d *Dashboard) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		setPolicy(h, nil)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// setPolicy lets a page load what the server sends and nothing else.
func setPolicy(h http.Header, frames []string) {
	ancestors := "'none'"
	if len(frames) > 0 {
		ancestors = strings.Join(frames, " ")
	}
	h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors "+ancestors)
}

func (d *Dashboard) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v)
			default:
				d.fail(&visit{Dashboard: d, w: w, r: r}, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// visit is one request of a person who is signed in.
type visit struct {
	*Dashboard
	w http.ResponseWriter
	r *http.Request
	// caller is the person at the API.
	caller
	// base is where the pages of this area begin.
	base   string
	portal *auth.Portal
}

// page answers one request.
type page func(*visit) error

// area is where pages stand: the dashboard, or a portal.
type area struct {
	*Dashboard
	base string
}

// inPortal tells whether the area is the customers' portal.
func (a area) inPortal() bool { return a.base != "/dashboard" }

// handle adds a page. The feature is the one that a portal must have for it; without one
// the page is not in portals.
func (a area) handle(pattern, feature string, p page) {
	method, path, _ := strings.Cut(pattern, " ")
	if a.inPortal() && feature == "" {
		return
	}
	a.mux.HandleFunc(method+" "+a.base+path, func(w http.ResponseWriter, r *http.Request) {
		v, err := a.enter(w, r, feature)
		if err == nil && v != nil {
			err = p(v)
		}
		if err != nil {
			if v == nil {
				v = &visit{Dashboard: a.Dashboard, w: w, r: r}
			}
			a.fail(v, err)
		}
	})
}

// enter finds out who makes a request. Who is nobody is led to the sign-in, and the visit
// is nil.
func (a area) enter(w http.ResponseWriter, r *http.Request, feature string) (*visit, error) {
	v := &visit{Dashboard: a.Dashboard, w: w, r: r, base: a.base}
	var who auth.Identity
	var err error
	if a.inPortal() {
		who, v.portal, err = a.portalOf(r)
		if err == nil && !v.portal.Has(feature) {
			err = peal.NotFound("page")
		}
		if err != nil {
			return v, err
		}
		v.base = "/portal/" + r.PathValue("token")
		setPolicy(w.Header(), v.portal.Origins)
	} else if who, err = a.identity(r); err != nil {
		if peal.CodeOf(err) != peal.CodeUnauthorized && peal.CodeOf(err) != peal.CodeNotFound {
			return v, err
		}
		to := "/dashboard/sign-in"
		if len(a.memberships(r)) > 0 {
			to = "/dashboard/orgs"
		}
		if r.Method == http.MethodGet && r.URL.Path != home {
			to += "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil, nil
	}
	v.caller = caller{api: a.API, ctx: r.Context(), who: who, host: r.Host}
	return v, nil
}

// redirect ends a form: to a page of the area, with a note that says what was done.
func (v *visit) redirect(path string, note string) error {
	to := v.base + path
	if note != "" {
		sep := "?"
		if strings.Contains(to, "?") {
			sep = "&"
		}
		to += sep + "done=" + url.QueryEscape(note)
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// fail answers a request that could not be done. What it does not show, it logs.
func (d *Dashboard) fail(v *visit, err error) {
	p := asProblem(err)
	if p.Status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		d.Log.Error("page failed", "path", v.r.URL.Path, "error", err)
	}
	data := struct{ *problem }{p}
	if err := v.render(p.Status, "error", p.Title, data); err != nil {
		d.Log.Error("page failed", "path", v.r.URL.Path, "error", err)
	}
}

// asProblem turns any failure into one that can be shown.
func asProblem(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	p := &problem{Status: http.StatusInternalServerError, Detail: "Something went wrong on the server."}
	if e, ok := errors.AsType[*peal.Error](err); ok {
		p.Detail = e.Message
		switch e.Code {
		case peal.CodeInvalid:
			p.Status, p.Field = http.StatusBadRequest, e.Field
		case peal.CodeNotFound:
			p.Status = http.StatusNotFound
		case peal.CodeForbidden:
			p.Status = http.StatusForbidden
		case peal.CodeTooManyRequests:
			p.Status = http.StatusTooManyRequests
		case peal.CodeUnavailable:
			p.Status = http.StatusServiceUnavailable
		}
	}
	p.Title = http.StatusText(p.Status)
	return p
}
