package blackbox

import (
	"net/http"
	"strings"
	"testing"
)

// The dashboard is at the root for whoever asks, whatever they say they accept.
func TestTheRootIsTheDashboard(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t).As("")
	noFollow := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, accept := range []string{"", "*/*", "text/html"} {
			req, err := http.NewRequestWithContext(t.Context(), method, c.URL+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if accept != "" {
				req.Header.Set("Accept", accept)
			}
			resp, err := noFollow.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			policy := resp.Header.Get("Content-Security-Policy")
			if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(resp.Header.Get("Location"), "/dashboard/") {
				t.Errorf("%s / accepting %q: %d to %q", method, accept, resp.StatusCode, resp.Header.Get("Location"))
			}
			if !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe-inline") {
				t.Errorf("%s / accepting %q: policy %q", method, accept, policy)
			}
		}
	}
	if a := c.Try(t, http.MethodPost, "/", object{}); a.Status != http.StatusNotFound {
		t.Errorf("POST /: %d, want 404", a.Status)
	}
}
