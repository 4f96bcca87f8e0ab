package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/peal-dev/peal/client"
)

// receiver answers what it is told to.
type receiver struct {
	*httptest.Server
	status atomic.Int32
	words  string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{words: "the receiver's words"}
	r.status.Store(http.StatusOK)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(r.status.Load()))
		_, _ = w.Write([]byte(r.words))
	}))
	t.Cleanup(r.Close)
	return r
}

// A person makes an endpoint, tries it, sees events arrive, fail and be retried.
func TestEndpointStory(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s, r := newServer(t, database), newReceiver(t)
		b := newBrowser(t, s)
		b.signIn(adminKey)
		b.sees("Nowhere to deliver yet")
		b.press("Create an endpoint")
		b.sees("New endpoint")
		b.fill("name", "Shop")
		b.fill("config.url", "ftp://example.com")
		b.expect("400") // the browser logs the answer to the form
		b.press("Create")
		b.sees("url must be an absolute")
		b.fill("config.url", r.URL)
		b.fill("profile", "nolxy")
		b.press("Create")
		b.sees("Signing secret")
		b.sees("It is not shown again")

		b.press("Send test")
		b.sees("Delivered: the receiver answered 200.")
		b.sees("peal.test") // among the recent deliveries, without a reload
		if _, err := s.Publish(t.Context(), client.Event{Type: "order.paid", Data: json.RawMessage(`{"total":12.5}`)}); err != nil {
			t.Fatal(err)
		}
		b.open("/dashboard/events")
		b.sees("order.paid")
		b.do(click("order.paid"))
		b.sees("Who got it")
		b.sees("delivered")

		r.status.Store(http.StatusInternalServerError)
		ep := firstEndpoint(t, s)
		retry := client.Retry{Schedule: []client.Duration{}}
		if _, err := s.UpdateEndpoint(t.Context(), ep.ID, client.EndpointUpdate{Retry: &retry}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Publish(t.Context(), client.Event{Type: "order.failed", Data: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
		b.openUntil("/dashboard/dead-letters", "order.failed")
		r.status.Store(http.StatusOK)
		b.press("Retry")
		b.sees("None was selected.")
		b.do(check(`[name="delivery"]`))
		b.press("Retry")
		b.sees("On its way again.")
		b.openUntil("/dashboard/deliveries?type=order.failed", "succeeded")
		b.do(click("order.failed"))
		b.do(chromedp.Click("ol.timeline summary"))
		b.sees("the receiver's words")
		b.sees("As a command")

		b.open("/dashboard/endpoints/" + ep.ID)
		b.press("Pause")
		b.sees("Paused.")
		b.press("Resume")
		b.sees("Resumed.")
		b.accept()
		b.press("Rotate secret")
		b.sees("Signing secret")
		b.accept()
		b.press("Delete")
		b.sees("Deleted.")
		b.press("Sign out")
		b.sees("The server's admin key")
		b.open("/dashboard/endpoints")
		if !strings.HasPrefix(b.path(), "/dashboard/sign-in") {
			t.Errorf("signed out, and at %s", b.path())
		}
	})
}

// The overview follows what happens, and leaves open what is open and the keyboard where it is.
func TestOverviewStory(t *testing.T) {
	s, r := newServer(t, "sqlite:"+t.TempDir()+"/peal.db"), newReceiver(t)
	r.status.Store(http.StatusInternalServerError)
	if _, err := s.CreateEndpoint(t.Context(), client.Endpoint{Name: "Shop", URL: r.URL}); err != nil {
		t.Fatal(err)
	}
	publish := func() {
		if _, err := s.Publish(t.Context(), client.Event{Type: "order.paid", Data: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	publish()
	b := newBrowser(t, s)
	b.signIn(adminKey)
	b.sees("Failing endpoints")
	b.do(chromedp.Click("summary"))
	eval[bool](b, `(document.querySelector("#live td a").focus(), true)`)
	publish()
	b.until(`document.querySelector("#live dd").textContent === "2"`, "it does not follow")
	if !eval[bool](b, `document.querySelector("#live details").open && document.activeElement.matches("#live td a")`) {
		t.Error("what was open is closed, or the keyboard is elsewhere")
	}
}

// A person finds events by what is in them, further and further back, and shares the address.
func TestSearchStory(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newServer(t, database)
		for i := range 60 {
			_, err := s.Publish(t.Context(), client.Event{Type: "order.paid", Subject: fmt.Sprint(i), Data: json.RawMessage(`{"voucher":"Gl\u00fchwein"}`)})
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Publish(t.Context(), client.Event{Type: "noise", Data: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
		b := newBrowser(t, s)
		b.signIn(adminKey)
		b.press("Events")
		b.sees("noise")
		b.do(chromedp.SendKeys(chromedp.CSS(`[name="text"]`), "GLÜHWEIN"))
		b.until(`!document.querySelector("#list").innerText.includes("noise") && location.search.includes("HWEIN")`, "the list was not searched")
		asks := `(addEventListener("htmx:beforeRequest", () => { window.asked = true; }), document.querySelector("nav a").focus(), "asked" in window)`
		if eval[bool](b, asks) {
			t.Error("to leave a field asks for the list again, which takes it away from under a click")
		}
		b.sees("Searched back to")
		if path := b.path(); !strings.Contains(path, "text=GL") {
			t.Errorf("the address to share is %s", path)
		}
		b.press("Search further back")
		b.sees("Searched back to the oldest event that is kept.")
		if rows := eval[int](b, `document.querySelectorAll("#list tbody tr").length`); rows != 10 {
			t.Errorf("%d rows on the last page", rows)
		}
		b.open("/dashboard/events?text=no+such+thing")
		b.sees("No events here")

		// What is typed is the reader's time, and the address has it in UTC.
		b.do(inZone("Asia/Tokyo"))
		b.open("/dashboard/events?since=2026-03-01T12:00:00Z")
		if value := eval[string](b, `document.querySelector("[name=since]").value`); value != "2026-03-01T21:00" {
			t.Errorf("noon in UTC is %s in Tokyo", value)
		}
		b.fill("until", "2026-03-02T09:00")
		eval[bool](b, `document.querySelector("[name=until]").dispatchEvent(new Event("input", {bubbles: true}))`)
		b.until(`location.search.includes("until=2026-03-02T00%3A00%3A00Z")`, "the address has another time than UTC's")
		if value := eval[string](b, `document.querySelector("[name=since]").value`); value != "2026-03-01T21:00" {
			t.Errorf("after another field was filled in it is %s", value)
		}
		b.sees("No events here")
	})
}

// inZone puts the browser into a time zone.
func inZone(zone string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
		return err
	})
}

// A person gives dead letters up: some, and then all that are left of a kind.
func TestDiscardStory(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s, r := newServer(t, database), newReceiver(t)
		r.status.Store(http.StatusInternalServerError)
		never := client.Retry{Schedule: []client.Duration{}}
		if _, err := s.CreateEndpoint(t.Context(), client.Endpoint{Name: "Shop", URL: r.URL, Retry: &never}); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"order.paid", "order.sent", "order.lost", "parcel.lost"} {
			if _, err := s.Publish(t.Context(), client.Event{Type: kind, Data: json.RawMessage(`{}`)}); err != nil {
				t.Fatal(err)
			}
		}
		b := newBrowser(t, s)
		b.signIn(adminKey)
		for _, kind := range []string{"order.paid", "order.sent", "order.lost", "parcel.lost"} {
			b.openUntil("/dashboard/dead-letters", kind)
		}
		b.do(chromedp.Click(`//tr[contains(., "order.paid")]//input`))
		b.accept()
		b.press("Discard")
		b.sees("Discarded.")
		b.until(`!document.querySelector("#list").innerText.includes("order.paid")`, "it is still a dead letter")
		b.open("/dashboard/dead-letters?type=order.*")
		b.sees("All that match:")
		b.accept()
		b.press("Discard all")
		b.sees("Discarded.")
		b.sees("None that fit.")
		b.press("Show all")
		b.sees("parcel.lost")
		b.open("/dashboard/deliveries?status=cancelled")
		b.sees("discarded")
		r.status.Store(http.StatusOK)
		b.do(click("order.paid"))
		b.press("Retry now")
		b.sees("On its way again.")
		b.openUntil("/dashboard/deliveries?type=order.paid", "succeeded")
	})
}

// A person looks at the budgets, sets how the org counts and what it keeps, and rotates a
// hook's secret with a time of their choice.
func TestSettingsStory(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newServer(t, database)
		b := newBrowser(t, s)
		b.signIn(adminKey)
		b.press("Spend and approvals")
		b.sees("No budgets yet")
		b.press("Set a budget")
		b.fill("limit", "50")
		b.press("Create")
		b.sees("Created.")
		s.post(t, "/v1/usage", `[{"team":"research","cost":"40"}]`)
		for _, page := range []string{"/dashboard/governance", "/dashboard/overview"} {
			b.openUntil(page, "Budget: 75 % reached")
			b.sees("80 %")
			b.sees("of 50.00 USD daily")
		}
		b.press("Organization")
		b.fill("retention_deliveries", "tomorrow")
		b.expect("400")
		b.do(chromedp.Click(`form[action$="/settings"] button`))
		b.sees("retention_deliveries")
		b.fill("retention_deliveries", "7d")
		b.fill("name", "Acme Inc.")
		b.do(chromedp.Click(`form[action$="/settings"] button`))
		b.sees("Saved.")
		b.fill("time_zone", "Europe/Berlin")
		b.fill("billing_day", "15")
		b.do(chromedp.Click(`form[action$="/counting"] button`))
		b.until(`document.querySelector("[name=time_zone]")?.defaultValue === "Europe/Berlin"`, "it does not count in Berlin")
		org, err := s.OrgByID(t.Context(), "default")
		if err != nil || org.Name != "Acme Inc." || org.RetentionDeliveries != "168h0m0s" && org.RetentionDeliveries != "168h" {
			t.Errorf("the org is %+v: %v", org, err)
		}
		b.press("Profiles")
		b.sees("X-Nemo-Signature")
		b.press("Integrations")
		b.press("Connect Slack")
		b.sees("New endpoint")
		b.sees("Channel")

		workflow := s.post(t, "/v1/workflows", `{"name":"Announce","steps":[{"id":"a","uses":"wait","with":{"for":"1s"}}]}`)
		hook := s.post(t, "/v1/hooks", `{"name":"Deployments","workflow":"`+workflow+`"}`)
		b.open("/dashboard/hooks/" + hook)
		b.fill("overlap", "0s")
		b.accept()
		b.press("Rotate secret")
		b.sees("Signing secret")
		s.call(t, hook, eval[string](b, `document.querySelector("#secret").textContent`), `{}`)
	})
}

// A customer manages an org's endpoints by a link, and sees nothing else.
func TestPortalStory(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s, r := newServer(t, database), newReceiver(t)
		link, err := s.CreatePortalLink(t.Context(), client.PortalLink{Name: "Acme", Color: "#0a7d5a", Features: []string{"endpoints", "deliveries"}})
		if err != nil {
			t.Fatal(err)
		}
		b := newBrowser(t, s)
		b.open(strings.TrimPrefix(link.URL, s.URL))
		b.sees("Acme")
		b.sees("No endpoints yet")
		b.press("Create the first one")
		b.fill("config.url", r.URL)
		b.press("Create")
		b.sees("Signing secret")
		b.press("Send test")
		b.sees("Delivered: the receiver answered 200.")
		b.press("Deliveries")
		b.sees("peal.test")
		if text := b.text(); strings.Contains(text, "Audit") || strings.Contains(text, "API keys") {
			t.Errorf("the portal shows %s", text)
		}
		b.expect("404")
		b.open(strings.TrimPrefix(link.URL, s.URL) + "/keys")
		b.sees("Not Found")
	})
}

// A person silences an endpoint, decides on a reservation, sees a hook's workflow run, and
// completes the request that another hook opened.
func TestDeskStory(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newServer(t, database)
		b := newBrowser(t, s)
		b.signIn(adminKey)
		b.press("Silences")
		b.fill("comment", "Planned maintenance")
		b.fill("types", "budget.*")
		b.press("Silence")
		b.sees("Created.")
		b.sees("budget.*")

		b.open("/dashboard/rules?kind=approval")
		b.fill("threshold", "10")
		b.press("Create")
		b.sees("threshold 10")
		s.post(t, "/v1/reservations", `{"model":"claude-opus-4","estimated_cost":"12.50"}`)
		b.openUntil("/dashboard/governance", "claude-opus-4")
		b.press("Approve")
		b.sees("Approved.")
		b.fill("amount", "100.00")
		b.press("Top up")
		b.sees("100.00")

		b.open("/dashboard/workflows/new")
		b.fill("definition", "steps:\n  - id: a\n    uses: nothing\n")
		b.expect("400")
		b.press("Save")
		b.sees("line 3")
		b.fill("definition", "name: Announce\nsteps:\n  - id: a\n    uses: publish\n    with: {type: deployment.completed, data: '{{ webhook.body }}'}\n")
		b.press("Save")
		b.sees("Saved.")
		b.press("Hooks")
		b.fill("name", "Deployments")
		eval[bool](b, `(document.querySelector("[name=workflow]").selectedIndex = 1, true)`)
		b.press("Create")
		b.sees("Signing secret")
		hook := eval[string](b, `document.querySelector("#url").textContent.split("/").pop()`)
		secret := eval[string](b, `document.querySelector("#secret").textContent`)
		s.call(t, hook, secret, `{"version":"v2"}`)
		b.openUntil("/dashboard/executions", "succeeded")
		b.do(click("Announce"))
		b.sees("publish")
		b.open("/dashboard/hooks/" + hook)
		b.sees("accepted")

		s.post(t, "/v1/requests", `{"title":"New laptop request"}`)
		b.open("/dashboard/requests")
		b.press("Accept")
		b.sees("Accepted.")
		b.press("Complete")
		b.sees("Completed.")
	})
}

// Whoever opens a link to sign in is signed in, once.
func TestSignInLink(t *testing.T) {
	s := newServer(t, "sqlite:"+t.TempDir()+"/peal.db")
	link, err := s.SignInLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(link.URL, s.URL)
	b := newBrowser(t, s)
	b.open(path)
	b.sees("This link works once.")
	b.press("Sign in")
	b.sees("Nowhere to deliver yet")
	b.expect("404")
	b.open(path)
	b.press("Sign in")
	b.sees("was used before")
}
