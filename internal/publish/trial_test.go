package publish

import (
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

func TestATestIsToldInOneSentence(t *testing.T) {
	for _, tc := range []struct {
		attempt peal.Attempt
		want    string
	}{
		{peal.Attempt{StatusCode: 204}, "Delivered: the receiver answered 204."},
		{peal.Attempt{}, "Delivered."},
		{peal.Attempt{Error: "the name hooks.example.com does not resolve"}, "Not delivered: the name hooks.example.com does not resolve."},
		{peal.Attempt{StatusCode: 401, Error: "answered 401"}, "Not delivered: the receiver answered 401, so it refuses the credentials or the signature."},
		{peal.Attempt{StatusCode: 404, Error: "answered 404"}, "Not delivered: the receiver answered 404, so there is nothing at this address: see whether the path is right and the receiver still there."},
		{peal.Attempt{StatusCode: 410, Error: "answered 410"}, "Not delivered: the receiver answered 410, so it wants nothing more; an event would disable the endpoint."},
		{peal.Attempt{StatusCode: 502, Error: "answered 502"}, "Not delivered: the receiver answered 502, so it has a fault of its own: see its logs."},
		{peal.Attempt{StatusCode: 200, Error: "refused by Slack: no"}, "Not delivered: refused by Slack: no."},
		{peal.Attempt{StatusCode: 302, Error: "answered 302, and redirects are not followed"}, "Not delivered: the receiver answered 302, and redirects are not followed."},
	} {
		if got := result(tc.attempt); got.Message != tc.want || got.Success != (tc.attempt.Error == "") || got.StatusCode != tc.attempt.StatusCode {
			t.Errorf("%+v\n%q, want\n%q", tc.attempt, got.Message, tc.want)
		}
	}
}
