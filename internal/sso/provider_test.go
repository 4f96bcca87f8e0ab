package sso_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"github.com/peal-dev/peal/internal/sso"
)

const (
	clientID     = "peal"
	clientSecret = "the client's secret"
	redirectURL  = "https://peal.example.com/dashboard/sign-in/oidc/callback"
)

// now is the time of the tests; nothing of theirs looks at a clock.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// lying is a provider that can be made to answer anything. What it signs and its keys are
// go-oidc's, so that no answer is refused for another reason than the one that is tested.
type lying struct {
	*httptest.Server
	keys *oidctest.Server
	// claims and info are what the id token and the userinfo say.
	claims, info map[string]any
	// sign makes the id token.
	sign func(claims string) string
	// describe changes the description; nil leaves it.
	describe func(map[string]any)
	// before answers instead of the provider where it returns true.
	before   func(w http.ResponseWriter, r *http.Request) bool
	readings atomic.Int32
	// codes are those that were given out, with their challenges, until they are redeemed.
	codes map[string]string
}

var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newLying(t *testing.T) *lying {
	t.Helper()
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	l := &lying{codes: map[string]string{}, keys: &oidctest.Server{
		PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.RS256}},
	}}
	l.sign = func(claims string) string { return oidctest.SignIDToken(key, "k", oidc.RS256, claims) }
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	l.keys.SetIssuer(l.URL)
	return l
}

func (l *lying) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.before != nil && l.before(w, r) {
		return
	}
	answer := map[string]any{}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		l.readings.Add(1)
		for name, path := range map[string]string{
			"issuer": "", "authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys", "userinfo_endpoint": "/info",
		} {
			answer[name] = l.URL + path
		}
		if l.describe != nil {
			l.describe(answer)
		}
	case "/token":
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		challenge, known := l.codes[r.PostFormValue("code")]
		id, secret, _ := r.BasicAuth()
		secret, _ = url.QueryUnescape(secret)
		if !known || challenge != base64.RawURLEncoding.EncodeToString(sum[:]) || id != clientID || secret != clientSecret || r.PostFormValue("redirect_uri") != redirectURL {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
			return
		}
		delete(l.codes, r.PostFormValue("code"))
		claims, _ := json.Marshal(l.claims)
		answer = map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": l.sign(string(claims))}
	case "/info":
		answer = l.info
	default:
		l.keys.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// approve gives a code for the address that a browser was sent to.
func (l *lying) approve(t *testing.T, address string) (code string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "redirect_uri": redirectURL, "scope": "openid email", "code_challenge_method": "S256",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	if strings.Contains(address, clientSecret) || len(q.Get("state")) < 20 || len(q.Get("nonce")) < 20 {
		t.Errorf("a browser is sent to %s", address)
	}
	code = rand.Text()
	l.codes[code] = q.Get("code_challenge")
	return code
}

// good are claims that are to be believed.
func (l *lying) good(nonce string) map[string]any {
	return map[string]any{
		"iss": l.URL, "aud": clientID, "sub": "1", "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "nonce": nonce,
		"email": "Grace@example.com", "email_verified": true,
	}
}

func (l *lying) client(change ...func(*sso.Config)) *sso.Provider {
	c := sso.Config{Issuer: l.URL, ClientID: clientID, ClientSecret: clientSecret, RedirectURL: redirectURL, Now: func() time.Time { return now }}
	for _, f := range change {
		f(&c)
	}
	return sso.New(c)
}

func trusting(c *sso.Config) { c.TrustEmails = true }

func TestFinish(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func(*lying) { return func(l *lying) { l.claims[name] = value } }
	drop := func(names ...string) func(*lying) {
		return func(l *lying) {
			maps.DeleteFunc(l.claims, func(k string, _ any) bool { return slices.Contains(names, k) })
		}
	}
	says := func(info map[string]any) func(*lying) {
		return func(l *lying) { drop("email", "email_verified")(l); l.info = info }
	}
	verified := map[string]any{"sub": "1", "email": "ada@example.com", "email_verified": true}
	for _, tc := range []struct {
		name   string
		lie    func(*lying)
		config func(*sso.Config)
		email  string
		err    string // what the error says; empty for none
	}{
		{name: "all is well", email: "Grace@example.com"},
		{name: "verified, as a string", lie: set("email_verified", "true"), email: "Grace@example.com"},
		{name: "verified, and trusted besides", config: trusting, email: "Grace@example.com"},
		{name: "several audiences, issued for Peal", lie: func(l *lying) { l.claims["aud"], l.claims["azp"] = []string{clientID, "x"}, clientID }, email: "Grace@example.com"},
		{name: "address in the userinfo alone", lie: says(verified), email: "ada@example.com"},

		{name: "another issuer", lie: set("iss", "https://evil.example.com"), err: "different provider"},
		{name: "another audience", lie: set("aud", "someone"), err: "expected audience"},
		{name: "no audience", lie: drop("aud"), err: "expected audience"},
		{name: "several audiences, issued for nobody", lie: set("aud", []string{clientID, "x"}), err: "another client"},
		{name: "issued for another client", lie: set("azp", "x"), err: "another client"},
		{name: "expired", lie: set("exp", now.Add(-time.Second).Unix()), err: "expired"},
		{name: "never expires", lie: drop("exp"), err: "expired"},
		{name: "not yet valid", lie: set("nbf", now.Add(time.Hour).Unix()), err: "nbf"},
		{name: "another nonce", lie: set("nonce", "another"), err: "nonce"},
		{name: "no nonce", lie: drop("nonce"), err: "nonce"},
		{name: "another's signature", lie: func(l *lying) {
			l.sign = func(c string) string { return oidctest.SignIDToken(other, "k", oidc.RS256, c) }
		}, err: "signature"},
		{name: "no signature", lie: func(l *lying) {
			l.sign = func(c string) string {
				b := base64.RawURLEncoding.EncodeToString
				return b([]byte(`{"alg":"none"}`)) + "." + b([]byte(c)) + "."
			}
		}, err: "malformed"},
		{name: "signed with the client's secret", lie: func(l *lying) {
			l.sign = func(c string) string {
				return oidctest.SignIDToken([]byte(strings.Repeat(clientSecret, 2)), "k", "HS256", c)
			}
		}, err: "malformed"},
		{name: "no id token", lie: func(l *lying) { l.sign = func(string) string { return "" } }, err: "malformed"},

		{name: "unverified", lie: set("email_verified", false), err: sso.ErrUnverified.Error()},
		{name: "unverified, as a string", lie: set("email_verified", "false"), err: sso.ErrUnverified.Error()},
		{name: "verified, in a word of its own", lie: set("email_verified", "yes"), err: "neither true nor false"},
		{name: "verification unsaid", lie: drop("email_verified"), err: sso.ErrUnverified.Error()},
		{name: "verification null", lie: set("email_verified", nil), err: sso.ErrUnverified.Error()},
		{name: "verification unsaid, trusted", lie: drop("email_verified"), config: trusting, email: "Grace@example.com"},
		{name: "unverified, trusted", lie: set("email_verified", false), config: trusting, err: sso.ErrUnverified.Error()},
		{name: "no address", lie: says(map[string]any{"sub": "1"}), err: sso.ErrNoEmail.Error()},
		{name: "no address and no userinfo", lie: func(l *lying) {
			drop("email")(l)
			l.describe = func(d map[string]any) { delete(d, "userinfo_endpoint") }
		}, err: sso.ErrNoEmail.Error()},
		{name: "userinfo about another", lie: says(map[string]any{"sub": "2", "email": "ada@example.com", "email_verified": true}), err: "somebody else"},
		{name: "userinfo unverified", lie: says(map[string]any{"sub": "1", "email": "ada@example.com"}), err: sso.ErrUnverified.Error()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLying(t)
			a := sso.NewAttempt()
			l.claims = l.good(a.Nonce)
			if tc.lie != nil {
				tc.lie(l)
			}
			if tc.config == nil {
				tc.config = func(*sso.Config) {}
			}
			p := l.client(tc.config)
			address, err := p.Begin(t.Context(), a, false)
			if err != nil {
				t.Fatal(err)
			}
			email, err := p.Finish(t.Context(), a, l.approve(t, address))
			if email != tc.email {
				t.Errorf("the address is %q, want %q", email, tc.email)
			}
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want %q", err, tc.err)
			}
		})
	}
}

// A code works once, and in the sign-in that it was given for.
func TestCodes(t *testing.T) {
	l := newLying(t)
	p := l.client()
	a, b := sso.NewAttempt(), sso.NewAttempt()
	if a == b || a.Began(b.State) || a.Began("") || !a.Began(a.State) || (sso.Attempt{}).Began("") {
		t.Errorf("attempts %+v and %+v", a, b)
	}
	l.claims = l.good(a.Nonce)
	address, err := p.Begin(t.Context(), a, false)
	if err != nil {
		t.Fatal(err)
	}
	code := l.approve(t, address)
	if _, err := p.Finish(t.Context(), b, code); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("another attempt's verifier: %v", err)
	}
	if _, err := p.Finish(t.Context(), a, code); err != nil {
		t.Error(err)
	}
	if email, err := p.Finish(t.Context(), a, code); err == nil || email != "" {
		t.Errorf("a replayed code gave %q, %v", email, err)
	}
}

func TestBeginAsksForAnotherAccount(t *testing.T) {
	p := newLying(t).client()
	for choose, want := range map[bool]string{false: "", true: "select_account"} {
		address, err := p.Begin(t.Context(), sso.NewAttempt(), choose)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := url.Parse(address); err != nil || u.Query().Get("prompt") != want {
			t.Errorf("choose %v leads to %s", choose, address)
		}
	}
}

// A provider that is away is asked again, but not by everybody at once.
func TestDiscoveryIsRetried(t *testing.T) {
	l := newLying(t)
	at := now
	p := l.client(func(c *sso.Config) { c.Now = func() time.Time { return at } })
	var asked int
	l.before = func(w http.ResponseWriter, _ *http.Request) bool {
		asked++
		http.Error(w, strings.Repeat("away ", 1000), http.StatusBadGateway)
		return true
	}
	for range 3 {
		if err := p.Discover(t.Context()); err == nil || len(err.Error()) > 500 {
			t.Errorf("a provider that is away: %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("it was asked %d times at once, want once", asked)
	}
	l.before = nil
	at = at.Add(time.Minute)
	for range 3 {
		if err := p.Discover(t.Context()); err != nil {
			t.Errorf("a provider that is back: %v", err)
		}
	}
	if n := l.readings.Load(); n != 1 {
		t.Errorf("its description was read %d times, want once", n)
	}
}

func TestDiscoveryEndsWithItsRequest(t *testing.T) {
	p := newLying(t).client()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Discover(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended request: %v", err)
	}
	if err := p.Discover(t.Context()); err != nil {
		t.Errorf("an ended request speaks against the provider: %v", err)
	}
}

func TestDescriptions(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		lie        func(*lying)
	}{
		{"another issuer", "did not match the issuer", func(l *lying) {
			l.describe = func(d map[string]any) { d["issuer"] = "https://evil.example.com" }
		}},
		{"no token endpoint", "token_endpoint is not an address", func(l *lying) {
			l.describe = func(d map[string]any) { delete(d, "token_endpoint") }
		}},
		{"an authorization endpoint that is a script", "authorization_endpoint is not an address", func(l *lying) {
			l.describe = func(d map[string]any) { d["authorization_endpoint"] = "javascript:alert(1)" }
		}},
		{"too long", "too large", func(l *lying) {
			l.describe = func(d map[string]any) { d["x"] = strings.Repeat("x", 2<<20) }
		}},
		{"elsewhere", "302", func(l *lying) {
			l.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/elsewhere" {
					http.Redirect(w, r, "/elsewhere", http.StatusFound)
					return true
				}
				return false
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLying(t)
			tc.lie(l)
			if err := l.client().Discover(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// Where the issuer is https, so is all that it describes.
func TestNoStepDownFromTLS(t *testing.T) {
	described := map[string]string{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(described)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	described["issuer"] = server.URL
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"} {
		described[name] = server.URL + "/" + name
	}
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	discover := func() error {
		return sso.New(sso.Config{Issuer: server.URL, ClientID: clientID, RootCAs: roots, Now: func() time.Time { return now }}).Discover(t.Context())
	}
	if err := discover(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"} {
		good := described[name]
		described[name] = "http" + strings.TrimPrefix(good, "https")
		if err := discover(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("its %s is not https", name)) {
			t.Errorf("%s without TLS: %v", name, err)
		}
		described[name] = good
	}
	if err := sso.New(sso.Config{Issuer: server.URL, Now: func() time.Time { return now }}).Discover(t.Context()); err == nil {
		t.Error("a certificate of an unknown authority was taken")
	}
}
