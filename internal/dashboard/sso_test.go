package dashboard

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/sso"
)

// What a browser keeps while its person is at the provider is good for one state, one time
// and one server, and for no longer than it says.
func TestBegunSignIns(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	server := func(key byte, publicURL string) *Dashboard {
		ring, err := secret.NewKeyring(bytes.Repeat([]byte{key}, secret.KeySize))
		if err != nil {
			t.Fatal(err)
		}
		return &Dashboard{Config: Config{Ring: ring, Now: func() time.Time { return now }, PublicURL: publicURL}}
	}
	d := server(1, "https://peal.example.com")
	a := begun{sso.NewAttempt(), "/dashboard/keys", now.Add(attemptLifetime)}
	kept := httptest.NewRecorder()
	if err := d.keepAttempt(kept, a); err != nil {
		t.Fatal(err)
	}
	cookie := kept.Result().Cookies()[0]
	if cookie.Name != "__Host-peal_attempt" || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode ||
		cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != int(attemptLifetime.Seconds()) {
		t.Errorf("over https the cookie is %v", cookie)
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		t.Fatal(err)
	}
	sealed[len(sealed)/2] ^= 1
	changed := base64.RawURLEncoding.EncodeToString(sealed)
	for _, tc := range []struct {
		name   string
		server *Dashboard
		value  string
		state  string
		after  time.Duration
		ok     bool
	}{
		{"in time", d, cookie.Value, a.State, attemptLifetime - time.Second, true},
		{"on another node", server(1, d.PublicURL), cookie.Value, a.State, 0, true},
		{"too late", d, cookie.Value, a.State, attemptLifetime, false},
		{"another state", d, cookie.Value, sso.NewAttempt().State, 0, false},
		{"no state", d, cookie.Value, "", 0, false},
		{"another server's", server(2, d.PublicURL), cookie.Value, a.State, 0, false},
		{"over http", server(1, "http://peal.example.com"), cookie.Value, a.State, 0, false},
		{"changed", d, changed, a.State, 0, false},
		{"cut", d, cookie.Value[:20], a.State, 0, false},
		{"not ours", d, "%", a.State, 0, false},
		{"empty", d, "", a.State, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			began := now
			defer func() { now = began }()
			now = now.Add(tc.after)
			r := httptest.NewRequest("GET", callbackPath, nil)
			r.AddCookie(&http.Cookie{Name: cookie.Name, Value: tc.value})
			w := httptest.NewRecorder()
			got, ok := tc.server.takeAttempt(w, r, tc.state)
			if ok != tc.ok || ok && got != a || !ok && got != (begun{}) {
				t.Errorf("%+v, %v", got, ok)
			}
			left := w.Result().Cookies()
			if ended := len(left) == 1 && left[0].MaxAge < 0 && left[0].Name == cookie.Name; ended != tc.ok {
				t.Errorf("the cookies after it are %v", left)
			}
		})
	}
}

func TestRefusalsAreText(t *testing.T) {
	d := &Dashboard{Config: Config{SSO: sso.New(sso.Config{Issuer: "https://login.example.com/realms/main"})}}
	for in, want := range map[[2]string]string{
		{"access_denied", ""}:            "The sign-in at login.example.com was cancelled or refused.",
		{"access_denied", "no licence"}:  "login.example.com did not sign you in. It said access_denied: no licence",
		{"server_error", "a\x1b[31mred"}: "login.example.com did not sign you in. It said what cannot be shown",
	} {
		if got := d.refusal(in[0], in[1]); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
