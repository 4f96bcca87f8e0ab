package channel

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
)

// sample is what the conformance suite must know of a kind to try it.
type sample struct {
	// endpoint is a valid endpoint whose receiver is at url.
	endpoint func(url string) *peal.Endpoint
	// invalid are endpoints that Check refuses, by the field that it must name.
	invalid map[string]*peal.Endpoint
	// secrets are values of the endpoint that may never be shown.
	secrets []string
	// rules holds a rendered body against what the receiver documents, strictly, and
	// gives its structure: what is left without the text. Nil for a channel that sends
	// what the profile made.
	rules func(headers []peal.Header, body []byte) (structure string, err error)
	// elsewhere says that the channel does not send over HTTP to the endpoint's URL: how
	// it sends is tested beside it.
	elsewhere bool
}

// samples has one entry for each kind in All.
var samples = map[string]sample{
	"webhook": webhookSample,
	"slack":   slackSample,
	"teams":   teamsSample,
	"email":   emailSample,
	"jira":    jiraSample,
}

func clientFor(t *testing.T) *egress.Client {
	t.Helper()
	c, err := egress.New(egress.Options{AllowHTTP: true, AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func send(t *testing.T, c Channel, ep *peal.Endpoint) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return c.Send(ctx, ep, Request{Headers: []peal.Header{{Name: "Content-Type", Value: "application/json"}}, Body: []byte(`{"title":"a"}`)})
}

// TestConformance holds every channel to what the interface promises.
func TestConformance(t *testing.T) {
	set := All(clientFor(t))
	kinds := set.Kinds()
	if sorted := slices.Compact(slices.Sorted(slices.Values(kinds))); len(sorted) != len(kinds) || len(samples) != len(kinds) {
		t.Fatalf("kinds %v, samples for %d: each kind stands once in both", kinds, len(samples))
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			c, ok := set.Get(kind)
			if !ok || c.Kind() != kind {
				t.Fatalf("Get(%q) gives %v, %v", kind, c, ok)
			}
			s, ok := samples[kind]
			if !ok {
				t.Fatalf("no sample of kind %q", kind)
			}
			checkFields(t, c.Fields())
			checkCheck(t, c, s)
			checkShown(t, c, s)
			if r, ok := c.(Renderer); ok {
				checkRender(t, r, s)
			}
			if !s.elsewhere {
				checkSend(t, c, s)
			}
		})
	}
	if _, ok := set.Get("pigeon"); ok {
		t.Error("there is a channel of an unknown kind")
	}
}

func checkFields(t *testing.T, fields []Field) {
	t.Helper()
	seen := map[string]bool{}
	for _, f := range fields {
		if f.Name == "" || seen[f.Name] || !strings.HasSuffix(f.Help, ".") {
			t.Errorf("field %+v: a name of its own and a sentence of help are needed", f)
		}
		seen[f.Name] = true
		if !slices.Contains([]FieldType{String, Integer, Strings, Map}, f.Type) {
			t.Errorf("field %s has the type %q", f.Name, f.Type)
		}
		if f.Default != "" && f.Enum != nil && !slices.Contains(f.Enum, f.Default) {
			t.Errorf("field %s: the default %q is not one of %v", f.Name, f.Default, f.Enum)
		}
		if f.Required && f.Default != "" {
			t.Errorf("field %s is required and has a default", f.Name)
		}
	}
	if len(fields) == 0 {
		t.Error("no fields")
	}
}

func checkCheck(t *testing.T, c Channel, s sample) {
	t.Helper()
	if err := Check(t.Context(), c, s.endpoint("http://127.0.0.1:9/")); err != nil {
		t.Errorf("a valid endpoint is refused: %v", err)
	}
	for field, ep := range s.invalid {
		err := Check(t.Context(), c, ep)
		var e *peal.Error
		if !errors.As(err, &e) || e.Code != peal.CodeInvalid || !strings.HasPrefix(e.Field, field) {
			t.Errorf("an endpoint with a bad %s: %v", field, err)
		}
	}
	if len(s.invalid) == 0 {
		t.Error("no invalid samples")
	}
}

// checkSend tries every kind of receiver over HTTP.
func checkSend(t *testing.T, c Channel, s sample) {
	t.Helper()
	for name, tc := range map[string]struct {
		status     int
		body       string
		retryAfter string
		err        string
		want       Result
	}{
		"success":      {status: 200, body: "ok", want: Result{StatusCode: 200, Body: []byte("ok")}},
		"no content":   {status: 204, want: Result{StatusCode: 204}},
		"redirect":     {status: 302, err: "answered 302, and redirects are not followed", want: Result{StatusCode: 302}},
		"client error": {status: 404, body: "no", err: "answered 404", want: Result{StatusCode: 404, Body: []byte("no")}},
		"gone":         {status: 410, err: "answered 410", want: Result{StatusCode: 410, Gone: true}},
		"server error": {status: 500, retryAfter: "7", err: "answered 500", want: Result{StatusCode: 500}},
		"too many":     {status: 429, retryAfter: "7", err: "answered 429", want: Result{StatusCode: 429, RetryAfter: 7 * time.Second}},
		"unavailable":  {status: 503, retryAfter: "86400", err: "answered 503", want: Result{StatusCode: 503, RetryAfter: peal.MaxRetryAfter}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if tc.retryAfter != "" {
					w.Header().Set("Retry-After", tc.retryAfter)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			t.Cleanup(srv.Close)
			got := send(t, c, s.endpoint(srv.URL))
			for _, secret := range s.secrets {
				if strings.Contains(message(got.Err), secret) {
					t.Errorf("the error %q tells a secret", message(got.Err))
				}
			}
			if message(got.Err) != tc.err {
				t.Errorf("error %q, want %q", message(got.Err), tc.err)
			}
			if got.StatusCode != tc.want.StatusCode || got.Gone != tc.want.Gone || got.RetryAfter != tc.want.RetryAfter || string(got.Body) != string(tc.want.Body) {
				t.Errorf("result %+v, want %+v", got, tc.want)
			}
		})
	}
	t.Run("long answer", func(t *testing.T) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("\xff\x00é", 4096))
		}))
		t.Cleanup(srv.Close)
		got := send(t, c, s.endpoint(srv.URL))
		if got.Err != nil || len(got.Body) == 0 || len(got.Body) > peal.MaxResponseBody || !utf8.Valid(got.Body) || strings.Contains(string(got.Body), "\x00") {
			t.Errorf("%d bytes %q, %v", len(got.Body), got.Body, got.Err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		srv := httptest.NewServer(http.NotFoundHandler())
		srv.Close()
		got := send(t, c, s.endpoint(srv.URL))
		if got.StatusCode != 0 || message(got.Err) != "connection refused" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("no time", func(t *testing.T) {
		srv := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(srv.Close)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := c.Send(ctx, s.endpoint(srv.URL), Request{}); got.Err == nil {
			t.Errorf("sent without time: %+v", got)
		}
	})
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
