package browser

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/peal-dev/peal/client"
)

// Another org's objects are not found by their addresses, whatever is done to them.
func TestAnotherOrgsObjects(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s, pages := filled(t, database, pleasant)
		if _, err := s.CreateOrg(t.Context(), client.Org{ID: "other", Name: "Other"}); err != nil {
			t.Fatal(err)
		}
		other := *s.Client
		other.Org = "other"
		key, err := other.CreateKey(t.Context(), "k", "admin")
		if err != nil {
			t.Fatal(err)
		}
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		visitor := &http.Client{Jar: jar}
		post := func(path string, form url.Values) (int, string) {
			r, err := visitor.PostForm(s.URL+path, form)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			return r.StatusCode, string(body)
		}
		if status, _ := post("/dashboard/sign-in", url.Values{"key": {key.Key}}); status != http.StatusOK {
			t.Fatalf("signing in: %d", status)
		}
		checked := 0
		for _, p := range pages {
			parts := strings.Split(p, "/")
			if len(parts) < 3 || parts[2] == "new" {
				continue
			}
			for _, action := range []string{"", "/edit"} {
				r, err := visitor.Get(s.URL + "/dashboard/" + parts[1] + "/" + parts[2] + action)
				if err != nil {
					t.Fatal(err)
				}
				if _ = r.Body.Close(); r.StatusCode != http.StatusNotFound {
					t.Errorf("GET %s%s: %d", p, action, r.StatusCode)
				}
				checked++
			}
			for _, action := range []string{"", "/pause", "/resume", "/delete", "/test", "/rotate-secret", "/retry", "/cancel"} {
				status, body := post("/dashboard/"+parts[1]+"/"+parts[2]+action, url.Values{
					"name": {"mine"}, "config.url": {"https://example.com"}, "definition": {"name: mine\nsteps: [{id: a, uses: wait, with: {for: 1s}}]"},
				})
				if status != http.StatusNotFound || strings.Contains(body, "Shop") {
					t.Errorf("POST %s%s: %d", p, action, status)
				}
				checked++
			}
		}
		for _, action := range []string{"/retry", "/discard"} {
			for _, form := range []url.Values{{"all": {"true"}}, {"delivery": deadLetters(t, s)}} {
				if status, body := post("/dashboard/dead-letters"+action, form); status != http.StatusOK && status != http.StatusNotFound || strings.Contains(body, "Shop") {
					t.Errorf("POST /dead-letters%s: %d", action, status)
				}
				checked++
			}
		}
		if n := len(deadLetters(t, s)); n != 3 {
			t.Errorf("%d dead letters are left of 3", n)
		}
		if status, _ := post("/dashboard/settings", url.Values{"name": {"mine"}}); status != http.StatusForbidden {
			t.Errorf("an org's key changes the org: %d", status)
		}
		if checked < 60 {
			t.Errorf("only %d addresses were tried", checked)
		}
		if ep := firstEndpoint(t, s); ep.Status != "active" || ep.Name == "mine" {
			t.Errorf("the endpoint was changed: %+v", ep)
		}
	})
}

// deadLetters are the ids of the default org's.
func deadLetters(t *testing.T, s *server) (ids []string) {
	t.Helper()
	for d, err := range s.Deliveries(t.Context(), client.DeliveryFilter{Status: "dead"}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	return ids
}

// Pages want a session, and forms of other sites are refused.
func TestStrangers(t *testing.T) {
	s := newServer(t, "sqlite:"+t.TempDir()+"/peal.db")
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, p := range []string{"/overview", "/events", "/endpoints", "/keys", "/secrets", "/audit", "/overview/live", "/usage", "/settings", "/profiles", "/integrations"} {
		r, err := stay.Get(s.URL + "/dashboard" + p)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if to := r.Header.Get("Location"); r.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/dashboard/sign-in") {
			t.Errorf("%s: %d to %s", p, r.StatusCode, to)
		}
		if policy := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", p, policy)
		}
	}
	forged, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/dashboard/sign-in", strings.NewReader("key="+adminKey))
	if err != nil {
		t.Fatal(err)
	}
	forged.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	forged.Header.Set("Sec-Fetch-Site", "cross-site")
	r, err := stay.Do(forged)
	if err != nil {
		t.Fatal(err)
	}
	if _ = r.Body.Close(); r.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: %d", r.StatusCode)
	}
	var last int
	for range 11 {
		r, err := stay.PostForm(s.URL+"/dashboard/sign-in", url.Values{"key": {"wrong"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		last = r.StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the eleventh wrong key: %d", last)
	}
	for _, link := range []string{"/portal/lnk_nothing/endpoints", "/portal/lnk_nothing"} {
		r, err := http.Get(s.URL + link)
		if err != nil {
			t.Fatal(err)
		}
		if _ = r.Body.Close(); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", link, r.StatusCode)
		}
	}
}
