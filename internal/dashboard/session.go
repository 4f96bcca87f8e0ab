package dashboard

import (
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

const (
	sessionLifetime = 12 * time.Hour
	sessionKey      = "who"
)

func newSessions(c Config) *scs.SessionManager {
	s := scs.New()
	s.Store = c.Sessions
	s.Lifetime = sessionLifetime
	s.HashTokenInStore = true
	s.Cookie.Name = "peal_session"
	s.Cookie.HttpOnly = true
	s.Cookie.SameSite = http.SameSiteLaxMode
	s.Cookie.Secure = c.secure()
	s.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, err error) {
		c.Log.Error("sessions cannot be read", "error", err)
		http.Error(w, "The database cannot be reached at the moment. Try again soon.", http.StatusServiceUnavailable)
	}
	return s
}

// signedIn is what a session knows of a person.
type signedIn struct {
	// Key is the hash of the key that was signed in with, which must still be valid.
	Key string `json:"key,omitempty"`
	// Email is the address of a person whom the provider knows instead, and who must still be
	// a member of Org.
	Email string `json:"email,omitempty"`
	// Identity is given by a link instead.
	Identity auth.Identity `json:"identity,omitzero"`
	// Org is the one that an admin looks at, or a member; empty until one is chosen.
	Org string `json:"org,omitempty"`
}

func (d *Dashboard) session(r *http.Request) (s signedIn, ok bool) {
	doc := d.sessions.GetString(r.Context(), sessionKey)
	return s, doc != "" && json.Unmarshal([]byte(doc), &s) == nil
}

func (d *Dashboard) setSession(r *http.Request, s signedIn) error {
	doc, err := json.Marshal(s)
	if err != nil {
		return err
	}
	d.sessions.Put(r.Context(), sessionKey, string(doc))
	return nil
}

// identity is who a session belongs to, as things stand now.
func (d *Dashboard) identity(r *http.Request) (auth.Identity, error) {
	s, ok := d.session(r)
	switch {
	case !ok:
		return auth.Identity{}, peal.Errorf(peal.CodeUnauthorized, "sign in first")
	case s.Key != "":
		hash, err := hex.DecodeString(s.Key)
		if err != nil || len(hash) != 32 {
			return auth.Identity{}, peal.Errorf(peal.CodeUnauthorized, "sign in again")
		}
		return d.Auth.Identify([32]byte(hash), s.Org)
	case s.Email != "":
		return d.Auth.Member(s.Email, s.Org)
	case s.Identity.Admin && s.Org != "":
		return d.Auth.InOrg(s.Identity, s.Org)
	}
	_, err := d.Auth.OrgOf(s.Identity)
	return s.Identity, err
}

// begin starts a session under a new token, so that one that was planted is worth nothing.
func (d *Dashboard) begin(r *http.Request, s signedIn) error {
	if err := d.sessions.RenewToken(r.Context()); err != nil {
		return err
	}
	return d.setSession(r, s)
}

func (d *Dashboard) signInRoutes() {
	show := func(w http.ResponseWriter, r *http.Request, status int, problem string) {
		d.showSignIn(w, r, status, signInPage{Next: next(r), Problem: problem})
	}
	d.mux.HandleFunc("GET /dashboard/sign-in", func(w http.ResponseWriter, r *http.Request) { show(w, r, http.StatusOK, "") })
	d.mux.HandleFunc("POST /dashboard/sign-in", func(w http.ResponseWriter, r *http.Request) {
		if wait := d.guard.wait(r, d.Now()); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
			show(w, r, http.StatusTooManyRequests, "Too many attempts failed. Try again in "+peal.Duration(wait.Round(time.Second)).String()+".")
			return
		}
		hash := secret.HashKey(strings.TrimSpace(r.PostFormValue("key")))
		if _, err := d.Auth.Identify(hash, ""); err != nil {
			d.guard.failed(r, d.Now())
			show(w, r, http.StatusUnauthorized, "This key is not valid.")
			return
		}
		d.guard.succeeded(r)
		if err := d.begin(r, signedIn{Key: hex.EncodeToString(hash[:])}); err != nil {
			d.fail(&visit{Dashboard: d, w: w, r: r}, err)
			return
		}
		http.Redirect(w, r, next(r), http.StatusSeeOther)
	})
	// A link is opened by a button, since mail programs fetch what they show.
	d.mux.HandleFunc("GET /dashboard/link/{token}", func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Dashboard: d, w: w, r: r, base: "/dashboard"}
		if err := v.render(http.StatusOK, "link", "Sign in", struct{ Token string }{r.PathValue("token")}); err != nil {
			d.fail(v, err)
		}
	})
	d.mux.HandleFunc("POST /dashboard/link/{token}", func(w http.ResponseWriter, r *http.Request) {
		g, err := d.Links.Open(r.Context(), r.PathValue("token"))
		if err != nil && peal.CodeOf(err) == peal.CodeNotFound {
			show(w, r, http.StatusNotFound, "This link has expired or was used before. Ask for a new one, or sign in with a key.")
			return
		}
		if err == nil {
			err = d.begin(r, signedIn{Identity: g.Identity})
		}
		if err != nil {
			d.fail(&visit{Dashboard: d, w: w, r: r}, err)
			return
		}
		http.Redirect(w, r, home, http.StatusSeeOther)
	})
	d.mux.HandleFunc("POST /dashboard/sign-out", func(w http.ResponseWriter, r *http.Request) {
		to := "/dashboard/sign-in"
		if s, ok := d.session(r); ok && s.Email != "" {
			to += "?done=signed-out"
		}
		if err := d.sessions.Destroy(r.Context()); err != nil {
			d.fail(&visit{Dashboard: d, w: w, r: r}, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
}

// signInPage is what the page to sign in says.
type signInPage struct {
	// Next is where the sign-in leads.
	Next    string
	Problem string
	// Again offers to sign in at the provider with another account.
	Again bool
	// Provider is the host of the provider, empty without one, and Begin leads there.
	Provider, Begin string
}

func (d *Dashboard) showSignIn(w http.ResponseWriter, r *http.Request, status int, p signInPage) {
	if d.SSO != nil {
		p.Provider, p.Begin = d.SSO.Name(), d.beginURL(p.Next, p.Again)
	}
	v := &visit{Dashboard: d, w: w, r: r, base: "/dashboard"}
	if err := v.render(status, "signin", "Sign in", p); err != nil {
		d.fail(v, err)
	}
}

// next is the page of the dashboard that somebody wanted before the sign-in.
func next(r *http.Request) string {
	to := r.FormValue("next")
	if !strings.HasPrefix(to, "/dashboard/") || strings.ContainsAny(to, "\\\r\n") {
		return home
	}
	return to
}

// guard locks out addresses that try keys. It forgets in a restart, and each node has its
// own: keys have 256 bits, so it is there to keep logs readable and the store idle.
type guard struct {
	mu       sync.Mutex
	failures map[string]*failures
}

type failures struct {
	count int
	until time.Time
}

const (
	maxFailures = 10
	lockout     = 15 * time.Minute
	maxGuarded  = 10_000
)

func newGuard() *guard { return &guard{failures: map[string]*failures{}} }

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// wait is how long an address is still locked out.
func (g *guard) wait(r *http.Request, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.failures[address(r)]; f != nil && f.count >= maxFailures {
		return max(0, f.until.Sub(now))
	}
	return 0
}

func (g *guard) failed(r *http.Request, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.failures) >= maxGuarded {
		clear(g.failures)
	}
	f := g.failures[address(r)]
	if f == nil || now.After(f.until) {
		f = &failures{}
		g.failures[address(r)] = f
	}
	f.count++
	f.until = now.Add(lockout)
}

func (g *guard) succeeded(r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.failures, address(r))
}
