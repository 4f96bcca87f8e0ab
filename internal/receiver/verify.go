package receiver

import (
	"fmt"
	"net/http"

	"github.com/peal-dev/peal/webhook"
)

// Profiles are the built-in profiles, each with a scheme that verifies it.
func Profiles() []string { return []string{"standard", "nemo", "curate-me", "nembl", "nolxy"} }

// Scheme is how a built-in profile's deliveries are verified.
func Scheme(profile string) (*webhook.Scheme, bool) {
	switch profile {
	case "standard":
		return webhook.Standard, true
	case "nemo":
		return webhook.Nemo, true
	case "curate-me":
		return webhook.CurateMe, true
	case "nembl":
		return webhook.Nembl, true
	case "nolxy":
		return webhook.Nolxy, true
	}
	return nil, false
}

// Verify checks the signature of one request.
func Verify(profile, secret string, header http.Header, body []byte) error {
	scheme, ok := Scheme(profile)
	if !ok {
		return fmt.Errorf("receiver: no scheme verifies the profile %q", profile)
	}
	return scheme.Verify(header, body, secret)
}
