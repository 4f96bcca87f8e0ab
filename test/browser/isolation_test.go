package browser

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

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
		stranger, admin := s.visitor(t, key.Key), s.visitor(t, adminKey)
		checked := 0
		for _, p := range pages {
			parts := strings.Split(p, "/")
			if len(parts) < 3 || parts[2] == "new" {
				continue
			}
			for _, action := range []string{"", "/edit"} {
				if status, _ := stranger.get("/dashboard/" + parts[1] + "/" + parts[2] + action); status != http.StatusNotFound {
					t.Errorf("GET %s%s: %d", p, action, status)
				}
				checked++
			}
			for _, action := range []string{"", "/pause", "/resume", "/delete", "/test", "/rotate-secret", "/retry", "/cancel"} {
				status, body := stranger.post("/dashboard/"+parts[1]+"/"+parts[2]+action, url.Values{
					"name": {"mine"}, "config.url": {"https://example.com"}, "definition": {"name: mine\nsteps: [{id: a, uses: wait, with: {for: 1s}}]"},
				})
				if status != http.StatusNotFound || strings.Contains(body, "Shop") {
					t.Errorf("POST %s%s: %d", p, action, status)
				}
				checked++
			}
		}
		// Whatever a page leads to, or does, that names an object.
		named := admin.named(pages)
		for path, done := range named {
			ask := stranger.get
			if done {
				ask = func(path string) (int, string) {
					return stranger.post(path, url.Values{"name": {"mine"}, "definition": {"name: mine"}})
				}
			}
			if status, _ := ask(path); status != http.StatusNotFound {
				t.Errorf("%s, done %v: %d", path, done, status)
			}
			checked++
		}
		left := admin.named(pages)
		for path := range named {
			if _, ok := left[path]; !ok {
				t.Errorf("no page leads to %s any more", path)
			}
		}
		for _, action := range []string{"/retry", "/discard"} {
			for _, form := range []url.Values{{"all": {"true"}}, {"delivery": deadLetters(t, s)}} {
				if status, body := stranger.post("/dashboard/dead-letters"+action, form); status != http.StatusOK && status != http.StatusNotFound || strings.Contains(body, "Shop") {
					t.Errorf("POST /dead-letters%s: %d", action, status)
				}
				checked++
			}
		}
		if n := len(deadLetters(t, s)); n != 3 {
			t.Errorf("%d dead letters are left of 3", n)
		}
		if status, _ := stranger.post("/dashboard/settings", url.Values{"name": {"mine"}}); status != http.StatusForbidden {
			t.Errorf("an org's key changes the org: %d", status)
		}
		if checked < 100 {
			t.Errorf("only %d addresses were tried", checked)
		}
		if ep := firstEndpoint(t, s); ep.Status != "active" || ep.Name == "mine" {
			t.Errorf("the endpoint was changed: %+v", ep)
		}
	})
}

// visitor is somebody who is signed in, without a browser.
type visitor struct {
	t   *testing.T
	url string
	http.Client
}

func (s *server) visitor(t *testing.T, key string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t, s.URL, http.Client{Jar: jar}}
	if status, _ := v.post("/dashboard/sign-in", url.Values{"key": {key}}); status != http.StatusOK {
		t.Fatalf("signing in: %d", status)
	}
	return v
}

func (v *visitor) get(path string) (status int, body string) { return v.read(v.Get(v.url + path)) }

func (v *visitor) post(path string, form url.Values) (status int, body string) {
	return v.read(v.PostForm(v.url+path, form))
}

func (v *visitor) read(r *http.Response, err error) (int, string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

var addresses = regexp.MustCompile(`(href|action)="(/dashboard/[a-z-]+/(?:[a-z]+_[0-9a-z]{26}|TOKEN)[^"?]*)"`)

// named are the addresses on pages that name an object; true are those of forms.
func (v *visitor) named(pages []string) map[string]bool {
	all := map[string]bool{}
	for _, p := range pages {
		_, body := v.get("/dashboard" + p)
		for _, m := range addresses.FindAllStringSubmatch(body, -1) {
			all[m[2]] = m[1] == "action" || all[m[2]]
		}
	}
	return all
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

// An open overview shows nothing more once its session has ended, in whichever tab.
func TestLiveEndsWithTheSession(t *testing.T) {
	s := newServer(t, "sqlite:"+t.TempDir()+"/peal.db")
	v := s.visitor(t, adminKey)
	live, err := v.Get(s.URL + "/dashboard/overview/live")
	if err != nil {
		t.Fatal(err)
	}
	defer live.Body.Close()
	if _, err := live.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	v.post("/dashboard/sign-out", nil)
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, live.Body)
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("it goes on")
	}
}

// An event's page names who got it also where the endpoint is gone.
func TestDeletedEndpointOfAnEvent(t *testing.T) {
	s, r := newServer(t, "sqlite:"+t.TempDir()+"/peal.db"), newReceiver(t)
	ep, err := s.CreateEndpoint(t.Context(), client.Endpoint{URL: r.URL})
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Publish(t.Context(), client.Event{Type: "order.paid", Data: json.RawMessage("{}")})
	if err == nil {
		err = s.DeleteEndpoint(t.Context(), ep.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, body := s.visitor(t, adminKey).get("/dashboard/events/" + a.ID); !strings.Contains(body, ep.ID) || !strings.Contains(body, "The endpoint was deleted.") {
		t.Errorf("the event's page:\n%s", body)
	}
}

// Of dead letters that are chosen, one that cannot be retried does not keep the others.
func TestRetryOfChosenDeadLetters(t *testing.T) {
	s, r := newServer(t, "sqlite:"+t.TempDir()+"/peal.db"), newReceiver(t)
	r.status.Store(http.StatusInternalServerError)
	never := client.Retry{Schedule: []client.Duration{}}
	if _, err := s.CreateEndpoint(t.Context(), client.Endpoint{URL: r.URL, Retry: &never}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(t.Context(), client.Event{Type: "order.paid", Data: json.RawMessage("{}")}); err != nil {
		t.Fatal(err)
	}
	wait := func(want int) []string {
		t.Helper()
		for deadline := time.Now().Add(patience); ; {
			if ids := deadLetters(t, s); len(ids) == want {
				return ids
			}
			if time.Now().After(deadline) {
				t.Fatalf("never: %d dead letters", want)
			}
		}
	}
	dead := wait(1)
	r.status.Store(http.StatusNoContent)
	form := url.Values{"delivery": append([]string{"dlv_01h455vb4pex5vsknk084sn02q"}, dead...)}
	if status, body := s.visitor(t, adminKey).post("/dashboard/dead-letters/retry", form); status != http.StatusNotFound {
		t.Errorf("answered %d %s", status, body)
	}
	wait(0)
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
		status, body := (&visitor{t: t, url: s.URL}).get(link)
		if status != http.StatusNotFound || !strings.Contains(body, "Ask for a new one") || strings.Contains(body, "Back to the start") {
			t.Errorf("%s: %d %s", link, status, body)
		}
	}
}
