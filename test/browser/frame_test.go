package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/peal-dev/peal/client"
)

// A site of the link's origins shows the portal in a frame, with forms that work there; any
// other site, and any other page, is refused.
func TestPortalInAFrame(t *testing.T) {
	s, r := newServer(t, "sqlite:"+t.TempDir()+"/peal.db"), newReceiver(t)
	var framed string
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><title>a customer's app</title><h1>Our app</h1><iframe src="%s" width="1000" height="700"></iframe>`, framed)
	}))
	t.Cleanup(site.Close)
	// Another host of the same machine is another site to the browser.
	embedder := strings.Replace(site.URL, "127.0.0.1", "localhost", 1)
	link, err := s.CreatePortalLink(t.Context(), client.PortalLink{
		Name: "Acme", Features: []string{"endpoints", "deliveries", "secrets"}, Origins: []string{embedder},
	})
	if err != nil {
		t.Fatal(err)
	}
	framed = link.URL
	b := newBrowser(t, s)
	b.allow(embedder)
	b.do(chromedp.Navigate(embedder))
	inside := b.frame()
	inside.sees("No endpoints yet")
	inside.press("Create the first one")
	inside.fill("config.url", r.URL)
	inside.press("Create")
	inside.sees("Signing secret")
	inside.press("Send test")
	inside.sees("Delivered: the receiver answered 200.")
	inside.accept()
	first := eval[string](inside, `document.querySelector("#secret").textContent`)
	inside.press("Rotate secret")
	inside.until(`document.querySelector("#secret") && document.querySelector("#secret").textContent !== `+quote(first), "the secret is the old one")
	inside.press("Deliveries")
	inside.sees("peal.test")
	if ep := firstEndpoint(t, s); ep.URL != r.URL {
		t.Errorf("made in the frame: %+v", ep)
	}

	b.expect("frame-ancestors")
	for name, c := range map[string]struct{ site, page string }{
		"another origin": {site.URL, link.URL}, "a page that is not the portal's": {embedder, s.URL + "/dashboard/sign-in"},
	} {
		framed = c.page
		b.allow(c.site)
		b.do(chromedp.Navigate(c.site))
		b.sees("Our app")
		for deadline := time.Now().Add(patience); !b.complained("frame-ancestors"); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				b.t.Fatalf("%s was not refused", name)
			}
		}
	}
}

// complained tells whether the browser did, and forgets it.
func (b *browser) complained(of string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.errors, func(e string) bool { return strings.Contains(e, of) })
	if i >= 0 {
		b.errors = slices.Delete(b.errors, i, i+1)
	}
	return i >= 0
}

// frame is the frame of another site that shows a page of the server.
func (b *browser) frame() *browser {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		infos, err := chromedp.Targets(b.ctx)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, info := range infos {
			if info.Type == "iframe" && strings.HasPrefix(info.URL, b.url) {
				ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(info.TargetID))
				b.t.Cleanup(cancel)
				inside := &browser{t: b.t, ctx: ctx, url: b.url}
				inside.do(chromedp.Func(func(context.Context, *chromedp.Target) error { return nil })) // attaches
				if err := chromedp.Listen(ctx, inside.watch); err != nil {
					b.t.Fatal(err)
				}
				b.t.Cleanup(inside.clean)
				return inside
			}
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("there is no frame: %+v", infos)
		}
	}
}
