package dashboard

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/sso"
)

const (
	beginPath    = "/dashboard/sign-in/oidc"
	callbackPath = beginPath + "/callback"
	// attemptLifetime is how long a person may be at the provider.
	attemptLifetime = 10 * time.Minute
)

// CallbackURL is where a provider sends people back to.
func CallbackURL(publicURL string) string { return strings.TrimSuffix(publicURL, "/") + callbackPath }

// beginURL leads to the provider. It names the public host, to which the provider will send
// the browser back, and with it the cookie.
func (d *Dashboard) beginURL(next string, choose bool) string {
	q := url.Values{"next": {next}}
	if choose {
		q.Set("account", "other")
	}
	return strings.TrimSuffix(d.PublicURL, "/") + beginPath + "?" + q.Encode()
}

// begun is a sign-in under way. The browser keeps it, sealed, so that any node can end it
// and strangers cost the store nothing.
type begun struct {
	sso.Attempt
	Next    string    `json:"next"`
	Expires time.Time `json:"expires"`
}

func (d *Dashboard) attemptCookie(value string, maxAge time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: "peal_attempt", Value: value, Path: "/", MaxAge: int(maxAge.Seconds()),
		HttpOnly: true, Secure: d.secure(), SameSite: http.SameSiteLaxMode,
	}
	if c.Secure {
		c.Name = "__Host-" + c.Name // no neighbouring host can set it
	}
	return c
}

var attemptSeal = []byte("dashboard/attempt")

func (d *Dashboard) keepAttempt(w http.ResponseWriter, a begun) error {
	doc, err := json.Marshal(a)
	if err == nil {
		http.SetCookie(w, d.attemptCookie(base64.RawURLEncoding.EncodeToString(d.Ring.Seal(doc, attemptSeal)), attemptLifetime))
	}
	return err
}

// takeAttempt gives the attempt that this browser began with a state, once: the cookie ends
// with it, but not with a state of somebody else's making.
func (d *Dashboard) takeAttempt(w http.ResponseWriter, r *http.Request, state string) (a begun, ok bool) {
	c, err := r.Cookie(d.attemptCookie("", 0).Name)
	if err != nil {
		return a, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return a, false
	}
	doc, err := d.Ring.Open(sealed, attemptSeal)
	if err != nil || json.Unmarshal(doc, &a) != nil || !a.Began(state) || !d.Now().Before(a.Expires) {
		return begun{}, false
	}
	http.SetCookie(w, d.attemptCookie("", -time.Second))
	return a, true
}

func (d *Dashboard) ssoRoutes() {
	d.mux.HandleFunc("GET "+beginPath, func(w http.ResponseWriter, r *http.Request) {
		a := begun{sso.NewAttempt(), next(r), d.Now().Add(attemptLifetime)}
		to, err := d.SSO.Begin(r.Context(), a.Attempt, r.FormValue("account") == "other")
		if err != nil {
			d.Log.Warn("sign-in by OIDC cannot begin", "error", err)
			d.showSignIn(w, r, http.StatusServiceUnavailable, signInPage{
				Next: a.Next, Problem: d.SSO.Name() + " cannot be reached at the moment. Try again soon, or sign in with a key.",
			})
			return
		}
		if err := d.keepAttempt(w, a); err != nil {
			d.fail(&visit{Dashboard: d, w: w, r: r}, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	// Failures here do not count for the lock-out of keys: nothing can be guessed.
	d.mux.HandleFunc("GET "+callbackPath, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		a, ok := d.takeAttempt(w, r, q.Get("state"))
		if !ok {
			d.showSignIn(w, r, http.StatusBadRequest, signInPage{
				Next: home, Problem: "This sign-in was not begun in this browser, or too long ago. Try again.",
			})
			return
		}
		if code := q.Get("error"); code != "" {
			d.showSignIn(w, r, http.StatusForbidden, signInPage{Next: a.Next, Problem: d.refusal(code, q.Get("error_description"))})
			return
		}
		email, err := d.SSO.Finish(r.Context(), a.Attempt, q.Get("code"))
		if err != nil {
			d.Log.Warn("sign-in by OIDC failed", "error", err)
			d.showSignIn(w, r, http.StatusForbidden, signInPage{Next: a.Next, Problem: d.failure(err), Again: true})
			return
		}
		orgs := d.Auth.Memberships(email)
		if len(orgs) == 0 {
			d.showSignIn(w, r, http.StatusForbidden, signInPage{Next: a.Next, Again: true, Problem: "You are signed in at " + d.SSO.Name() + " as " +
				peal.Clip(email, clipText) + ", which is not a member of an org here. Ask an admin of your org to add this address under Members, or whoever runs this server."})
			return
		}
		s := signedIn{Email: email}
		if len(orgs) == 1 {
			s.Org = orgs[0].Org
		}
		if err := d.begin(r, s); err != nil {
			d.fail(&visit{Dashboard: d, w: w, r: r}, err)
			return
		}
		http.Redirect(w, r, a.Next, http.StatusSeeOther)
	})
}

// clipText is how much of a provider's text is shown.
const clipText = 300

// refusal says what the provider answered instead of a code.
func (d *Dashboard) refusal(code, description string) string {
	if code == "access_denied" && description == "" {
		return "The sign-in at " + d.SSO.Name() + " was cancelled or refused."
	}
	said := peal.Clip(code, clipText)
	if description != "" {
		said += ": " + peal.Clip(description, clipText)
	}
	if !peal.Printable(said) {
		said = "what cannot be shown"
	}
	return d.SSO.Name() + " did not sign you in. It said " + said
}

// failure says why what the provider answered is not enough.
func (d *Dashboard) failure(err error) string {
	switch {
	case errors.Is(err, sso.ErrUnverified):
		return d.SSO.Name() + " does not say that your mail address is verified, and Peal knows people by it. Verify it there, or ask whoever runs this server."
	case errors.Is(err, sso.ErrNoEmail):
		return d.SSO.Name() + " does not name your mail address, and Peal knows people by it. Ask whoever runs this server."
	}
	return "The sign-in at " + d.SSO.Name() + " could not be completed. Try again; if it stays so, the server's log says why."
}
