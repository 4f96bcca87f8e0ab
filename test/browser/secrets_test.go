package browser

import (
	"strings"
	"testing"
)

// An admin sets a secret, sees its name and never its value, and deletes it.
func TestSecrets(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newServer(t, database)
		b := newBrowser(t, s)
		b.signIn(adminKey)
		b.open("/dashboard/secrets")
		b.sees("No secrets yet")
		for range 2 { // the second time over the first
			b.open("/dashboard/secrets")
			b.fill("name", "STATUS_TOKEN")
			b.fill("value", "s3cr3t-token")
			b.press("Set")
			b.sees("Saved.")
			b.sees("STATUS_TOKEN")
		}
		if html := eval[string](b, "document.documentElement.outerHTML"); strings.Contains(html, "s3cr3t-token") {
			t.Errorf("the page shows the value: %s", html)
		}
		b.accept()
		b.press("Delete")
		b.sees("Deleted.")
		b.sees("No secrets yet")
	})
}
