package browser

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/test/idptest"
)

// A member signs in at the provider, comes to the page that was wanted, moves between orgs,
// and signs out; a stranger is told whom to ask.
func TestSignInByOIDCStory(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join(os.Getenv("PEAL_NPM_DIR"), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		required(t, "axe-core is not installed: %v", err)
	}
	onBoth(t, func(t *testing.T, database string) {
		front := idptest.NewFront(t)
		idp := idptest.Start(t, front.URL+"/dashboard/sign-in/oidc/callback")
		idp.Add("grace", "Grace@example.com", true)
		idp.Add("alan", "alan@example.com", true)
		s := newServer(t, database, func(c *config.Config) {
			c.PublicURL, c.OIDCIssuer, c.OIDCClientID, c.OIDCClientSecret = front.URL, idp.URL, idptest.ClientID, idptest.ClientSecret
		})
		front.Add(t, s.URL)
		if _, err := s.CreateOrg(t.Context(), client.Org{ID: "acme", Name: "Acme"}); err != nil {
			t.Fatal(err)
		}
		s.post(t, "/v1/members", `{"email":"grace@example.com","role":"viewer"}`)
		s.do(t, http.MethodPost, "/v1/members", `{"email":"grace@example.com","role":"admin"}`, map[string]string{"Authorization": "Bearer " + adminKey, "X-Org-ID": "acme"})

		b := newBrowser(t, &server{URL: front.URL})
		b.allow(idp.URL)
		b.open("/dashboard/keys")
		b.sees("Or with a key")
		b.inspect(string(axe), "/sign-in-oidc")
		name := strings.TrimPrefix(idp.URL, "http://")
		login := func(user string) {
			b.sees("Username:")
			b.fill("username", user)
			b.fill("password", idptest.Password)
			b.do(chromedp.Click("button"))
		}

		b.press("Sign in at " + name)
		login("alan")
		b.expect("403") // the browser logs the answer
		b.sees("alan@example.com, which is not a member of an org here")
		b.inspect(string(axe), "/sign-in-refused")

		b.press("Sign in with another account at " + name)
		login("grace")
		b.sees("Choose an org")
		b.inspect(string(axe), "/orgs")
		b.press("acme admin")
		b.sees("API keys")
		b.sees("New key")
		b.do(chromedp.SetValue("#org", "default"))
		b.sees("Overview")
		b.open("/dashboard/keys")
		b.until(`document.querySelector("#org").value === "default" && !document.body.innerText.includes("New key")`, "a viewer may make keys")
		if strings.Contains(eval[string](b, "document.cookie"), "peal") {
			t.Error("scripts can read the cookies")
		}

		b.press("Sign out")
		b.sees("Signed out of Peal. The provider may still know you")
		b.open("/dashboard/keys")
		if !strings.HasPrefix(b.path(), "/dashboard/sign-in?next="+url.QueryEscape("/dashboard/keys")) {
			t.Errorf("signed out, and at %s", b.path())
		}
	})
}
