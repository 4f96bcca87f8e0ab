package idptest

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

// What the provider calls Peal, and the password of everybody.
const (
	ClientID     = "peal"
	ClientSecret = "the-client's-secret"
	Password     = "correct horse"
)

// Provider is a running provider.
type Provider struct {
	URL   string
	users *users
}

// Start runs a provider that sends people back to one address, until the test ends.
func Start(t testing.TB, redirectURL string) *Provider {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	p := &Provider{URL: server.URL, users: &users{byName: map[string]*storage.User{}}}
	client := storage.WebClient(ClientID, ClientSecret, redirectURL)
	store := storage.NewStorageWithClients(p.users, map[string]*storage.Client{ClientID: client})
	handler = exampleop.SetupServer(p.URL, store, slog.New(slog.DiscardHandler), false)
	return p
}

// Add gives the provider a user, who signs in by name.
func (p *Provider) Add(name, email string, verified bool) {
	p.users.mu.Lock()
	defer p.users.mu.Unlock()
	p.users.byName[name] = &storage.User{ID: "id-" + name, Username: name, Password: Password, Email: email, EmailVerified: verified}
}

var hiddenID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// SignIn does at the provider what a browser does that an address led there, and gives the
// answer to the last request, with its body read. The client follows redirects and keeps
// cookies.
func (p *Provider) SignIn(t testing.TB, browser *http.Client, begin, name string) (*http.Response, string) {
	t.Helper()
	res, body := p.do(t, browser, http.MethodGet, begin, nil)
	id := hiddenID.FindStringSubmatch(body)
	if id == nil {
		t.Fatalf("%s leads to %s, which asks for no password:\n%s", begin, res.Request.URL, body)
	}
	form := url.Values{"id": {id[1]}, "username": {name}, "password": {Password}}
	return p.do(t, browser, http.MethodPost, p.URL+"/login/username", form)
}

func (p *Provider) do(t testing.TB, browser *http.Client, method, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// users are those of the provider.
type users struct {
	mu     sync.Mutex
	byName map[string]*storage.User
}

// GetUserByID implements storage.UserStore.
func (u *users) GetUserByID(id string) *storage.User {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, user := range u.byName {
		if user.ID == id {
			return user
		}
	}
	return nil
}

// GetUserByUsername implements storage.UserStore.
func (u *users) GetUserByUsername(name string) *storage.User {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.byName[name]
}

// ExampleClientID implements storage.UserStore.
func (*users) ExampleClientID() string { return "service" }
