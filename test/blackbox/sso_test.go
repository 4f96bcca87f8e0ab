package blackbox

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/test/idptest"
	"github.com/peal-dev/peal/test/pgtest"
)

const (
	ssoBegin    = "/dashboard/sign-in/oidc"
	ssoCallback = ssoBegin + "/callback"
)

// ssoFlags tell a server of a provider.
func ssoFlags(public, issuer string) []string {
	return []string{"--public-url", public, "--oidc-issuer", issuer, "--oidc-client-id", idptest.ClientID, "--oidc-client-secret", idptest.ClientSecret}
}

// ssoServers are a provider, the public address, and the servers behind it: one on SQLite,
// or two on a PostgreSQL, which answer in turns.
func ssoServers(t *testing.T, nodes int) (front *idptest.Front, idp *idptest.Provider, admins []*caller) {
	t.Helper()
	front = idptest.NewFront(t)
	idp = idptest.Start(t, front.URL+ssoCallback)
	database := ""
	if nodes > 1 {
		database = pgtest.Schema(t)
	}
	for range nodes {
		s := &server{Dir: t.TempDir(), database: database, flags: ssoFlags(front.URL, idp.URL)}
		if nodes > 1 {
			s.flags = append(s.flags, "--encryption-key", "dGhlIGtleSB0aGF0IHRoZSB0ZXN0cyBzZWFsIHdpdGg=")
		}
		s.run(t)
		front.Add(t, s.URL)
		admins = append(admins, s.Admin())
		t.Cleanup(func() {
			if bytes.Contains(s.log.All(), []byte(idptest.ClientSecret)) {
				t.Error("the client's secret is in the log")
			}
		})
	}
	return front, idp, admins
}

// visitor is a browser without scripts.
type visitor struct {
	*http.Client
	t    *testing.T
	base string
}

func newVisitor(t *testing.T, base string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{&http.Client{Jar: jar, Timeout: 40 * time.Second}, t, base}
}

// page is where a request led, and what it shows.
type page struct {
	status int
	path   string
	text   string
}

func (v *visitor) page(res *http.Response, body string) page {
	return page{res.StatusCode, res.Request.URL.RequestURI(), html.UnescapeString(body)}
}

func (v *visitor) get(path string) page {
	v.t.Helper()
	return v.read(v.Get(v.base + path))
}

func (v *visitor) post(path string, form url.Values) page {
	v.t.Helper()
	return v.read(v.PostForm(v.base+path, form))
}

func (v *visitor) read(res *http.Response, err error) page {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.page(res, string(body))
}

// signIn signs in at the provider, and gives the page of Peal that it led to.
func (v *visitor) signIn(idp *idptest.Provider, name, next string) page {
	v.t.Helper()
	return v.page(idp.SignIn(v.t, v.Client, v.base+ssoBegin+"?next="+url.QueryEscape(next), name))
}

// stay makes one request, and does not go where it is sent.
func (v *visitor) stay(path string) *http.Response {
	v.t.Helper()
	c := &http.Client{Jar: v.Jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Get(v.base + path)
	if err != nil {
		v.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}

func (v *visitor) sentTo(path string) string {
	v.t.Helper()
	return v.stay(path).Header.Get("Location")
}

// begin goes to the provider and no further, and gives the state.
func (v *visitor) begin() (state string, cookie *http.Cookie) {
	v.t.Helper()
	res := v.stay(ssoBegin)
	to, err := res.Location()
	if err != nil || len(res.Cookies()) != 1 {
		v.t.Fatalf("the sign-in begins with %d, %v, %v", res.StatusCode, err, res.Cookies())
	}
	return to.Query().Get("state"), res.Cookies()[0]
}

// session is the token of the visitor's session, empty without one.
func (v *visitor) session() string {
	v.t.Helper()
	u, err := url.Parse(v.base)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.Jar.Cookies(u) {
		if c.Name == "peal_session" {
			return c.Value
		}
	}
	return ""
}

func (p page) want(t *testing.T, status int, path, text string) {
	t.Helper()
	if p.status != status || !strings.HasPrefix(p.path, path) || !strings.Contains(p.text, text) {
		t.Errorf("%d at %s, want %d at %s with %q:\n%s", p.status, p.path, status, path, text, p.text)
	}
}

// Members sign in, do what their role allows in the org that they chose, and lose at once
// what the org takes from them.
func TestSignInByOIDC(t *testing.T) {
	t.Parallel()
	for name, nodes := range map[string]int{"sqlite": 1, "postgres": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			front, idp, admins := ssoServers(t, nodes)
			admin := admins[0]
			idp.Add("grace", "Grace@Example.com", true)
			member := admin.Call(t, 201, "POST", "/v1/members", object{"email": "grace@example.com", "role": "viewer"})
			path := "/v1/members/" + text(member, "id")
			eventually(t, func() error {
				for _, a := range admins {
					if got := a.Try(t, "GET", path, nil); got.Status != 200 {
						return fmt.Errorf("a node does not know the member: %d", got.Status)
					}
				}
				return nil
			})

			v := newVisitor(t, front.URL)
			v.get("/dashboard/sign-in").want(t, 200, "/dashboard/sign-in", "Sign in at 127.0.0.1")
			v.signIn(idp, "grace", "/dashboard/keys").want(t, 200, "/dashboard/keys", "API keys")
			v.post("/dashboard/keys", url.Values{"name": {"mine"}, "role": {"viewer"}}).want(t, 403, "/dashboard/keys", "this needs the role admin, yours is viewer")

			admin.Call(t, 200, "PATCH", path, object{"role": "admin"})
			eventually(t, func() error {
				if p := v.post("/dashboard/keys", url.Values{"name": {"mine"}, "role": {"viewer"}}); p.status != 201 {
					return fmt.Errorf("as admin: %d", p.status)
				}
				return nil
			})
			if entries := admin.List(t, "/v1/audit"); text(entries[0], "actor") != "grace@example.com" {
				t.Errorf("the audit trail says %v", entries[0])
			}

			// Of two orgs one is chosen; another's is not to be had.
			admin.Call(t, 201, "POST", "/v1/orgs", object{"id": "acme", "name": "Acme"})
			admin.Call(t, 201, "POST", "/v1/orgs", object{"id": "other", "name": "Other"})
			acme := &caller{URL: admin.URL, Key: admin.Key, Org: "acme"}
			acme.Call(t, 201, "POST", "/v1/members", object{"email": "GRACE@example.com", "role": "viewer"})
			eventually(t, func() error {
				for range nodes {
					if p := v.get("/dashboard/overview"); !strings.Contains(p.text, "<option>acme</option>") {
						return fmt.Errorf("no acme to switch to at %s", p.path)
					}
				}
				return nil
			})
			v.post("/dashboard/org", url.Values{"org": {"other"}}).want(t, 404, "/dashboard/org", "org")
			v.post("/dashboard/org", url.Values{"org": {""}}).want(t, 404, "/dashboard/org", "org")
			second := newVisitor(t, front.URL)
			second.signIn(idp, "grace", "/dashboard/events?type=x").want(t, 200, "/dashboard/orgs?next=%2Fdashboard%2Fevents%3Ftype%3Dx", "Choose an org")
			second.get("/dashboard/keys").want(t, 200, "/dashboard/orgs", "Choose an org")
			second.post("/dashboard/org", url.Values{"org": {"acme"}, "next": {"/dashboard/events?type=x"}}).want(t, 200, "/dashboard/events?type=x", "Events")

			// Who leaves one org is asked for another, and who leaves the last is out.
			live, err := v.Get(front.URL + "/dashboard/overview/live")
			if err != nil || live.StatusCode != 200 {
				t.Fatalf("the live overview: %v, %v", live, err)
			}
			defer live.Body.Close()
			admin.Call(t, 204, "DELETE", path, nil)
			if _, err := io.Copy(io.Discard, live.Body); err != nil {
				t.Errorf("the live overview of a removed member ends with %v", err)
			}
			eventually(t, func() error {
				for range nodes {
					if to := v.sentTo("/dashboard/keys"); !strings.HasPrefix(to, "/dashboard/orgs") {
						return fmt.Errorf("removed, and sent to %q", to)
					}
				}
				return nil
			})
			for _, m := range acme.List(t, "/v1/members") {
				acme.Call(t, 204, "DELETE", "/v1/members/"+text(m, "id"), nil)
			}
			eventually(t, func() error {
				for _, v := range []*visitor{v, v, second, second} {
					if to := v.sentTo("/dashboard/keys"); !strings.HasPrefix(to, "/dashboard/sign-in") {
						return fmt.Errorf("removed everywhere, and sent to %q", to)
					}
				}
				return nil
			})
			second.post("/dashboard/sign-out", nil).want(t, 200, "/dashboard/sign-in", "The provider may still know you")
		})
	}
}

// Whom the provider does not vouch for, or no org knows, is told whom to ask.
func TestStrangersAtTheProvider(t *testing.T) {
	t.Parallel()
	front, idp, admins := ssoServers(t, 1)
	idp.Add("alan", "alan@example.com", true)
	idp.Add("ada", "ada@example.com", false)
	idp.Add("kim", "\u212aim@example.com", true) // a letter that folds into k
	for _, email := range []string{"ada@example.com", "kim@example.com"} {
		admins[0].Call(t, 201, "POST", "/v1/members", object{"email": email, "role": "admin"})
	}
	for name, says := range map[string]string{
		"alan": "alan@example.com, which is not a member of an org here. Ask an admin of your org",
		"ada":  "does not say that your mail address is verified",
		"kim":  "which is not a member",
	} {
		v := newVisitor(t, front.URL)
		v.signIn(idp, name, "").want(t, 403, ssoCallback, says)
		v.get("/dashboard/keys").want(t, 200, "/dashboard/sign-in", "API key")
	}
}

// A sign-in ends only in the browser that began it, once, and leads nowhere else.
func TestForgedSignIns(t *testing.T) {
	t.Parallel()
	front, idp, admins := ssoServers(t, 1)
	idp.Add("grace", "grace@example.com", true)
	admins[0].Call(t, 201, "POST", "/v1/members", object{"email": "grace@example.com", "role": "admin"})
	const notBegun = "was not begun in this browser"

	v := newVisitor(t, front.URL)
	state, cookie := v.begin()
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.MaxAge <= 0 || cookie.MaxAge > 900 {
		t.Errorf("the cookie is %v", cookie)
	}
	if strings.Contains(cookie.Value, state) {
		t.Errorf("the cookie shows the state: %v", cookie)
	}
	victim := newVisitor(t, front.URL)
	victim.get(ssoCallback+"?code=x&state="+state).want(t, 400, ssoCallback, notBegun)
	victim.begin()
	victim.get(ssoCallback+"?code=x&state="+state).want(t, 400, ssoCallback, notBegun)
	victim.get(ssoCallback+"?error=access_denied&error_description=call+555-0100&state="+state).want(t, 400, ssoCallback, notBegun)
	if p := victim.get(ssoCallback + "?error=x&error_description=call+555-0100&state=" + state); strings.Contains(p.text, "555-0100") {
		t.Error("a stranger's words are shown")
	}
	for _, q := range []string{"", "?state=", "?code=x", "?code=x&state=" + state + "x"} {
		v.get(ssoCallback+q).want(t, 400, ssoCallback, notBegun)
	}
	// None of these ended the sign-in under way; what the provider says does, as text.
	v.get(ssoCallback+"?error=server_error&error_description="+url.QueryEscape("<b>try later</b>")+"&state="+state).
		want(t, 403, ssoCallback, "It said server_error: <b>try later</b>")
	v.get(ssoCallback+"?error=access_denied&state="+state).want(t, 400, ssoCallback, notBegun)
	state, _ = v.begin()
	v.get(ssoCallback+"?error=access_denied&state="+state).want(t, 403, ssoCallback, "was cancelled or refused")
	state, _ = v.begin()
	v.get(ssoCallback+"?code=invented&state="+state).want(t, 403, ssoCallback, "could not be completed")
	v.get("/dashboard/keys").want(t, 200, "/dashboard/sign-in", "API key")

	// A callback that worked does not work again, in any browser.
	var callback string
	v.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, ssoCallback) {
			callback = r.URL.RequestURI()
		}
		return nil
	}
	v.signIn(idp, "grace", "https://evil.example.com/").want(t, 200, "/dashboard/overview", "Overview")
	v.get(callback).want(t, 400, ssoCallback, notBegun)
	newVisitor(t, front.URL).get(callback).want(t, 400, ssoCallback, notBegun)
	for _, next := range []string{"//evil.example.com", "/\\evil.example.com", "/dashboard/\\..", "https://evil.example.com/dashboard/", "/v1/orgs"} {
		planted := v.session()
		v.signIn(idp, "grace", next).want(t, 200, "/dashboard/overview", "Overview")
		if now := v.session(); now == "" || now == planted {
			t.Error("the session kept the token from before the sign-in")
		}
	}

	// None of the failures counts for the lock-out of keys.
	for range 12 {
		victim.get(ssoCallback + "?code=x&state=y")
	}
	victim.post("/dashboard/sign-in", url.Values{"key": {adminKey}}).want(t, 200, "/dashboard/overview", "Overview")
}

// While the provider is away, the server serves and keys sign in.
func TestProviderAway(t *testing.T) {
	t.Parallel()
	front := idptest.NewFront(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(idptest.ClientSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{Dir: t.TempDir(), flags: []string{
		"--public-url", "https://peal.example.com", "--oidc-issuer", "http://127.0.0.1:1", "--oidc-client-id", "peal", "--oidc-client-secret-file", secret,
	}}
	s.run(t)
	front.Add(t, s.URL)
	eventually(t, func() error {
		if !bytes.Contains(s.log.All(), []byte("sign-in by OIDC does not work yet")) {
			return fmt.Errorf("the log does not say that the provider is away")
		}
		return nil
	})
	v := newVisitor(t, front.URL)
	v.get("/dashboard/sign-in").want(t, 200, "/dashboard/sign-in", `href="https://peal.example.com/dashboard/sign-in/oidc?next=`)
	v.get(ssoBegin+"?next=/dashboard/keys").want(t, 503, ssoBegin, "127.0.0.1:1 cannot be reached at the moment. Try again soon, or sign in with a key.")
	s.Admin().Call(t, 200, "GET", "/v1/orgs", nil)
}

// Without a provider there is no trace of one.
func TestNoProvider(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	v := newVisitor(t, s.URL)
	if p := v.get("/dashboard/sign-in"); strings.Contains(p.text, "oidc") || strings.Contains(p.text, "Or with a key") {
		t.Errorf("the page to sign in shows\n%s", p.text)
	}
	for _, path := range []string{ssoBegin, ssoCallback + "?code=x&state=y"} {
		v.get(path).want(t, 404, ssoBegin, "Not Found")
	}
}
