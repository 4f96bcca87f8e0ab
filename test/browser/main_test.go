// Package browser tests the dashboard and the portal as people see them: a real server on
// SQLite and PostgreSQL, and Debian's Chromium. It is not for what can be proven without a
// browser.
package browser

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/internal/app"
	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/store/storetest"
)

var update = flag.Bool("update", false, "take the pictures in docs/dashboard and docs/channels anew")

const adminKey = "an-admin-key-of-the-tests"

// required turns a skip into a failure where the tests must be complete.
func required(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("PEAL_TEST_REQUIRE") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// server is Peal with the dashboard.
type server struct {
	URL string
	*client.Client
}

// newServer starts a server on a database of its own.
func newServer(t *testing.T, database string, configure ...func(*config.Config)) *server {
	t.Helper()
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen, cfg.Database, cfg.AdminKey, cfg.AllowHTTP = "127.0.0.1:0", database, adminKey, true
	cfg.AllowCIDRs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	cfg.EncryptionKeys = []string{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
	for _, f := range configure {
		f(&cfg)
	}
	a, err := app.New(t.Context(), cfg, "test", slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	<-a.Ready()
	url := "http://" + a.Addr()
	return &server{url, &client.Client{BaseURL: url, Key: adminKey}}
}

// post makes a request that the client has no method for, and gives the answer's id.
func (s *server) post(t *testing.T, path, body string) (id string) {
	t.Helper()
	return s.do(t, http.MethodPost, path, body, map[string]string{"Authorization": "Bearer " + adminKey})
}

// call calls a hook as its sender would.
func (s *server) call(t *testing.T, hook, secret, body string) {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	s.do(t, http.MethodPost, "/v1/webhooks/inbound/"+hook, body, map[string]string{"x-webhook-signature": "sha256=" + hex.EncodeToString(mac.Sum(nil))})
}

func (s *server) do(t *testing.T, method, path, body string, headers map[string]string) (id string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		t.Fatalf("%s: %d %s %v", path, resp.StatusCode, answer, err)
	}
	var made struct{ ID string }
	if err := json.Unmarshal(answer, &made); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "peal.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, storetest.Postgres(t)) })
}

var chromium = sync.OnceValues(func() (string, error) { return exec.LookPath("chromium") })

// browser is a window in which nothing may go wrong that a page could do about it.
type browser struct {
	t   *testing.T
	ctx context.Context
	url string

	mu      sync.Mutex
	errors  []string
	allowed string // a complaint of the browser's that a test expects
	other   string // where pages may lead besides
}

// newBrowser opens a window on a server. It fails the test where a page logs an error, or
// asks for anything from elsewhere.
func newBrowser(t *testing.T, s *server) *browser {
	t.Helper()
	path, err := chromium()
	if err != nil {
		required(t, "there is no chromium: %v", err)
	}
	alloc, stop := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.NoFirstRun, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.WSURLReadTimeout(60*time.Second), chromedp.UserDataDir(t.TempDir()),
	)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, url: s.URL}
	b.do(chromedp.EmulateViewport(1280, 900))
	if err := chromedp.Listen(ctx, b.watch); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.clean)
	return b
}

// watch notes what a page does that it must not.
func (b *browser) watch(event any) {
	var complaint string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complaint = "exception: " + e.ExceptionDetails.Text
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !b.elsewhere(e.Entry.URL) {
			complaint = "log: " + e.Entry.Text
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.url+"/") && !strings.HasPrefix(u, "data:") && !b.leads(e) {
			complaint = "request to " + u
		}
	case *page.EventJavascriptDialogOpening:
		complaint = "dialog: " + e.Message
	}
	if complaint != "" {
		b.mu.Lock()
		b.errors = append(b.errors, complaint)
		b.mu.Unlock()
	}
}

// allow lets pages lead to another origin, whose documents alone may be asked for.
func (b *browser) allow(origin string) { b.other = origin }

func (b *browser) leads(e *network.EventRequestWillBeSent) bool {
	return b.elsewhere(e.Request.URL) && (e.Type == network.ResourceTypeDocument || b.elsewhere(e.DocumentURL))
}

// elsewhere tells whether an address is one where pages may lead, which is not Peal's to mend.
func (b *browser) elsewhere(url string) bool {
	return b.other != "" && strings.HasPrefix(url, b.other+"/")
}

// expect lets the browser complain about what a test does on purpose.
func (b *browser) expect(complaint string) { b.allowed = complaint }

// clean fails the test where a page did what it must not.
func (b *browser) clean() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.errors {
		if b.allowed == "" || !strings.Contains(e, b.allowed) {
			b.t.Errorf("the page: %s", e)
		}
	}
	b.errors = nil
}

// patience is how long a page may take to show something on a busy machine.
const patience = 30 * time.Second

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx := b.ctx
	if chromedp.FromContext(ctx).Target != nil { // the first call must not have a deadline
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v\non a page with\n%s", err, b.text())
	}
}

// eval runs a script.
func eval[T any](b *browser, script string, options ...chromedp.EvaluateOption) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, options...))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

func (b *browser) text() string {
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return v
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
}

// path is where the browser is.
func (b *browser) path() string { return eval[string](b, "location.pathname + location.search") }

// sees waits until the page shows a text.
func (b *browser) sees(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.body && document.body.innerText.includes(%q)", text), "the page does not show "+text)
}

func (b *browser) until(condition, otherwise string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		// Between two pages there is none to ask.
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")")); err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s; it shows\n%s", otherwise, b.text())
		}
	}
}

// press clicks what has the text, a button or a link.
func (b *browser) press(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`[...document.querySelectorAll("main button, main a, nav a, header button")].some(e => e.innerText.trim() === %q)`, text), "there is no "+text)
	b.do(chromedp.Click(fmt.Sprintf(`//*[self::button or self::a][normalize-space(.)=%q]`, text)))
}

// fill types into the input of a name.
func (b *browser) fill(name, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue(fmt.Sprintf(`[name=%q]`, name), value))
}

// accept answers the next question with yes.
func (b *browser) accept() {
	b.t.Helper()
	eval[bool](b, "(window.confirm = () => true, true)")
}

// signIn signs in with a key.
func (b *browser) signIn(key string) {
	b.t.Helper()
	b.open("/")
	b.sees("Sign in")
	b.fill("key", key)
	b.do(chromedp.Click("main button"))
	b.sees("Overview")
}

// click follows the link in the row that shows a text.
func click(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(fmt.Sprintf(`//tr[contains(., %q)]//a`, text))
}

func check(selector string) chromedp.Action[chromedp.Void] { return chromedp.Click(selector) }

// openUntil opens a page again until it shows a text.
func (b *browser) openUntil(path, text string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		b.open(path)
		if strings.Contains(b.text(), text) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s does not show %s but\n%s", path, text, b.text())
		}
	}
}

func firstEndpoint(t *testing.T, s *server) client.Endpoint {
	t.Helper()
	for ep, err := range s.Endpoints(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		return ep
	}
	t.Fatal("no endpoint")
	return client.Endpoint{}
}
