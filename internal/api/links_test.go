package api

import "testing"

// What a portal's link brings stands in its pages and their policy.
func TestPortalLinksAreChecked(t *testing.T) {
	s := newServer(t)
	for body, want := range map[string]int{
		`{"origins":["https://app.example.com","http://localhost:3000"]}`: 201,
		`{"origins":["https://app.example.com/"]}`:                        400,
		`{"origins":["https://a@app.example.com"]}`:                       400,
		`{"origins":["https://app.example.com;script-src"]}`:              400,
		`{"origins":["https://app.example.com,sandbox"]}`:                 400,
		`{"origins":["https://a b"]}`:                                     400,
		`{"origins":["javascript://app.example.com"]}`:                    400,
		`{"logo":"data:image/svg+xml;base64,AAAA"}`:                       400,
		`{"logo":"https://example.com/logo.png"}`:                         400,
		`{"color":"red;"}`: 400,
	} {
		s.call(adminKey, "POST", "/v1/portal-links", body).want(want)
	}
}
